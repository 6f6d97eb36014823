// Zoom and pan of the picture: by wheel, by drag, by two fingers, by keys.

import { byId } from "./dom.js";

const stage = byId("stage");
const world = byId("world");
const canvas = byId("shown");
const SMALLEST = 0.05;
const LARGEST = 32;

let scale = 1;
let left = 0;
let top = 0;
let fitted = true;
const pointers = new Map();

export const zoomNow = () => scale;

/** Where on the picture a pointer is, in shown pixels. */
export function pointOf(event) {
  const box = canvas.getBoundingClientRect();
  return [((event.clientX - box.left) / box.width) * canvas.width, ((event.clientY - box.top) / box.height) * canvas.height];
}

function apply() {
  world.style.transform = `translate(${left}px, ${top}px) scale(${scale})`;
  world.classList.toggle("close", scale >= 3);
  world.style.setProperty("--zoom", scale);
  byId("percent").textContent = `${Math.round(scale * 100)} %`;
  stage.dispatchEvent(new CustomEvent("zoomed"));
}

/** Shows all of the picture. */
export function fit() {
  fitted = true;
  const margin = 12;
  const room = [stage.clientWidth - 2 * margin, stage.clientHeight - 2 * margin];
  scale = Math.max(Math.min(room[0] / canvas.width, room[1] / canvas.height, 4), SMALLEST);
  left = (stage.clientWidth - canvas.width * scale) / 2;
  top = (stage.clientHeight - canvas.height * scale) / 2;
  apply();
}

/** Zooms, so that a point of the stage stays where it is. */
function zoomAt(factor, x, y) {
  const next = Math.min(Math.max(scale * factor, SMALLEST), LARGEST);
  left = x - ((x - left) / scale) * next;
  top = y - ((y - top) / scale) * next;
  scale = next;
  fitted = false;
  apply();
}

export function zoomBy(factor) {
  zoomAt(factor, stage.clientWidth / 2, stage.clientHeight / 2);
}

export function panBy(x, y) {
  left += x;
  top += y;
  fitted = false;
  apply();
}

function onPointerMove(event) {
  const before = pointers.get(event.pointerId);
  if (!before) return;
  const now = { x: event.clientX, y: event.clientY };
  const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1];
  if (other) {
    const box = stage.getBoundingClientRect();
    const distance = (point) => Math.hypot(point.x - other.x, point.y - other.y) || 1;
    zoomAt(distance(now) / distance(before), (now.x + other.x) / 2 - box.left, (now.y + other.y) / 2 - box.top);
  }
  panBy((now.x - before.x) / pointers.size, (now.y - before.y) / pointers.size);
  pointers.set(event.pointerId, now);
}

export function connectZoom() {
  stage.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      const box = stage.getBoundingClientRect();
      if (event.shiftKey) panBy(-event.deltaY, -event.deltaX);
      else zoomAt(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0015)), event.clientX - box.left, event.clientY - box.top);
    },
    { passive: false },
  );
  stage.addEventListener("pointerdown", (event) => {
    if (event.defaultPrevented || event.target.closest("[data-handle], .comparing") || event.button === 2) return;
    stage.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    stage.classList.add("panning");
  });
  stage.addEventListener("pointermove", onPointerMove);
  for (const name of ["pointerup", "pointercancel", "lostpointercapture"]) {
    stage.addEventListener(name, (event) => {
      pointers.delete(event.pointerId);
      if (!pointers.size) stage.classList.remove("panning");
    });
  }
  stage.addEventListener("dblclick", (event) => event.target.closest("[data-handle]") || fit());
  canvas.addEventListener("resized", () => {
    world.style.width = `${canvas.width}px`;
    world.style.height = `${canvas.height}px`;
    fit();
  });
  new ResizeObserver(() => fitted && fit()).observe(stage);
  for (const button of document.querySelectorAll("[data-zoom]")) {
    button.addEventListener("click", () => ({ in: () => zoomBy(1.25), out: () => zoomBy(0.8), fit })[button.dataset.zoom]());
  }
  stage.addEventListener("keydown", (event) => {
    if (event.target !== stage) return;
    const pans = { ArrowLeft: [40, 0], ArrowRight: [-40, 0], ArrowUp: [0, 40], ArrowDown: [0, -40] };
    if (event.key in pans) panBy(...pans[event.key]);
    else if (event.key === "+" || event.key === "=") zoomBy(1.25);
    else if (event.key === "-") zoomBy(0.8);
    else return;
    event.preventDefault();
  });
}
