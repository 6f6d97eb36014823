"use strict";
// The stack as pixels: what strata/imaging/compositing.py does, operation for operation.
//
// Formulas: W3C, Compositing and Blending Level 1, sections 5 and 9.1, over opaque black, colours as they are stored. Each
// operation is rounded to 32 bits as NumPy does it (Math.fround), so that the levels come out the same to the bit.

const f = Math.fround;

const multiply = (cb, cs) => f(cb * cs);
const screen = (cb, cs) => f(f(cb + cs) - f(cb * cs));
const hardLight = (cb, cs) => (cs <= 0.5 ? multiply(cb, f(2 * cs)) : screen(cb, f(f(2 * cs) - 1)));

function softLight(cb, cs) {
  const twice = f(2 * cs);
  if (cs <= 0.5) return f(cb - f(f(f(1 - twice) * cb) * f(1 - cb)));
  const d = cb <= 0.25 ? f(f(f(f(f(16 * cb) - 12) * cb) + 4) * cb) : f(Math.sqrt(cb));
  return f(cb + f(f(twice - 1) * f(d - cb)));
}

const BLEND_MODES = {
  normal: (cb, cs) => cs,
  multiply,
  screen,
  overlay: (cb, cs) => hardLight(cs, cb),
  soft_light: softLight,
  hard_light: hardLight,
  darken: (cb, cs) => Math.min(cb, cs),
  lighten: (cb, cs) => Math.max(cb, cs),
  add: (cb, cs) => Math.min(f(cb + cs), 1),
  difference: (cb, cs) => Math.abs(f(cb - cs)),
};

const FLOATS = Float32Array.from({ length: 256 }, (_, level) => level / 255);

/** The nearest level to a value from 0 to 1; halves go to the even one. */
function toLevel(value) {
  const level = f(value * 255);
  if (level <= 0) return 0;
  if (level >= 255) return 255;
  const below = Math.floor(level);
  const rest = level - below;
  return rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below;
}

/**
 * Flattens some rows of a stack.
 *
 * @param layers bottom to top: {x, y, width, height, channels, pixels, level, blend}, pixels straight, level from 0 to 255
 * @param width of the canvas in pixels
 * @param first, end the rows, the latter outside
 * @param beneath what paintStack() made of the layers beneath these; null for opaque black
 * @returns levels, three to a pixel
 */
function flattenRows(layers, width, first, end, beneath = null) {
  const canvas = paintStack(layers, width, first, end, beneath);
  const levels = new Uint8ClampedArray(canvas.length);
  for (let index = 0; index < canvas.length; index++) levels[index] = toLevel(canvas[index]);
  return levels;
}

/** The values of a stack's rows before they are rounded to levels, three to a pixel; see flattenRows(). */
function paintStack(layers, width, first, end, beneath = null) {
  const canvas = beneath ? beneath.slice() : new Float32Array((end - first) * width * 3);
  for (const layer of layers) {
    if (layer.level > 0) paintRows(canvas, layer, width, first, end);
  }
  return canvas;
}

function paintRows(canvas, layer, width, first, end) {
  const { x, y, channels, pixels } = layer;
  const blend = BLEND_MODES[layer.blend];
  const isNormal = layer.blend === "normal"; // of most layers: without the call of a function for each value
  const opacity = f(layer.level / 255);
  const left = Math.max(x, 0);
  const right = Math.min(x + layer.width, width);
  for (let row = Math.max(y, first); row < Math.min(y + layer.height, end); row++) {
    let source = ((row - y) * layer.width + left - x) * channels;
    let target = ((row - first) * width + left) * 3;
    for (let column = left; column < right; column++, source += channels, target += 3) {
      const alpha = channels === 4 ? f(FLOATS[pixels[source + 3]] * opacity) : opacity;
      if (alpha === 0) continue;
      const rest = f(1 - alpha);
      if (isNormal) {
        canvas[target] = f(alpha * FLOATS[pixels[source]]) + f(rest * canvas[target]);
        canvas[target + 1] = f(alpha * FLOATS[pixels[source + 1]]) + f(rest * canvas[target + 1]);
        canvas[target + 2] = f(alpha * FLOATS[pixels[source + 2]]) + f(rest * canvas[target + 2]);
        continue;
      }
      for (let channel = 0; channel < 3; channel++) {
        const cb = canvas[target + channel];
        canvas[target + channel] = f(alpha * blend(cb, FLOATS[pixels[source + channel]])) + f(rest * cb);
      }
    }
  }
}

/** Between two levels and beyond, cut off and truncated, as Pillow blends pictures. */
function mix(from, to, factor) {
  const level = f(from + f(factor * (to - from)));
  return level <= 0 ? 0 : level >= 255 ? 255 : Math.trunc(level);
}

/** Luma of BT.601 in 16 bits, as Pillow's mode "L". */
const luma = (r, g, b) => (r * 19595 + g * 38470 + b * 7471 + 0x8000) >> 16;

