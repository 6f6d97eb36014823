// The picture: the layers that are built, flattened here by the page of exports' own arithmetic, so that a slider shows at once.

import { get, pictureOf } from "./api.js";
import { byId } from "./dom.js";
import { writeJson } from "./json.js";
import { isSame } from "./paths.js";
import { placePreview, previewOf } from "./previews.js";
import { session } from "./session.js";

/* global decodePng, finishLevels, flattenRows, paintStack */

const canvas = byId("shown");
const NO_FINISH = { brightness: 1, contrast: 1, color: 1, sharpness: 1 };

const hidden = new Set(); // names of layers whose eyes are closed, and "finish"
const layers = new Map(); // by name: {address, picture: Promise of {x, y, width, height, channels, pixels}}
const finals = new Map(); // by address: levels of final.png
let turn = 0;
let isShown = false;
let image = null; // what is put on the canvas, used again and again
let stackBefore = []; // the stack that was flattened last
let beneath = null; // {stack, canvas}: what lies beneath the layer that was changed last, before it is rounded

export const isHidden = (name) => hidden.has(name);

export function toggle(name) {
  if (!hidden.delete(name)) hidden.add(name);
  refresh();
}

export function showAll() {
  hidden.clear();
  refresh();
}

/** The size of what is shown, in its pixels: an edit of the canvas shows when it was built. */
export function shownSize(view = session.saved) {
  const scale = view.scale;
  return view.size.map((side) => (scale < 1 ? Math.max(Math.round(side * scale), 1) : side));
}

/** Shown pixels per canvas pixel. */
export const perCanvas = () => canvas.width / session.scene.canvas.width;

/** A layer's pixels as the composite's entry blurs, moves and veils them: the server's part, since it is the library's. */
function fetchLayer(view, entry) {
  const of = view.layers.find((layer) => layer.name === entry.layer);
  if (!of?.version) return null;
  const how = writeJson({ blur: entry.blur, position: entry.position, depth: entry.depth });
  const address = { scene: session.name, layer: entry.layer, how, v: `${of.version}-${session.saved.size}` };
  const key = JSON.stringify(address);
  const known = layers.get(entry.layer);
  if (known?.key === key) return known;
  const fetched = { key, picture: null, last: known?.picture ? known : known?.last };
  fetched.promise = load(address)
    .then((picture) => (fetched.picture = picture))
    .catch(() => (fetched.picture = fetched.last?.picture ?? null))
    .finally(() => (fetched.last = null));
  layers.set(entry.layer, fetched);
  return fetched;
}

async function load(address) {
  const response = await get("/api/layer", address);
  const decoded = await decodePng(new Uint8Array(await response.arrayBuffer()));
  return { ...decoded, x: Number(response.headers.get("x-left")), y: Number(response.headers.get("x-top")) };
}

async function loadFinal(view) {
  const address = pictureOf("picture", view.final, view.final_version);
  if (!finals.has(address)) {
    finals.clear();
    const response = await get("/api/picture", { file: view.final, v: view.final_version });
    finals.set(address, await decodePng(new Uint8Array(await response.arrayBuffer())));
  }
  return finals.get(address);
}

/** Whether final.png itself is what is to be seen: all eyes are open, and nothing that the page could show was changed. */
function showsFinal(view) {
  return (
    !hidden.size &&
    view.final_version &&
    session.saved.scale === 1 &&
    !(hasPreviews(view) && view.plan.to_do) &&
    isSame(session.scene.composite, session.saved.effective.composite)
  );
}

/** Shows levels, three to a pixel. */
function show(levels, width, height) {
  if (image?.width !== width || image.height !== height) {
    image = new ImageData(width, height);
    image.data.fill(255);
  }
  const { data } = image;
  for (let from = 0, to = 0; from < levels.length; from += 3, to += 4) {
    data[to] = levels[from];
    data[to + 1] = levels[from + 1];
    data[to + 2] = levels[from + 2];
  }
  resize(width, height);
  canvas.getContext("2d").putImageData(image, 0, 0);
  isShown = true;
  byId("empty").hidden = true;
}

function resize(width, height) {
  if (canvas.width === width && canvas.height === height) return;
  canvas.width = width;
  canvas.height = height;
  canvas.dispatchEvent(new CustomEvent("resized", { bubbles: true }));
}

/** Whether a picture is shown. */
export const showsPicture = () => isShown;

