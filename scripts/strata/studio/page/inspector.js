// The values of what is selected: a layer, or the scene.

import { get } from "./api.js";
import { startBrush } from "./brush.js";
import { connectDescriptions } from "./descriptions.js";
import { byId, make, replaceContent, sayTime, showDialog } from "./dom.js";
import { makeField, makeYamlField } from "./fields.js";
import { describe, layerSchema, resolve, sceneProperty } from "./schema.js";
import { session } from "./session.js";
import { editShapes, makeShape } from "./shapes.js";

const KINDS = ["ellipse", "rectangle", "rounded_rectangle", "polygon", "linear_gradient", "radial_gradient"];
const FIRST = ["prompt", "negative_prompt", "seed", "strength", "steps", "guidance_scale"];
const ACTIONS = {
  keep: "Up to date.",
  paint: "Will be painted",
  store: "Comes from the store",
  draw: "Will be drawn",
  unused: "Not in the composite: a build leaves it out.",
};

const panel = byId("panel");
let tab = "layer";
let wanted = "background"; // a layer's name, or "finish"; one that was just added may not be there yet
let selected = wanted; // what is shown
let parts = []; // elements with a function `update`
let built = ""; // what the panel was built for
let fail = () => {};

export const selectedLayer = () => selected;

export function select(name) {
  wanted = name;
  choose("layer");
}

function choose(name) {
  tab = name;
  for (const each of ["layer", "scene"]) byId(`tab-${each}`).setAttribute("aria-selected", String(each === tab));
  panel.setAttribute("aria-labelledby", `tab-${tab}`);
  updateInspector();
  document.dispatchEvent(new CustomEvent("selected"));
}

const kindOf = (name) => session.view?.layers.find((layer) => layer.name === name)?.kind;

/** The path of a layer's values. */
const pathOf = (name, kind) => (kind === "background" ? ["background"] : [`${kind}s`, name]);

/** Shows what holds now. Fields stay as long as they are the same ones, so that whoever types is not disturbed. */
export function updateInspector() {
  if (!session.view) return panel.replaceChildren();
  selected = wanted === "finish" || kindOf(wanted) ? wanted : "background";
  const mask = session.valueAt(["subjects", selected, "mask"]);
  const shapes = mask?.shapes?.map((shape) => [shape.shape, shape.points?.length]);
  const stacked = session.scene.composite.layers.some((entry) => entry.layer === selected);
  const now = JSON.stringify([tab, session.name, selected, shapes, mask === null, stacked, Object.keys(session.scene.models)]);
  if (now !== built) {
    built = now;
    const scroll = panel.scrollTop;
    replaceContent(panel, ...(tab === "scene" ? buildScene() : selected === "finish" ? buildFinish() : buildLayer()));
    parts = [...panel.querySelectorAll(":scope > *, :scope > section > *")].filter((part) => part.update);
    panel.scrollTop = scroll;
  }
  for (const part of parts) part.update();
  const kind = kindOf(selected);
  editShapes(tab === "layer" && kind === "subject" ? selected : null);
}

function fieldsOf(path, node, keys) {
  return keys.filter((key) => node.properties[key]).map((key) => makeField([...path, key], resolve(node.properties[key])));
}

function buildFinish() {
  const finish = resolve(sceneProperty("composite").properties.finish);
  return [make("h2", {}, "Finish"), make("p.soft", {}, describe(finish)), ...fieldsOf(["composite", "finish"], finish, Object.keys(finish.properties))];
}

function buildLayer() {
  const kind = kindOf(selected);
  const path = pathOf(selected, kind);
  const node = layerSchema(kind);
  const rest = Object.keys(node.properties).filter((key) => !FIRST.includes(key) && key !== "mask");
  const more = make("details.more", {}, make("summary", {}, "More"));
  const inMore = fieldsOf(path, node, rest);
  more.append(...inMore);
  more.update = () => inMore.forEach((field) => field.update());
  return [
    buildHead(kind),
    ...buildEntry(),
    ...fieldsOf(path, node, FIRST),
    ...(kind === "subject" ? [buildMask(resolve(node.properties.mask))] : []),
    more,
  ];
}

