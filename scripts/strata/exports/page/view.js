"use strict";
// The page of a scene: its picture, its layers with an eye and an opacity each, and a slider between any two pictures.

const data = JSON.parse(document.getElementById("picture").textContent);
const [width, height] = data.size;
const stage = document.getElementById("stage");
const canvas = document.getElementById("shown");
const before = document.getElementById("before");
const outline = document.getElementById("outline");
const state = document.getElementById("state");
const ROWS = 128; // flattened between two looks at what else there is to do

/** The bytes of a text in base64. Browsers since 2025 have a function for it, which is faster. */
function bytesOf(text) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  const decoded = atob(text);
  const bytes = new Uint8Array(decoded.length);
  for (let index = 0; index < bytes.length; index++) bytes[index] = decoded.charCodeAt(index);
  return bytes;
}

/** The layers, bottom to top, with their pixels and what the page has changed of them. */
const layers = data.layers.map((layer) => ({ ...layer, original: layer.level, on: true }));
let finished = true;
let residual = null;
let turn = 0;

/** Shows levels, three to a pixel, on a canvas. */
function show(target, levels) {
  const image = new ImageData(width, height);
  for (let from = 0, to = 0; from < levels.length; from += 3, to += 4) {
    image.data[to] = levels[from];
    image.data[to + 1] = levels[from + 1];
    image.data[to + 2] = levels[from + 2];
    image.data[to + 3] = 255;
  }
  target.width = width;
  target.height = height;
  target.getContext("2d").putImageData(image, 0, 0);
}

/** Whether what is shown is the final picture: every eye is on, and no opacity was moved. */
const isFinal = () => finished && layers.every((layer) => layer.on && layer.level === layer.original);

/**
 * The levels of a stack, without blocking the page; null if another stack was asked for meanwhile.
 *
 * @param stack layers, bottom to top
 * @param finish whether to finish it
 * @param exact whether it is the final picture itself, to which what a person retouched is added
 */
async function compose(stack, finish, exact, isWanted) {
  const levels = new Uint8ClampedArray(width * height * 3);
  for (let row = 0; row < height; row += ROWS) {
    const end = Math.min(row + ROWS, height);
    levels.set(flattenRows(stack, width, row, end), row * width * 3);
    if (end < height && width * height > 1e6) await new Promise((resolve) => setTimeout(resolve));
    if (!isWanted()) return null;
  }
  let result = finish ? finishLevels(levels, width, height, data.finish) : levels;
  if (exact && residual) result = result.map((level, index) => (level + residual[index]) & 255);
  return result;
}

async function refresh() {
  const mine = ++turn;
  document.body.dataset.busy = "";
  const stack = layers.filter((layer) => layer.on);
  const levels = await compose(stack, finished, isFinal(), () => mine === turn);
  if (!levels) return;
  show(canvas, levels);
  const hidden = layers.filter((layer) => !layer.on).map((layer) => layer.name);
  state.textContent = isFinal()
    ? "This is final.png."
    : hidden.length || !finished
      ? `Without ${[...hidden, ...(finished ? [] : ["the finish"])].join(", ")}.`
      : "With other opacities than final.png.";
  delete document.body.dataset.busy;
  document.body.dataset.turn = String(mine);
}

/** Draws where a layer is: the border of its alpha at one half, or of its rectangle. */
function drawOutline(layer) {
  outline.width = width;
  outline.height = height;
  if (!layer) return;
  const context = outline.getContext("2d");
  const image = context.createImageData(width, height);
  const thick = Math.max(1, Math.round(Math.max(width, height) / 600));
  const inside = (x, y) => {
    const column = x - layer.x;
    const row = y - layer.y;
    if (column < 0 || row < 0 || column >= layer.width || row >= layer.height) return false;
    return layer.channels === 3 || layer.pixels[(row * layer.width + column) * 4 + 3] >= 128;
  };
  for (let y = Math.max(layer.y, 0); y < Math.min(layer.y + layer.height, height); y++) {
    for (let x = Math.max(layer.x, 0); x < Math.min(layer.x + layer.width, width); x++) {
      if (!inside(x, y)) continue;
      const far = [[-thick, 0], [thick, 0], [0, -thick], [0, thick]];
      const near = [[-2 * thick, 0], [2 * thick, 0], [0, -2 * thick], [0, 2 * thick]];
      const edge = far.some(([dx, dy]) => !inside(x + dx, y + dy) || !within(x + dx, y + dy));
      if (edge || near.some(([dx, dy]) => !inside(x + dx, y + dy) || !within(x + dx, y + dy))) {
        image.data.set(edge ? [255, 255, 255, 255] : [0, 0, 0, 200], (y * width + x) * 4);
      }
    }
  }
  context.putImageData(image, 0, 0);
}

