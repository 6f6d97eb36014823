// Fields made from the schema: each with its description, its default, and the schema's own sentence where its value is wrong.

import { make, replaceContent } from "./dom.js";
import { writeLine } from "./json.js";
import { isSame, valueAt } from "./paths.js";
import { beginObject, describe, isNullable, kindsOf, resolve } from "./schema.js";
import { session } from "./session.js";

const SLIDERS = {
  opacity: [0, 1, 0.01],
  strength: [0.01, 1, 0.01],
  blur: [0, 40, 0.5],
  feather: [0, 80, 0.5],
  brightness: [0, 2, 0.01],
  contrast: [0, 2, 0.01],
  color: [0, 2, 0.01],
  sharpness: [0, 4, 0.05],
  guidance_scale: [0, 20, 0.5],
  color_match: [0, 1, 0.05],
  focus: [0, 1, 0.01],
  range: [0, 1, 0.01],
  start: [0, 1, 0.01],
  end: [0, 1, 0.01],
};

const PROSE = ["prompt", "negative_prompt", "prompt_2"];
const WORDS = { color: "colour" };

let count = 0;

const sayKey = (key) => (WORDS[key] ?? String(key)).replaceAll("_", " ");

/** The value that holds for a key, also for one that no scene has in effect. */
function holding(path, node) {
  const value = session.valueAt(path);
  if (value !== undefined) return value;
  return (session.view && valueAt(session.view.own, path)) ?? node.default ?? null;
}

/** A value as a person would write it on a line. */
function write(value) {
  if (value === null || value === undefined) return "";
  return typeof value === "object" ? writeLine(value) : String(value);
}

/** Sets what somebody wrote: a number where it is one, else the text itself, which the schema then refuses in its words. */
function setNumber(path, node, text) {
  const trimmed = text.trim();
  if (!trimmed) return isNullable(node) ? session.set(path, null) : session.takeAway(path);
  const number = Number(trimmed);
  if (!Number.isFinite(number)) session.set(path, trimmed);
  else if (!Number.isSafeInteger(number) && /^[-+]?\d+$/.test(trimmed)) session.set(path, BigInt(trimmed));
  else session.set(path, number);
}

/**
 * A field for a key.
 *
 * @param path of the key
 * @param node its schema, resolved
 * @returns an element with a function `update`, which shows what holds now
 */
export function makeField(path, node) {
  const kinds = kindsOf(node);
  if (kinds.includes("object") && node.properties) return makeGroup(path, node);
  const control = makeControl(path, node, kinds);
  const id = `field-${++count}`;
  control.input.id = id;
  control.input.setAttribute("aria-describedby", `${id}-told ${id}-wrong`);
  const reset = make("button.reset", { type: "button", onclick: () => session.takeAway(path) }, "×");
  const name = path.at(-1);
  const label = make("label", { htmlFor: id, title: describe(node) }, sayKey(name));
  const wrong = make("p.wrong", { id: `${id}-wrong` });
  const told = make("p.told", { id: `${id}-told` }, describe(node));
  const field = make("div.field", { data: { key: path.join(".") } }, make("div.label", {}, label, reset), control.element, wrong, told);
  field.classList.toggle("prose", PROSE.includes(name));
  field.update = () => {
    const value = holding(path, node);
    if (document.activeElement !== control.input) control.show(value);
    control.follow?.(value);
    const own = session.isOwn(path);
    field.classList.toggle("own", own);
    field.classList.toggle("edited", !isSame(value ?? null, savedValue(path, node) ?? null));
    if (!own && document.activeElement === reset) control.input.focus();
    reset.hidden = !own;
    reset.title = `Take it out of the file. Then ${node.default === undefined ? "what lies beneath" : JSON.stringify(node.default)} holds.`;
    reset.ariaLabel = `Reset ${sayKey(name)}`;
    const sentence = session.wrongAt(path) ?? "";
    wrong.textContent = sentence;
    control.input.setAttribute("aria-invalid", String(Boolean(sentence)));
  };
  field.update();
  return field;
}

function savedValue(path, node) {
  if (!session.saved) return undefined;
  return valueAt(session.saved.effective, path) ?? valueAt(session.saved.own, path) ?? node.default;
}

/** A control: its element, the input that is focused, and what shows a value in it. */
function makeControl(path, node, kinds) {
  if (node.enum) return makeSelect(path, node);
  if (kinds.includes("boolean")) return makeCheckbox(path);
  const numeric = kinds.includes("number") || kinds.includes("integer");
  if (numeric && kinds.every((kind) => ["number", "integer", "null"].includes(kind))) return makeNumber(path, node);
  if (kinds.every((kind) => ["string", "null"].includes(kind)) && kinds.length) return makeText(path, node);
  return makeYaml(path, node);
}