/** Shows the scene as it would be with the edits, as far as layers are built. */
export async function refresh() {
  if (!session.scene || !session.saved || !session.view) return;
  const mine = ++turn;
  const view = session.view;
  const [width, height] = shownSize();
  if (showsFinal(view)) {
    const final = await loadFinal(view).catch(() => null);
    if (mine !== turn) return;
    if (final) {
      show(final.channels === 3 ? final.pixels : withoutAlpha(final.pixels), final.width, final.height);
      const stale = view.plan.to_do > 0;
      // Whoever moves a slider next should not wait for the layers.
      for (const entry of session.scene.composite.layers) fetchLayer(view, entry);
      return say(stale ? "This is final.png as it was built last." : "This is final.png.", mine);
    }
  }
  const entries = session.scene.composite.layers.filter((entry) => !hidden.has(entry.layer));
  // With all passes done the build is about to end: what is shown ahead gives way to final.png at once.
  const ending = view.plan.to_do > 0 && view.plan.passes === 0;
  const fetched = entries.map((entry) => [entry, ending && previewFor(entry) ? null : fetchLayer(view, entry)]);
  const waiting = fetched.filter(([, layer]) => layer && !layer.picture);
  // Until a blurred layer has come, the one before is shown: the slider never waits.
  compose(fetched, width, height);
  if (waiting.length) {
    await Promise.all(waiting.map(([, layer]) => layer.promise));
    if (mine !== turn) return;
    compose(fetched, width, height);
  }
  say(describe(view, entries), mine);
}

/** Whether previews stand for layers, or did so in the build that is under way: final.png is older than what is there. */
const hasPreviews = (view) => [...view.layers.map((layer) => layer.file), view.refined].some(previewOf);

/** What is shown ahead, by name. */
function listAhead(view) {
  const named = [...view.layers.map((layer) => [layer.name, layer.file]), ["the refining pass", view.refined]];
  return named.filter(([, file]) => previewOf(file)?.over === false).map(([name]) => name);
}

const previewFor = (entry) => previewOf(session.view.layers.find((layer) => layer.name === entry.layer)?.file);

/** What there is of an entry's layer: its preview while its pass runs, and until the layer itself has come. */
function pictureFor(entry, layer) {
  const preview = previewFor(entry);
  if (!preview || (preview.over && layer?.picture)) return layer?.picture ?? layer?.last?.picture;
  return placePreview(preview, session.saved.scale, entry.position.map((length) => Math.round(length * scaleOfCanvas())));
}

/** Shown pixels per canvas pixel of the scene as it is saved. */
const scaleOfCanvas = () => shownSize()[0] / session.saved.effective.canvas.width;

function compose(fetched, width, height) {
  const stack = [];
  for (const [entry, layer] of fetched) {
    const picture = pictureFor(entry, layer);
    if (picture) stack.push({ ...picture, picture, level: Math.round(entry.opacity * 255), blend: entry.blend });
  }
  const refined = hidden.size ? null : previewOf(session.view.refined);
  if (refined) {
    const picture = placePreview(refined, session.saved.scale, [0, 0]);
    stack.push({ ...picture, picture, level: 255, blend: "normal" });
  }
  if (!stack.length) {
    byId("empty").hidden = false;
    resize(width, height);
    canvas.getContext("2d").clearRect(0, 0, width, height);
    isShown = false;
    const built = session.view.layers.some((layer) => layer.version);
    const size = hidden.size ? "Every eye is closed." : "What is painted has another size. Build it anew.";
    byId("empty").textContent = built ? size : "Nothing is painted yet. Build it.";
    return;
  }
  const levels = flatten(stack, width, height);
  const finish = hidden.has("finish") ? NO_FINISH : session.scene.composite.finish;
  show(finishLevels(levels, width, height, finish), width, height);
}

const isSameLayer = (one, other) => one.picture === other?.picture && one.level === other.level && one.blend === other.blend;

/** Flattens a stack. While one layer changes, as by a slider, what lies beneath it is painted once. */
function flatten(stack, width, height) {
  const changed = stack.findIndex((layer, index) => !isSameLayer(layer, stackBefore[index]));
  stackBefore = stack;
  if (changed <= 0) return flattenRows(stack, width, 0, height);
  const below = stack.slice(0, changed);
  const known = beneath?.stack.length === changed && beneath.width === width && below.every((layer, index) => isSameLayer(layer, beneath.stack[index]));
  if (!known) beneath = { stack: below, width, canvas: paintStack(below, width, 0, height) };
  return flattenRows(stack.slice(changed), width, 0, height, beneath.canvas);
}

function withoutAlpha(pixels) {
  const levels = new Uint8Array((pixels.length / 4) * 3);
  for (let from = 0, to = 0; from < pixels.length; from += 4, to += 3) levels.set(pixels.subarray(from, from + 3), to);
  return levels;
}

function describe(view, entries) {
  const ahead = listAhead(view);
  const missing = entries.filter((entry) => !ahead.includes(entry.layer) && !view.layers.find((layer) => layer.name === entry.layer)?.version);
  const parts = [];
  if (ahead.length) parts.push(`Being painted, and shown ahead: ${ahead.join(", ")}.`);
  if (hidden.size) parts.push(`Without ${[...hidden].map((name) => (name === "finish" ? "the finish" : name)).join(", ")}.`);
  if (missing.length) parts.push(`Not painted yet: ${missing.map((entry) => entry.layer).join(", ")}.`);
  if (view.afterwards.length && !previewOf(view.refined)) parts.push(`Before ${view.afterwards.join(" and ")}, which a build adds.`);
  return parts.join(" ") || "As a build would composite the layers that are there.";
}

function say(text, mine) {
  byId("state").textContent = text;
  document.body.dataset.turn = String(mine);
}