let pointed = null;

/** Shows where a layer is and how it was made; null for none. */
function point(layer) {
  if (layer === pointed) return;
  pointed = layer;
  drawOutline(layer);
  for (const row of rows) row.classList.toggle("pointed", layer !== null && layerOf(row) === layer);
  document.getElementById("told").textContent = layer ? layer.told : "";
}

/** The topmost layer that is shown at a point of the picture and does not cover all of it; null if there is none. */
function findLayer(event) {
  const box = canvas.getBoundingClientRect();
  const x = Math.floor(((event.clientX - box.left) / box.width) * width);
  const y = Math.floor(((event.clientY - box.top) / box.height) * height);
  const isThere = (layer) => {
    const [column, row] = [x - layer.x, y - layer.y];
    if (!layer.on || layer.channels === 3 || column < 0 || row < 0 || column >= layer.width || row >= layer.height) return false;
    return layer.pixels[(row * layer.width + column) * 4 + 3] >= 128;
  };
  return layers.findLast(isThere) ?? null;
}

const within = (x, y) => x >= 0 && y >= 0 && x < width && y < height;

/** A small picture of a layer on a canvas in its row. */
function drawThumbnail(target, layer) {
  const whole = document.createElement("canvas");
  whole.width = layer.width;
  whole.height = layer.height;
  const image = new ImageData(layer.width, layer.height);
  for (let from = 0, to = 0; from < layer.pixels.length; from += layer.channels, to += 4) {
    for (let channel = 0; channel < 3; channel++) image.data[to + channel] = layer.pixels[from + channel];
    image.data[to + 3] = layer.channels === 4 ? layer.pixels[from + 3] : 255;
  }
  whole.getContext("2d").putImageData(image, 0, 0);
  const scale = Math.min(target.width / width, target.height / height);
  const context = target.getContext("2d");
  context.imageSmoothingQuality = "high";
  const left = (target.width - width * scale) / 2;
  const top = (target.height - height * scale) / 2;
  context.beginPath();
  context.rect(left, top, width * scale, height * scale);
  context.clip();
  context.drawImage(whole, left + layer.x * scale, top + layer.y * scale, layer.width * scale, layer.height * scale);
}

function setEye(row, on) {
  const eye = row.querySelector(".eye");
  eye.setAttribute("aria-pressed", String(on));
  row.classList.toggle("off", !on);
}

function prepareRow(row, layer) {
  const eye = row.querySelector(".eye");
  const range = row.querySelector("input[type=range]");
  const told = row.querySelector("output");
  eye.addEventListener("click", () => {
    if (layer) layer.on = !layer.on;
    else finished = !finished;
    setEye(row, layer ? layer.on : finished);
    compare();
  });
  if (layer) {
    drawThumbnail(row.querySelector("canvas"), layer);
    range.addEventListener("input", () => {
      layer.level = Number(range.value);
      told.textContent = `${Math.round((layer.level / 255) * 100)} %`;
      compare();
    });
    for (const name of ["pointerenter", "focusin"]) row.addEventListener(name, () => point(layer));
    for (const name of ["pointerleave", "focusout"]) row.addEventListener(name, () => point(null));
  }
}

/** Puts everything back to the final picture. */
function reset() {
  finished = true;
  for (const layer of layers) {
    layer.on = true;
    layer.level = layer.original;
  }
  for (const row of rows) {
    setEye(row, true);
    const range = row.querySelector("input[type=range]");
    if (range) {
      range.value = range.defaultValue;
      row.querySelector("output").textContent = `${Math.round((range.value / 255) * 100)} %`;
    }
  }
  compare();
}

const rows = [...document.querySelectorAll("#layers > li")];
const layerOf = (row) => layers[Number(row.dataset.layer)];

// The slider.

const left = document.getElementById("left");
const right = document.getElementById("right");
const files = new Map();