function makeSelect(path, node) {
  const input = make(
    "select",
    { onchange: () => session.set(path, JSON.parse(input.value)) },
    ...node.enum.map((choice) => make("option", { value: JSON.stringify(choice) }, choice === null ? "none" : sayKey(choice))),
  );
  return { element: input, input, show: (value) => (input.value = JSON.stringify(value)) };
}

function makeCheckbox(path) {
  const input = make("input", { type: "checkbox", onchange: () => session.set(path, input.checked) });
  return { element: input, input, show: (value) => (input.checked = value) };
}

function makeNumber(path, node) {
  const name = path.at(-1);
  const input = make("input", { type: "text", inputMode: "decimal", oninput: () => setNumber(path, node, input.value) });
  const element = make("div.number", {}, input);
  const control = { element, input, show: (value) => (input.value = write(value)) };
  if (isNullable(node)) input.placeholder = "none";
  if (SLIDERS[name]) {
    const [min, max, step] = SLIDERS[name];
    const range = make("input", { type: "range", min, max, step, "oninput": () => move() });
    range.setAttribute("aria-label", `${sayKey(name)}, slider`);
    const move = () => {
      input.value = range.value;
      session.set(path, Number(range.value));
    };
    element.prepend(range);
    control.follow = (value) => (range.value = value ?? min);
  }
  if (name === "seed") {
    const roll = () => session.set(path, Math.floor(Math.random() * 2 ** 32));
    element.append(make("button", { type: "button", title: "Another seed", ariaLabel: "Roll the dice", onclick: roll }, "⚄"));
  }
  if (name === "seed" && path[0] !== "upscale") {
    const more = () => document.dispatchEvent(new CustomEvent("more-seeds", { detail: path.at(-2) }));
    const title = "Try four more seeds as a sweep, to pick from";
    const button = make("button", { type: "button", title, onclick: more }, "Four more");
    element.append(button);
    // A picture of one's own is painted with no seed.
    control.follow = () => (button.hidden = session.valueAt([...path.slice(0, -1), "prompt"]) === null);
  }
  return control;
}

function makeText(path, node) {
  const set = () => session.set(path, input.value || (isNullable(node) ? null : ""));
  const prose = PROSE.includes(path.at(-1));
  const input = make(prose ? "textarea" : "input", { oninput: set, spellcheck: prose });
  if (prose) input.rows = 3;
  if (isNullable(node)) input.placeholder = "none";
  return { element: input, input, show: (value) => (input.value = value ?? "") };
}

/** A value of any kind, written as YAML. */
function makeYaml(path, node) {
  const set = () => {
    const saved = savedValue(path, node) ?? null;
    // Typed back to what is saved, it is no edit.
    if (input.value === write(saved)) session.set(path, saved);
    else session.setYaml(path, input.value || "null");
  };
  const input = make("textarea", { rows: 1, spellcheck: false, oninput: set });
  input.classList.add("code");
  return {
    element: input,
    input,
    show: (value) => {
      input.value = session.yamlAt(path) ?? write(value);
      input.rows = Math.min(Math.ceil(input.value.length / 40), 6) || 1;
    },
  };
}

/** The fields of an object, folded; one that is null can be begun. */
function makeGroup(path, node) {
  const name = sayKey(path.at(-1));
  const inside = make("div");
  const element = make("details.group", {}, make("summary", { title: describe(node) }, name), make("p.told", {}, describe(node)), inside);
  let fields = [];
  let begun = null;
  element.update = () => {
    const there = !isNullable(node) || holding(path, node) !== null;
    if (there !== begun) {
      begun = there;
      fields = there ? Object.entries(node.properties).map(([key, part]) => makeField([...path, key], { ...resolve(part, node.of), of: node.of })) : [];
      const begin = () => session.set(path, beginObject(node));
      const end = () => session.takeAway(path);
      const button = there
        ? isNullable(node) && make("button", { type: "button", onclick: end }, `Without ${name}`)
        : make("button", { type: "button", onclick: begin }, `Add ${name}`);
      replaceContent(inside, ...fields, ...(button ? [button] : []));
    }
    for (const field of fields) field.update();
    const wrong = fields.some((field) => field.querySelector?.(".wrong:not(:empty)"));
    if (wrong) element.open = true;
    element.classList.toggle("own", session.isOwn(path));
  };
  element.update();
  return element;
}

/** A field for a value that is written as YAML whatever its kind. */
export function makeYamlField(path, node) {
  return makeField(path, { ...node, type: ["array", "object"], properties: undefined, enum: undefined });
}
