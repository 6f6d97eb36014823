// Sweeps: their pictures side by side, to pick the values of one.

import { getJson, pictureOf, postJson } from "./api.js";
import { byId, closeDialog, make, showDialog } from "./dom.js";
import { session } from "./session.js";

let shown = null; // the sweep that the dialog shows; "" for the list of all
let fail = () => {};

/** Shows all sweeps, or one. */
export async function showSweeps(name = "") {
  shown = name;
  const sweeps = await getJson("/api/sweeps");
  const one = sweeps.find((sweep) => sweep.name === name);
  if (one) return showOne(one);
  const rows = sweeps.map((sweep) => {
    const open = () => showSweeps(sweep.name).catch(fail);
    return make("li", {}, make("button", { type: "button", onclick: open }, sweep.name), ` ${sweep.cells.length} pictures of ${sweep.scene || "config.yaml"}`);
  });
  const none = "config.yaml has no sweeps. “Four more” beside a seed makes one.";
  showDialog(make("h2", {}, "Sweeps"), rows.length ? make("ul", {}, ...rows) : make("p", {}, none));
}

function showOne(sweep) {
  const cells = sweep.cells.map((cell, index) => {
    const values = Object.entries(cell.values).map(([key, value]) => `${key} ${value}`);
    const take = make("button.primary", { type: "button", onclick: () => pick(sweep, index).catch(fail) }, "Take");
    const picture = cell.version
      ? make("img", { src: pictureOf("thumbnail", cell.file, cell.version, { large: 1 }), alt: values.join(", ") })
      : make("span.blank", {}, "not built yet");
    return make("figure", {}, picture, make("figcaption", {}, `${index + 1}. ${values.join(", ")} `, take));
  });
  const build = () => postJson("/api/build", { sweep: sweep.name }).catch(fail);
  const back = make("button", { type: "button", onclick: () => showSweeps().catch(fail) }, "All sweeps");
  const sheet = make("div.sheet", {}, ...cells);
  sheet.style.setProperty("--columns", Math.min(sweep.columns, 4));
  showDialog(make("h2", {}, `Sweep ${sweep.name}`), sheet, make("div.tools", {}, back, make("button", { type: "button", onclick: build }, "Build it")));
}

/** Makes the values of a cell edits of its scene. */
async function pick(sweep, cell) {
  const { edits } = await postJson(`/api/sweeps/${sweep.name}`, { cell });
  closeDialog();
  if (session.name !== sweep.scene) await session.open(sweep.scene);
  for (const edit of edits) session.set(edit.path, edit.value);
}

/** Shows the sweep that is open as it is built. */
export function refreshSweeps() {
  if (byId("dialog").open && shown) showSweeps(shown).catch(fail);
}

async function trySeeds(layer) {
  if (!(await session.save())) return;
  const { sweep } = await postJson("/api/seeds", { scene: session.name, layer });
  await showSweeps(sweep);
}

export function connectSweeps(failed) {
  fail = failed;
  byId("sweeps").addEventListener("click", () => showSweeps().catch(fail));
  byId("dialog").addEventListener("close", () => (shown = null));
  document.addEventListener("more-seeds", (event) => trySeeds(event.detail).catch(fail));
}
