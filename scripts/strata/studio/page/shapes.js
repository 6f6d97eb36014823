// Masks as outlines over the picture, and their shapes to drag: by the pointer, or by the arrow keys on a handle.

import { post } from "./api.js";
import { byId, draw } from "./dom.js";
import { writeJson } from "./json.js";
import { isSame } from "./paths.js";
import { perCanvas } from "./picture.js";
import { layerSchema, resolve } from "./schema.js";
import { session } from "./session.js";
import { pointOf, zoomNow } from "./zoom.js";

const svg = byId("shapes");
const tint = byId("tint");
const RADIUS = 6; // of a handle, in pixels of the screen
let subject = null; // whose mask can be dragged
let outlined = null; // whose mask is shown while a row is pointed at
let tinted = ""; // what the tint shows

/** Lets the mask of a subject be dragged; null for none. */
export function editShapes(name) {
  subject = name;
  refreshShapes();
}

/** Shows the mask of a subject while somebody points at its row; null for none. */
export function outline(name) {
  if (name === outlined) return;
  outlined = name;
  requestAnimationFrame(refreshShapes); // not at once: the focus may be on its way to a handle
}

const maskOf = (name) => session.valueAt(["subjects", name, "mask"]);
const shapePath = (index) => ["subjects", subject, "mask", "shapes", index];
/** A length as a person would write it: whole canvas pixels, or tenths where a pixel is large on the screen. */
function tidy(number) {
  const parts = zoomNow() * perCanvas() >= 6 ? 10 : 1;
  return Math.round(number * parts) / parts;
}

/** Whether what is in a mask can be drawn from its shapes alone. */
const isOfShapes = (mask) => mask.shapes && !mask.image && !mask.layer && !mask.invert && !mask.grow;

/** Draws the outlines and handles anew. */
export function refreshShapes() {
  const focused = document.activeElement?.dataset?.handle;
  svg.replaceChildren();
  if (!session.scene || !session.view) return;
  const { width, height } = byId("shown");
  svg.setAttribute("viewBox", `0 0 ${session.scene.canvas.width} ${session.scene.canvas.height}`);
  svg.style.width = `${width}px`;
  svg.style.height = `${height}px`;
  const name = outlined ?? subject;
  const mask = name && maskOf(name);
  showTint(mask ? name : null, mask);
  if (!mask?.shapes) return;
  if (isOfShapes(mask)) svg.append(drawFeather(mask));
  mask.shapes.forEach((shape, index) => {
    svg.append(...drawOutline(shape, index, name === subject));
    if (name === subject) svg.append(...drawHandles(shape, index));
  });
  if (focused) svg.querySelector(`[data-handle="${CSS.escape(focused)}"]`)?.focus();
}

/** The shapes, softened as the mask will be: feather is the standard deviation of a Gaussian, and so is SVG's. */
function drawFeather(mask) {
  const group = draw("g", { class: "feather", filter: "url(#feathered)" }, ...mask.shapes.flatMap((shape) => fill(shape)));
  const { feather } = resolve(layerSchema("subject").properties.mask).properties; // a mask that was just begun does not have it yet
  const blur = draw("feGaussianBlur", { stdDeviation: mask.feather ?? feather.default });
  const filter = draw("filter", { id: "feathered", x: "-50%", y: "-50%", width: "200%", height: "200%" }, blur);
  return draw("g", {}, draw("defs", {}, filter), group);
}

function fill(shape) {
  switch (shape.shape) {
    case "ellipse": {
      const [l, t, r, b] = shape.bbox;
      return [draw("ellipse", { cx: (l + r) / 2, cy: (t + b) / 2, rx: Math.abs(r - l) / 2, ry: Math.abs(b - t) / 2 })];
    }
    case "rectangle":
    case "rounded_rectangle": {
      const [l, t, r, b] = shape.bbox;
      const radius = Math.min(shape.radius ?? 0, Math.abs(r - l) / 2, Math.abs(b - t) / 2);
      return [
        draw("rect", { x: Math.min(l, r), y: Math.min(t, b), width: Math.abs(r - l), height: Math.abs(b - t), rx: radius }),
      ];
    }
    case "polygon":
      return [draw("polygon", { points: shape.points.map((point) => point.join(",")).join(" ") })];
    case "radial_gradient":
      return [draw("circle", { cx: shape.center[0], cy: shape.center[1], r: shape.radius })];
    default:
      return [];
  }
}

