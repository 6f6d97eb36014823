// The layers as they lie on each other, the topmost first: eyes, small pictures, and what a build would do to each.

import { pictureOf } from "./api.js";
import { byId, make, makeIcon, sayTime } from "./dom.js";
import { askName, select, selectedLayer } from "./inspector.js";
import { isHidden, toggle } from "./picture.js";
import { previewOf } from "./previews.js";
import { session } from "./session.js";
import { outline } from "./shapes.js";

const list = byId("layers");
const OPEN = ["M2 12c3-5 6-7 10-7s7 2 10 7c-3 5-6 7-10 7s-7-2-10-7z", "M12 9a3 3 0 1 0 .01 0z"];
const CLOSED = ["M2 11c3 4 6 6 10 6s7-2 10-6M5 15l-2 2M12 17v3M19 15l2 2"];
const BADGES = { paint: "will be painted", store: "comes from the store", draw: "will be drawn" };

let carried = null; // the layer that is being dragged

export function updateStack() {
  if (!session.scene || !session.view) return list.replaceChildren();
  const focused = document.activeElement?.closest?.("#layers li")?.dataset.layer;
  const part = document.activeElement?.className;
  const entries = [...session.scene.composite.layers].reverse();
  const stacked = new Set(entries.map((entry) => entry.layer));
  const loose = session.view.layers.filter((layer) => !stacked.has(layer.name));
  list.replaceChildren(
    makeFinish(),
    ...entries.map((entry) => makeRow(entry.layer, entry)),
    ...loose.map((layer) => makeRow(layer.name, null)),
  );
  if (focused) {
    const row = [...list.children].find((each) => each.dataset.layer === focused);
    (row?.getElementsByClassName(part)[0] ?? row?.querySelector("button"))?.focus();
  }
}

function makeEye(name) {
  const closed = isHidden(name);
  const eye = make("button.eye", { type: "button", ariaLabel: `Show ${name}`, aria: { pressed: String(!closed) }, onclick: () => flip(name) });
  eye.append(makeIcon(...(closed ? CLOSED : OPEN)));
  return eye;
}

export function flip(name) {
  toggle(name);
  updateStack();
}

function makeFinish() {
  const factors = Object.entries(session.scene.composite.finish).filter(([, factor]) => factor !== 1);
  const said = factors.map(([name, factor]) => `${name} ${factor}`).join(", ") || "changes nothing";
  const name = make("button.name", { type: "button", onclick: () => select("finish") }, "finish");
  const row = make("li", { data: { layer: "finish" } }, makeEye("finish"), make("span"), make("div", {}, name, make("span.how", {}, said)));
  row.classList.toggle("selected", selectedLayer() === "finish");
  row.classList.toggle("off", isHidden("finish"));
  return row;
}

function makeRow(name, entry) {
  const layer = session.view.layers.find((each) => each.name === name);
  const picture = makeThumbnail(layer);
  const how = entry ? `${entry.blend.replaceAll("_", " ")} ${Math.round(entry.opacity * 100)} %` : "not in the composite";
  const chosen = make("button.name", { type: "button", onclick: () => select(name) }, name);
  const row = make("li", { data: { layer: name }, draggable: Boolean(entry) }, entry ? makeEye(name) : make("span"), picture, make("div", {}, chosen, make("span.how", {}, how)));
  if (layer && BADGES[layer.action]) {
    const said = `${name} ${BADGES[layer.action]}, ${sayTime(layer.seconds)}: ${layer.why.join("; ")}`;
    row.append(make("span.badge", { title: said, role: "img", ariaLabel: said, data: { action: layer.action } }));
  }
  if (!entry) row.append(make("button", { type: "button", title: "Put it on top", onclick: () => restack(name, session.scene.composite.layers.length) }, "Show"));
  row.classList.toggle("selected", selectedLayer() === name);
  row.classList.toggle("off", isHidden(name));
  if (layer?.kind === "subject") {
    for (const event of ["pointerenter", "focusin"]) row.addEventListener(event, () => outline(name));
    for (const event of ["pointerleave", "focusout"]) row.addEventListener(event, () => outline(null));
  }
  if (entry) makeMovable(row, name);
  return row;
}

function addressOf(layer) {
  const preview = previewOf(layer?.file);
  if (preview && !(preview.over && layer.version)) return preview.address;
  return layer?.version ? pictureOf("thumbnail", layer.file, layer.version) : null;
}

function makeThumbnail(layer) {
  const src = addressOf(layer);
  return src ? make("img", { src, alt: "", loading: "lazy", draggable: false }) : make("span.blank", {}, "…");
}

/** Shows the previews of passes at work as their layers' small pictures; the rows stay, and whatever is done to them. */
export function updateThumbnails() {
  for (const layer of session.view?.layers ?? []) {
    const src = addressOf(layer);
    const row = [...list.children].find((each) => each.dataset.layer === layer.name);
    const shown = row?.querySelector("img");
    if (shown && src) shown.src = src;
    else row?.querySelector(".blank")?.replaceWith(makeThumbnail(layer));
  }
}

const restack = (layer, index) => session.add({ kind: "restack", layer, index });
const placeOf = (name) => session.scene.composite.layers.findIndex((entry) => entry.layer === name);

/** Lets a row be dragged, or moved by Alt with the arrow keys. */
function makeMovable(row, name) {
  row.addEventListener("dragstart", (event) => {
    carried = name;
    event.dataTransfer.effectAllowed = "move";
  });
  row.addEventListener("dragover", (event) => {
    if (carried && carried !== name) event.preventDefault();
  });
  row.addEventListener("drop", (event) => {
    event.preventDefault();
    if (carried && carried !== name) restack(carried, placeOf(name));
  });
  row.addEventListener("dragend", () => (carried = null));
  row.addEventListener("keydown", (event) => {
    const up = event.key === "ArrowUp";
    if (!up && event.key !== "ArrowDown") return;
    event.preventDefault();
    if (event.altKey) {
      const index = placeOf(name) + (up ? 1 : -1);
      if (index >= 0 && index < session.scene.composite.layers.length) restack(name, index);
    } else {
      const next = up ? row.previousElementSibling : row.nextElementSibling;
      next?.querySelector(".name").focus();
    }
  });
}

/** Asks for a new layer's name, and adds it with what it needs at the least. */
function addLayer(section) {
  const kind = section === "subjects" ? "subject" : "effect";
  askName(`A new ${kind}`, "", (name) => {
    const { width, height } = session.scene.canvas;
    const bbox = [0.35 * width, 0.35 * height, 0.65 * width, 0.75 * height].map(Math.round);
    const mask = { shapes: [{ shape: "ellipse", bbox }], feather: 8 };
    const words = name.replaceAll(/[-_]/g, " ");
    session.add({ kind: "add", section, name, value: section === "subjects" ? { mask, prompt: words } : { prompt: words } });
    select(name);
  });
}

export function connectStack() {
  byId("add-subject").addEventListener("click", () => addLayer("subjects"));
  byId("add-effect").addEventListener("click", () => addLayer("effects"));
}
