// A brush that paints a mask into a file. Nothing is written before "Use this mask".

import { post } from "./api.js";
import { byId } from "./dom.js";
import { session } from "./session.js";
import { pointOf } from "./zoom.js";

const canvas = byId("paint");
let subject = null;
let erases = false;
let last = null;

export const isPainting = () => subject !== null;

/** Begins with the subject's mask as it is. Where somebody paints already, what is painted stays. */
export async function startBrush(name) {
  if (isPainting()) return;
  subject = name;
  const mask = session.valueAt(["subjects", name, "mask"]);
  [canvas.width, canvas.height] = session.view.size;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.clearRect(0, 0, canvas.width, canvas.height);
  if (mask && !session.wrong.length) {
    const response = await post("/api/mask", { scene: session.name, subject: name, edits: session.edits }).catch(() => null);
    if (response) drawMask(context, await createImageBitmap(await response.blob()));
    if (subject !== name) return; // left before the mask was there
  }
  erases = false;
  last = null;
  show();
}

function drawMask(context, mask) {
  context.drawImage(mask, 0, 0);
  const image = context.getImageData(0, 0, canvas.width, canvas.height);
  for (let index = 0; index < image.data.length; index += 4) {
    image.data[index + 3] = image.data[index];
    image.data[index] = image.data[index + 1] = image.data[index + 2] = 255;
  }
  context.putImageData(image, 0, 0);
}

function show() {
  canvas.hidden = byId("brush").hidden = subject === null;
  byId("brush-erase").setAttribute("aria-pressed", String(erases));
  document.body.classList.toggle("painting", subject !== null);
}

export function endBrush() {
  subject = null;
  show();
}

export function toggleEraser() {
  erases = !erases;
  show();
}

/** Stamps the brush along a line, in rendered pixels: closely enough to look like one stroke. */
function stroke(from, to) {
  const context = canvas.getContext("2d");
  const radius = Number(byId("brush-size").value) * (canvas.width / session.scene.canvas.width) / 2;
  const soft = Number(byId("brush-soft").value);
  const steps = Math.max(Math.ceil(Math.hypot(to[0] - from[0], to[1] - from[1]) / Math.max(radius / 4, 1)), 1);
  context.globalCompositeOperation = erases ? "destination-out" : "source-over";
  for (let step = 0; step <= steps; step++) {
    const [x, y] = [0, 1].map((axis) => from[axis] + ((to[axis] - from[axis]) * step) / steps);
    const gradient = context.createRadialGradient(x, y, radius * (1 - soft), x, y, radius);
    gradient.addColorStop(0, "#fff");
    gradient.addColorStop(1, soft ? "#fff0" : "#fff");
    context.fillStyle = gradient;
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.fill();
  }
  context.globalCompositeOperation = "source-over";
}

/** A pointer's place in rendered pixels. */
function place(event) {
  const shown = byId("shown");
  const [x, y] = pointOf(event);
  return [(x / shown.width) * canvas.width, (y / shown.height) * canvas.height];
}

/** Writes the mask into a new file, and has the subject's mask be it: an edit like any other. */
async function use() {
  const name = subject;
  const whole = document.createElement("canvas");
  [whole.width, whole.height] = [canvas.width, canvas.height];
  const context = whole.getContext("2d");
  context.fillRect(0, 0, whole.width, whole.height);
  context.drawImage(canvas, 0, 0);
  const picture = await new Promise((resolve) => whole.toBlob(resolve, "image/png"));
  const { file } = await (await post(`/api/masks/${name}`, picture)).json();
  endBrush();
  // The picture holds all that the mask was: its shapes, and how they were widened and softened.
  const feather = 0;
  session.add({ kind: "set", path: ["subjects", name, "mask"], value: { image: file, feather } });
}

export function connectBrush(fail) {
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    event.preventDefault();
    event.stopPropagation();
    canvas.setPointerCapture(event.pointerId);
    last = place(event);
    stroke(last, last);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!last || !canvas.hasPointerCapture(event.pointerId)) return;
    for (const moved of event.getCoalescedEvents?.() ?? [event]) {
      const to = place(moved);
      stroke(last, to);
      last = to;
    }
  });
  canvas.addEventListener("pointerup", () => (last = null));
  byId("brush-erase").addEventListener("click", toggleEraser);
  byId("brush-clear").addEventListener("click", () => canvas.getContext("2d").clearRect(0, 0, canvas.width, canvas.height));
  byId("brush-cancel").addEventListener("click", endBrush);
  byId("brush-done").addEventListener("click", () => use().catch(fail));
}