function drawOutline(shape, index, drags) {
  const lines = fill(shape);
  if (shape.shape === "linear_gradient") {
    const [[x1, y1], [x2, y2]] = [shape.start, shape.end];
    lines.push(draw("line", { x1, y1, x2, y2, class: "gradient" }));
  }
  if (shape.shape === "radial_gradient" && shape.inner) {
    lines.push(draw("circle", { cx: shape.center[0], cy: shape.center[1], r: shape.inner }));
  }
  return lines.flatMap((line) => {
    const shadow = line.cloneNode();
    shadow.classList.add("shadow");
    line.classList.add("outline");
    if (drags) {
      line.dataset.handle = `${index} all`;
      line.addEventListener("pointerdown", (event) => drag(event, index, moveWhole));
    }
    return [shadow, line];
  });
}

/** The points of a shape that can be dragged: [name, x, y, what a move to (x, y) makes of the shape]. */
function handlesOf(shape) {
  if (shape.bbox) {
    const [l, t, r, b] = shape.bbox;
    const corner = (name, x, y, change) => [name, x, y, (to) => ({ ...shape, bbox: change(to) })];
    const handles = [
      corner("top left", l, t, ([x, y]) => [x, y, r, b]),
      corner("top right", r, t, ([x, y]) => [l, y, x, b]),
      corner("bottom left", l, b, ([x, y]) => [x, t, r, y]),
      corner("bottom right", r, b, ([x, y]) => [l, t, x, y]),
      corner("top", (l + r) / 2, t, ([, y]) => [l, y, r, b]),
      corner("bottom", (l + r) / 2, b, ([, y]) => [l, t, r, y]),
      corner("left", l, (t + b) / 2, ([x]) => [x, t, r, b]),
      corner("right", r, (t + b) / 2, ([x]) => [l, t, x, b]),
    ];
    if (shape.shape === "rounded_rectangle") {
      handles.push(["radius", l + shape.radius, t, ([x]) => ({ ...shape, radius: Math.max(x - l, 1) })]);
    }
    return handles;
  }
  if (shape.points) {
    return shape.points.map(([x, y], corner) => [`corner ${corner + 1}`, x, y, (to) => ({ ...shape, points: shape.points.with(corner, to) })]);
  }
  if (shape.start) {
    return ["start", "end"].map((name) => [name, ...shape[name], (to) => ({ ...shape, [name]: to })]);
  }
  const [x, y] = shape.center;
  const away = (to) => Math.max(Math.hypot(to[0] - x, to[1] - y), 1);
  const handles = [
    ["centre", x, y, (to) => ({ ...shape, center: to })],
    ["radius", x + shape.radius, y, (to) => ({ ...shape, radius: tidy(away(to)) })],
  ];
  handles.push(["inner radius", x - (shape.inner ?? 0), y, (to) => ({ ...shape, inner: tidy(Math.min(away(to), shape.radius - 1)) })]);
  return handles;
}

function drawHandles(shape, index) {
  const radius = RADIUS / (zoomNow() * perCanvas());
  return handlesOf(shape).map(([name, x, y]) => {
    const key = `${index} ${name}`;
    const handle = draw("circle", {
      cx: x,
      cy: y,
      r: radius,
      class: "handle",
      tabindex: 0,
      role: "button",
      "aria-label": `${name} of shape ${index + 1}: ${tidy(x)}, ${tidy(y)}`,
      "data-handle": key,
    });
    handle.addEventListener("pointerdown", (event) =>
      drag(event, index, (old, from, to) => {
        const found = handlesOf(old).find(([other]) => other === name);
        return found[3]([tidy(found[1] + to[0] - from[0]), tidy(found[2] + to[1] - from[1])]);
      }),
    );
    handle.addEventListener("keydown", (event) => {
      const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
      const now = session.valueAt(shapePath(index)); // keys may come faster than it is drawn
      if (event.key === "Delete" && now.points?.length > 3 && name.startsWith("corner")) {
        put(index, { ...now, points: now.points.toSpliced(Number(name.slice(7)) - 1, 1) });
      } else if (steps) {
        const far = event.shiftKey ? 10 : 1;
        const [, left, top, change] = handlesOf(now).find(([other]) => other === name);
        put(index, change([tidy(left + steps[0] * far), tidy(top + steps[1] * far)]));
      } else return;
      event.preventDefault();
      event.stopPropagation();
    });
    return handle;
  });
}

