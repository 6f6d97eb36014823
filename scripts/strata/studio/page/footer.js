// What is not saved and what it costs; the build that is under way, whoever started it.

import { postJson } from "./api.js";
import { byId, make, replaceContent, sayTime } from "./dom.js";
import { writeLine } from "./json.js";
import { isSame } from "./paths.js";
import { session } from "./session.js";

let build = null;
let listed = []; // the edits as they are listed, in words
let fail = () => {};

const KINDS = {
  take_away: (edit, name) => `${name} back to what lies beneath`,
  add: (edit, name) => `${name} added`,
  copy: (edit, name) => `${name} once more as ${edit.to}`,
  remove: (edit, name) => `${name} removed`,
  rename: (edit, name) => `${name} is called ${edit.to}`,
  move: (edit, name) => `${name} is painted as number ${edit.index + 1}`,
  restack: (edit) => `${edit.layer} lies in place ${edit.index + 1} from below`,
};

function sayEdit(edit) {
  const name = session.nameOf(edit);
  if (edit.kind !== "set") return KINDS[edit.kind](edit, name);
  const text = "yaml" in edit ? edit.yaml : typeof edit.value === "string" ? edit.value : writeLine(edit.value);
  return `${name}: ${text.length > 60 ? `${text.slice(0, 59)}…` : text}`;
}

/** What a plan costs, in a few words. */
function sayPrice(plan) {
  if (!plan) return "priced together with the others";
  if (!plan.to_do) return "nothing to do";
  if (!plan.passes) return "paints nothing";
  const told = plan.passes === 1 ? `paints ${plan.layers[0]}` : `paints ${plan.passes}: ${plan.layers.join(", ")}`;
  return plan.seconds ? `${told}, about ${sayTime(plan.seconds)}` : told;
}

/** What a build would do, in a sentence. */
function sayWhole(plan) {
  if (!plan.to_do || plan.passes) return plan.said;
  return plan.said.includes("from the store") ? `Paints nothing: ${plan.said.match(/\d+ from the store/)[0]}.` : "Paints nothing.";
}

export function updatePending() {
  const { edits, view } = session;
  const wrong = session.allWrong;
  byId("edit-count").textContent = edits.length === 0 ? "No edits" : edits.length === 1 ? "1 edit" : `${edits.length} edits`;
  updateEdits();
  const price = byId("price");
  price.classList.toggle("wrong", wrong.length > 0);
  price.classList.toggle("busy", session.pricing);
  price.classList.toggle("free", !wrong.length && view?.plan.passes === 0);
  if (wrong.length) price.textContent = wrong[0].error;
  else if (view) price.textContent = view.remarks[0] ?? sayWhole(view.plan);
  byId("discard").disabled = !edits.length;
  byId("undo").disabled = !session.canUndo;
  byId("redo").disabled = !session.canRedo;
  byId("save").disabled = !edits.length || session.isRefused;
  byId("build").disabled = session.isRefused || build?.running === true;
  byId("build").textContent = edits.length ? "Save and build" : "Build";
}

/** Lists the edits. While nothing of them is new, as with each step of a build, the rows stay for whoever presses one. */
function updateEdits() {
  const { edits, view } = session;
  const priced = view?.prices.length === edits.length;
  const rows = edits.map((edit, index) => [session.nameOf(edit), sayEdit(edit), priced ? sayPrice(view.prices[index]) : ""]);
  if (isSame(rows, listed)) return;
  listed = rows;
  replaceContent(
    byId("edit-list"),
    ...rows.map(([name, said, price], index) => {
      const drop = make("button.reset", { type: "button", ariaLabel: `Drop the edit of ${name}`, onclick: () => session.remove(index) }, "×");
      return make("li", {}, make("span", {}, said), make("span.soft", {}, price), drop);
    }),
  );
}

/** Shows the latest build. */
export function updateBuild(told) {
  build = told;
  byId("progress").hidden = !told.running;
  byId("stop").hidden = !told.own;
  const total = session.view?.plan.to_do;
  const rows = told.jobs.map((job) => {
    const bar = make("progress", { max: job.steps || 1, ariaLabel: job.title });
    if (job.steps) bar.value = job.done;
    const said = job.steps ? `${job.done} of ${job.steps}` : "getting ready";
    return make("div.job", {}, make("span", {}, job.title), bar, make("span.soft", {}, said));
  });
  if (told.running && !rows.length) rows.push(make("div.job", {}, make("span", {}, "Build"), make("progress"), make("span.soft", {}, "at work")));
  const left = told.left ? `, about ${sayTime(told.left)} after this` : "";
  const made = `${told.made.length} done${left}${told.own ? "" : ". Started elsewhere: stop it there."}`;
  byId("jobs").replaceChildren(...rows, make("p.soft", {}, made));
  const failed = told.made.filter((entry) => entry.how === "failed" && entry.sentence).map((entry) => entry.sentence);
  const ended = !told.running && (told.result === "failed" || failed.length > 0);
  byId("said").hidden = !ended;
  byId("said").open = ended;
  byId("said").querySelector("pre").textContent = failed.length ? failed.join("\n") : told.said.trim();
  session.learn(told.running ? [] : told.wrong);
  document.body.dataset.building = String(told.running);
  if (total === undefined || !session.view) return;
  updatePending();
}

/** Saves, and begins a build. */
export async function saveAndBuild() {
  if (session.isRefused || build?.running) return;
  await session.save(() => postJson("/api/build", { scene: session.name }));
}

export function connectFooter(failed) {
  fail = failed;
  byId("undo").addEventListener("click", () => session.undo());
  byId("redo").addEventListener("click", () => session.redo());
  byId("discard").addEventListener("click", () => session.discard());
  byId("save").addEventListener("click", () => session.save().catch(fail));
  byId("build").addEventListener("click", () => saveAndBuild().catch(fail));
  byId("stop").addEventListener("click", () => postJson("/api/stop", {}).catch(fail));
}