/** The name of a layer, what can be done with it as a whole, and what a build would do to it. */
function buildHead(kind) {
  const buttons = [];
  if (kind !== "background") {
    const section = `${kind}s`;
    const act = (text, title, onclick) => buttons.push(make("button", { type: "button", title, onclick }, text));
    act("Rename", "Give it another name", () => askName(`Rename ${selected}`, selected, (to) => rename(section, to)));
    act("Duplicate", "The same once more", () => duplicate(section));
    act("Remove", "Take it out of the scene", () => session.add({ kind: "remove", section, name: selected }));
    if (kind === "subject") {
      act("Earlier", "Painted before the subject before it", () => move(-1));
      act("Later", "Painted after the subject after it", () => move(1));
    }
  }
  const told = make("p.action");
  const log = make("button.link", { type: "button", onclick: () => showLog().catch(fail) }, "Log");
  const head = make("div.head", {}, make("h2", {}, selected, make("span.soft", {}, ` ${kind === selected ? "" : kind}`)), make("div.tools", {}, ...buttons), told);
  head.update = () => {
    const layer = session.view.layers.find((each) => each.name === selected);
    if (!layer) return;
    const seconds = ["paint", "store", "draw"].includes(layer.action) ? `, ${sayTime(layer.seconds)}` : "";
    const why = layer.why.length ? `: ${layer.why.join("; ")}.` : layer.action in ACTIONS && !ACTIONS[layer.action].endsWith(".") ? "." : "";
    const took = layer.took === null ? "" : ` Painted in ${sayTime(layer.took)} last time.`;
    told.replaceChildren(`${ACTIONS[layer.action] ?? layer.action}${seconds}${why}${took} `, ...(layer.version ? [log] : []));
    told.dataset.action = layer.action;
  };
  return head;
}

function move(by) {
  const order = Object.keys(session.scene.subjects);
  const index = order.indexOf(selected) + by;
  if (index >= 0 && index < order.length) session.add({ kind: "move", name: selected, index });
}

function rename(section, to) {
  session.add({ kind: "rename", section, name: selected, to });
  wanted = to;
}

function duplicate(section) {
  let number = 2;
  while (kindOf(`${selected}-${number}`)) number++;
  session.add({ kind: "copy", section, name: selected, to: `${selected}-${number}` });
}

/** Asks for a name, and calls `then` with it. */
export function askName(title, value, then) {
  const input = make("input", { value, pattern: "[a-z][a-z0-9_\\-]{0,63}", required: true, title: "A small letter, then small letters, digits, - and _" });
  const done = () => {
    if (!input.reportValidity()) return;
    byId("dialog").close();
    then(input.value);
  };
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    done();
  });
  showDialog(make("h2", {}, title), make("label", {}, "Name ", input), make("div.tools", {}, make("button.primary", { type: "button", onclick: done }, "OK")));
  input.focus();
  input.select();
}

async function showLog() {
  const layer = session.view.layers.find((each) => each.name === selected);
  const text = await (await get("/api/log", { file: layer.file })).text();
  showDialog(make("h2", {}, `Log of ${selected}`), make("pre", {}, text || "There is no log of it."));
}

/** How the layer lies in the composite. */
function buildEntry() {
  const path = ["composite", "layers", selected];
  if (!session.valueAt(path)) return [];
  const node = resolve({ $ref: "#/definitions/composited_layer" });
  const section = make("section.entry", {}, ...fieldsOf(path, node, ["opacity", "blur", "blend", "position", "depth"]));
  return [section];
}