/** The levels of a picture that can be compared, by the value of its option. */
async function levelsOf(choice) {
  const always = () => true;
  if (choice === "final") return compose(layers.map((layer) => ({ ...layer, level: layer.original })), true, true, always);
  if (choice === "flat") return compose(layers.map((layer) => ({ ...layer, level: layer.original })), false, false, always);
  if (choice === "shown") return compose(layers.filter((layer) => layer.on), finished, isFinal(), always);
  const [kind, number] = choice.split(" ");
  if (kind === "compared") return (await decodePng(bytesOf(data.compared[number]))).pixels;
  if (kind === "file") return files.get(choice);
  return compose(layers.slice(0, Number(number)).map((layer) => ({ ...layer, level: layer.original })), false, false, always);
}

async function compare() {
  const comparing = stage.classList.contains("comparing");
  if (!comparing) return refresh();
  document.body.dataset.busy = "";
  const mine = ++turn;
  const pictures = [await levelsOf(left.value), await levelsOf(right.value)];
  if (mine !== turn) return;
  show(before, pictures[0]);
  show(canvas, pictures[1]);
  state.textContent = `${left.selectedOptions[0].text} | ${right.selectedOptions[0].text}`;
  delete document.body.dataset.busy;
  document.body.dataset.turn = String(mine);
}

/** Adds a picture from the disk to what can be compared. */
async function addFile(file) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file, { colorSpaceConversion: "none" });
  } catch {
    state.textContent = `${file.name} is no picture that this browser can read.`;
    return;
  }
  const drawn = document.createElement("canvas");
  drawn.width = width;
  drawn.height = height;
  const context = drawn.getContext("2d");
  context.drawImage(bitmap, 0, 0, width, height);
  const pixels = context.getImageData(0, 0, width, height).data;
  const levels = new Uint8ClampedArray(width * height * 3);
  for (let from = 0, to = 0; from < pixels.length; from += 4, to += 3) levels.set(pixels.subarray(from, from + 3), to);
  const value = `file ${files.size}`;
  files.set(value, levels);
  for (const select of [left, right]) select.add(new Option(file.name, value));
  left.value = value;
  setComparing(true);
}

function setComparing(on) {
  stage.classList.toggle("comparing", on);
  document.getElementById("compare").setAttribute("aria-pressed", String(on));
  document.getElementById("choices").hidden = !on;
  compare();
}

function setTheme() {
  const dark = getComputedStyle(document.documentElement).colorScheme.startsWith("dark");
  document.documentElement.dataset.theme = dark ? "light" : "dark";
}

const KEYS = {
  c: () => setComparing(!stage.classList.contains("comparing")),
  a: reset,
  t: setTheme,
  f: () => rows.find((row) => row.dataset.layer === "finish")?.querySelector(".eye").click(),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("select, input:not([type=range])")) return;
  const row = event.target.closest("#layers > li");
  if (event.key in KEYS) KEYS[event.key]();
  else if (/^[1-9]$/.test(event.key)) rows[Number(event.key) - 1]?.querySelector(".eye").click();
  else if (row && (event.key === "ArrowDown" || event.key === "ArrowUp") && !event.target.matches("input")) {
    const next = rows[rows.indexOf(row) + (event.key === "ArrowDown" ? 1 : -1)];
    next?.querySelector(".eye").focus();
    event.preventDefault();
  }
});

async function start() {
  for (const layer of layers) {
    const decoded = await decodePng(bytesOf(layer.png));
    Object.assign(layer, decoded, { png: null });
  }
  if (data.residual) residual = (await decodePng(bytesOf(data.residual))).pixels;
  for (const row of rows) prepareRow(row, row.dataset.layer === "finish" ? null : layerOf(row));
  document.getElementById("compare").addEventListener("click", KEYS.c);
  document.getElementById("reset").addEventListener("click", reset);
  document.getElementById("theme").addEventListener("click", setTheme);
  document.getElementById("file").addEventListener("change", (event) => [...event.target.files].forEach(addFile));
  for (const select of [left, right]) select.addEventListener("change", compare);
  stage.addEventListener("dragover", (event) => event.preventDefault());
  stage.addEventListener("drop", (event) => {
    event.preventDefault();
    [...event.dataTransfer.files].forEach(addFile);
  });
  stage.addEventListener("pointermove", (event) => {
    if (!stage.classList.contains("comparing")) point(findLayer(event));
  });
  stage.addEventListener("pointerleave", () => point(null));
  connectSlider(stage, document.getElementById("split"));
  document.body.classList.add("ready");
  await refresh();
}

start().catch((error) => {
  state.textContent = `The layers cannot be shown here: ${error.message}. The picture above is a preview.`;
});