/**
 * Brightness, contrast, colour and sharpness of levels, three to a pixel, as Pillow's ImageEnhance defines them.
 *
 * @param factors {brightness, contrast, color, sharpness}; 1 changes nothing
 */
function finishLevels(levels, width, height, factors) {
  const brightness = f(factors.brightness);
  const contrast = f(factors.contrast);
  const color = f(factors.color);
  const sharpness = f(factors.sharpness);
  let result = levels;
  if (brightness !== 1) result = mapLevels(result, (level) => mix(0, level, brightness));
  if (contrast !== 1) {
    let sum = 0;
    for (let index = 0; index < result.length; index += 3) sum += luma(result[index], result[index + 1], result[index + 2]);
    const mean = Math.floor(sum / (result.length / 3) + 0.5);
    result = mapLevels(result, (level) => mix(mean, level, contrast));
  }
  if (color !== 1) {
    const coloured = new Uint8ClampedArray(result.length);
    for (let index = 0; index < result.length; index += 3) {
      const grey = luma(result[index], result[index + 1], result[index + 2]);
      for (let channel = index; channel < index + 3; channel++) coloured[channel] = mix(grey, result[channel], color);
    }
    result = coloured;
  }
  return sharpness === 1 ? result : sharpen(result, width, height, sharpness);
}

/** What a function makes of each level; it is asked once for each that there can be. */
function mapLevels(levels, change) {
  const table = Uint8ClampedArray.from({ length: 256 }, (_, level) => change(level));
  const result = new Uint8ClampedArray(levels.length);
  for (let index = 0; index < levels.length; index++) result[index] = table[levels[index]];
  return result;
}

function sharpen(levels, width, height, factor) {
  const result = new Uint8ClampedArray(levels.length);
  const row = width * 3;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const inside = x > 0 && y > 0 && x < width - 1 && y < height - 1;
      for (let index = y * row + x * 3; index < y * row + x * 3 + 3; index++) {
        let smooth = levels[index];
        if (inside) {
          let sum = 4 * smooth;
          for (let above = index - row; above <= index + row; above += row) {
            sum += levels[above - 3] + levels[above] + levels[above + 3];
          }
          smooth = Math.floor(sum / 13 + 0.5);
        }
        result[index] = mix(smooth, levels[index], factor);
      }
    }
  }
  return result;
}

/** The pixels of a PNG of 8 bits, RGB or RGBA, not interlaced, as they are stored: a canvas would round what is transparent. */
async function decodePng(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const width = view.getUint32(16);
  const height = view.getUint32(20);
  const channels = bytes[25] === 6 ? 4 : 3;
  const parts = [];
  for (let place = 8; place < bytes.length; ) {
    const length = view.getUint32(place);
    if (String.fromCharCode(...bytes.subarray(place + 4, place + 8)) === "IDAT") {
      parts.push(bytes.subarray(place + 8, place + 8 + length));
    }
    place += 12 + length;
  }
  const stream = new Blob(parts).stream().pipeThrough(new DecompressionStream("deflate"));
  const filtered = new Uint8Array(await new Response(stream).arrayBuffer());
  return { width, height, channels, pixels: unfilter(filtered, width * channels, height, channels) };
}

/** Undoes the filters of a PNG's rows: PNG Specification, third edition, section 9. */
function unfilter(filtered, length, height, channels) {
  const pixels = new Uint8Array(length * height);
  const nothing = new Uint8Array(length);
  for (let row = 0; row < height; row++) {
    const start = row * (length + 1) + 1;
    const source = filtered.subarray(start, start + length);
    const above = row > 0 ? pixels.subarray((row - 1) * length, row * length) : nothing;
    unfilterRow(filtered[start - 1], source, above, pixels.subarray(row * length, (row + 1) * length), channels);
  }
  return pixels;
}

function unfilterRow(filter, source, above, target, channels) {
  const length = target.length;
  if (filter === 1) {
    for (let index = 0; index < channels; index++) target[index] = source[index];
    for (let index = channels; index < length; index++) target[index] = source[index] + target[index - channels];
  } else if (filter === 2) {
    for (let index = 0; index < length; index++) target[index] = source[index] + above[index];
  } else if (filter === 3) {
    for (let index = 0; index < channels; index++) target[index] = source[index] + (above[index] >> 1);
    for (let index = channels; index < length; index++) {
      target[index] = source[index] + ((target[index - channels] + above[index]) >> 1);
    }
  } else if (filter === 4) {
    for (let index = 0; index < channels; index++) target[index] = source[index] + above[index];
    for (let index = channels; index < length; index++) {
      target[index] = source[index] + paeth(target[index - channels], above[index], above[index - channels]);
    }
  } else {
    target.set(source);
  }
}

function paeth(a, b, c) {
  const p = a + b - c;
  const pa = Math.abs(p - a);
  const pb = Math.abs(p - b);
  const pc = Math.abs(p - c);
  return pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
}