function buildMask(node) {
  const path = ["subjects", selected, "mask"];
  const mask = session.valueAt(path);
  const list = (mask?.shapes ?? []).map((shape, index) => {
    const remove = () => {
      const left = session.valueAt([...path, "shapes"]).toSpliced(index, 1);
      if (left.length) session.set([...path, "shapes"], left);
      else session.takeAway([...path, "shapes"]);
    };
    const corner = () => {
      const points = session.valueAt([...path, "shapes", index, "points"]);
      const between = [0, 1].map((axis) => Math.round((points.at(-1)[axis] + points[0][axis]) / 2));
      session.set([...path, "shapes", index, "points"], [...points, between]);
    };
    const buttons = [make("button", { type: "button", ariaLabel: `Remove shape ${index + 1}`, onclick: remove }, "Remove")];
    if (shape.points) buttons.unshift(make("button", { type: "button", ariaLabel: `Add a corner to shape ${index + 1}`, onclick: corner }, "+ Corner"));
    return make("li", {}, `${index + 1}. ${shape.shape.replaceAll("_", " ")} `, ...buttons);
  });
  const kinds = make("select", { ariaLabel: "Add a shape", onchange: () => addShape(kinds) }, make("option", { value: "" }, "+ Shape …"));
  kinds.append(...KINDS.map((kind) => make("option", { value: kind }, kind.replaceAll("_", " "))));
  const brush = make("button", { type: "button", title: "Paint the mask by hand (p)", onclick: () => startBrush(selected).catch(fail) }, "Paint …");
  const keys = mask ? ["feather", "grow", "invert", "layer", "offset", "flip", "image", "fit"] : [];
  const fields = fieldsOf(path, node, keys);
  const wrong = make("p.wrong");
  const section = make("details.group.mask", { open: true }, make("summary", { title: describe(node) }, "mask"), make("ol.shapes", {}, ...list), make("div.tools", {}, kinds, brush), wrong, ...fields);
  section.update = () => {
    wrong.textContent = session.wrongAt(path) ?? session.wrongAt([...path, "shapes"]) ?? "";
    fields.forEach((field) => field.update());
  };
  return section;
}

function addShape(kinds) {
  const path = ["subjects", selected, "mask"];
  const shape = makeShape(kinds.value);
  const mask = session.valueAt(path);
  if (mask) session.set([...path, "shapes"], [...(mask.shapes ?? []), shape]);
  else session.set(path, { shapes: [shape] });
  kinds.value = "";
}

function buildScene() {
  const composite = sceneProperty("composite");
  const built = ["canvas", "preset", "models", "depth", "refine", "upscale", "exports", "compare"].map((key) => {
    const node = sceneProperty(key);
    if (key === "models") return buildModels(node);
    return makeField([key], node);
  });
  built.splice(4, 0, makeField(["composite", "depth_of_field"], resolve(composite.properties.depth_of_field)));
  if (!session.name) {
    const runtime = session.schemas.runtime;
    built.push(makeField(["runtime"], { ...runtime, of: "runtime" }), makeYamlField(["sweeps"], session.schemas.sweeps));
  }
  return [make("p.soft", {}, `All of ${session.view.source} that is no layer.`), ...built];
}

function buildModels(node) {
  const model = resolve({ $ref: "#/definitions/model" });
  const fields = Object.keys(session.scene.models).map((name) => makeField(["models", name], model));
  const element = make("details.group", {}, make("summary", { title: describe(node) }, "models"), make("p.told", {}, describe(node)), ...fields);
  element.update = () => fields.forEach((field) => field.update());
  return element;
}

export function connectInspector(failed) {
  fail = failed;
  connectDescriptions(byId("panel"));
  for (const name of ["layer", "scene"]) byId(`tab-${name}`).addEventListener("click", () => choose(name));
  document.querySelector("[role=tablist]").addEventListener("keydown", (event) => {
    if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
    choose(tab === "layer" ? "scene" : "layer");
    byId(`tab-${tab}`).focus();
  });
}