/** A shape moved as a whole. */
function moveWhole(shape, from, to) {
  const [x, y] = [to[0] - from[0], to[1] - from[1]];
  const by = (point) => [tidy(point[0] + x), tidy(point[1] + y)];
  if (shape.bbox) return { ...shape, bbox: [...by(shape.bbox.slice(0, 2)), ...by(shape.bbox.slice(2))] };
  if (shape.points) return { ...shape, points: shape.points.map(by) };
  if (shape.start) return { ...shape, start: by(shape.start), end: by(shape.end) };
  return { ...shape, center: by(shape.center) };
}

function canvasPoint(event) {
  return pointOf(event).map((length) => length / perCanvas());
}

/** Follows the pointer; `change` says what the shape becomes when the pointer went from one point to another. */
function drag(event, index, change) {
  if (event.button !== 0) return;
  event.preventDefault();
  event.stopPropagation();
  const begun = structuredClone(session.valueAt(shapePath(index)));
  const from = canvasPoint(event);
  svg.setPointerCapture(event.pointerId);
  const move = (moved) => put(index, change(begun, from, canvasPoint(moved)));
  const end = () => {
    svg.removeEventListener("pointermove", move);
    const shape = session.valueAt(shapePath(index));
    // A box that was turned inside out is written with its left first.
    if (shape?.bbox) {
      const [l, t, r, b] = shape.bbox;
      put(index, { ...shape, bbox: [Math.min(l, r), Math.min(t, b), Math.max(l, r), Math.max(t, b)] });
    }
  };
  svg.addEventListener("pointermove", move);
  svg.addEventListener("pointerup", end, { once: true });
}

/** Sets what of a shape is another value than before. */
function put(index, shape) {
  const before = session.valueAt(shapePath(index));
  for (const key of Object.keys(shape)) {
    if (!isSame(shape[key], before[key])) session.set([...shapePath(index), key], shape[key]);
  }
}

/** Tints where a mask is that shapes alone do not tell: an image, a layer, one that is grown or inverted. */
async function showTint(name, mask) {
  const needed = mask && !isOfShapes(mask);
  const asked = needed ? writeJson([session.name, name, mask, session.saved.version]) : "";
  if (asked === tinted) return;
  tinted = asked;
  tint.getContext("2d").clearRect(0, 0, tint.width, tint.height);
  if (!needed || session.wrong.length) return;
  try {
    const response = await post("/api/mask", { scene: session.name, subject: name, edits: session.edits });
    const drawn = await createImageBitmap(await response.blob());
    if (asked === tinted) paintTint(drawn);
  } catch {
    tinted = ""; // a layer that it follows is not built, or another edit is wrong: the sentence is beside the field
  }
}

function paintTint(mask) {
  [tint.width, tint.height] = [byId("shown").width, byId("shown").height];
  const context = tint.getContext("2d");
  context.drawImage(mask, 0, 0, tint.width, tint.height);
  const image = context.getImageData(0, 0, tint.width, tint.height);
  for (let index = 0; index < image.data.length; index += 4) {
    image.data.set([226, 104, 52, image.data[index] * 0.5], index);
  }
  context.putImageData(image, 0, 0);
}

/** A new shape of a kind, in the middle of the canvas. */
export function makeShape(kind) {
  const { width, height } = session.scene.canvas;
  const [x, y] = [Math.round(width / 2), Math.round(height / 2)];
  const reach = Math.round(Math.min(width, height) / 4);
  const bbox = [x - reach, y - reach, x + reach, y + reach];
  switch (kind) {
    case "rounded_rectangle":
      return { shape: kind, bbox, radius: Math.round(reach / 4) };
    case "polygon":
      return { shape: kind, points: [[x, y - reach], [x + reach, y + reach], [x - reach, y + reach]] };
    case "linear_gradient":
      return { shape: kind, start: [0, y], end: [width, y] };
    case "radial_gradient":
      return { shape: kind, center: [x, y], radius: reach };
    default:
      return { shape: kind, bbox };
  }
}
