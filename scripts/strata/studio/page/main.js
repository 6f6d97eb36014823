// The page: what belongs together, and what the keys do.

import { listen } from "./api.js";
import { connectBrush, endBrush, isPainting, startBrush, toggleEraser } from "./brush.js";
import { byId, make, showDialog } from "./dom.js";
import { connectFooter, saveAndBuild, updateBuild, updatePending } from "./footer.js";
import { connectInspector, selectedLayer, updateInspector } from "./inspector.js";
import { refresh, showAll } from "./picture.js";
import { afterClick, isClicked } from "./presses.js";
import { followPreviews, forgetPreviews, releasePreviews } from "./previews.js";
import { session } from "./session.js";
import { refreshShapes } from "./shapes.js";
import { connectStack, flip, updateStack, updateThumbnails } from "./stack.js";
import { connectStrip, isComparing, refreshComparison, setComparing, updateStrip } from "./strip.js";
import { connectSweeps, refreshSweeps } from "./sweeps.js";
import { connectZoom, fit, zoomBy } from "./zoom.js";

const notice = byId("notice");
let lost = false;
let ran = false;
let made = "[]"; // what the latest build has made, as it was told last
let frame = 0;

/** Says in a sentence what went wrong. */
function fail(error) {
  say(error.message, "Close", () => (notice.hidden = true));
}

function say(sentence, ...buttons) {
  const pairs = [];
  for (let index = 0; index < buttons.length; index += 2) {
    pairs.push(make("button", { type: "button", onclick: buttons[index + 1] }, buttons[index]));
  }
  notice.replaceChildren(make("span", {}, sentence), ...pairs);
  notice.hidden = false;
}

function sayConflict() {
  const { conflict, saved } = session;
  if (!conflict) {
    if (notice.dataset.kind === "conflict") notice.hidden = true;
    delete notice.dataset.kind;
    return;
  }
  const source = saved?.source ?? "The file";
  const keys = conflict.keys.slice(0, 5).join(", ") + (conflict.keys.length > 5 ? ", …" : "");
  const changed = conflict.old ? `${source} has changed since these edits were made.` : `${source} was changed elsewhere: ${keys || "nothing in effect"}.`;
  const meant = conflict.clash ? " Your edits are of the same values: saving them would undo that." : " Your edits are kept on top.";
  say(`${changed}${meant}`, "Keep my edits", () => session.acknowledge(), "Drop my edits", () => session.discard());
  notice.dataset.kind = "conflict";
}

/** Shows all anew, at most once a frame, and after a click that is under way. */
function update() {
  if (frame) return;
  frame = requestAnimationFrame(() => {
    frame = 0;
    if (isClicked()) return afterClick(update);
    refresh().then(refreshComparison).catch(fail); // first: a slider shows at once
    updateHeader();
    updateInspector();
    updateStack();
    refreshShapes();
    updatePending();
    sayConflict();
  });
}

function updateHeader() {
  const choice = byId("scene");
  const names = JSON.stringify(session.scenes);
  if (choice.dataset.names !== names) {
    choice.dataset.names = names;
    choice.replaceChildren(...session.scenes.map((name) => make("option", { value: name }, name || "config.yaml")));
  }
  choice.value = session.name;
  if (!session.view) return;
  const [width, height] = session.view.size;
  const smaller = session.view.scale < 1 ? ", shown smaller" : "";
  byId("about").textContent = `${width} × ${height}${smaller}`;
}

async function open(name) {
  history.replaceState(null, "", `/${name ? `#scene=${encodeURIComponent(name)}` : ""}`);
  endBrush();
  setComparing(false);
  await session.open(name);
  updateStrip();
  document.body.classList.add("ready");
}

const KEYS = {
  c: () => setComparing(!isComparing()),
  a: () => (showAll(), updateStack()),
  f: () => flip("finish"),
  t: setTheme,
  p: () => session.valueAt(["subjects", selectedLayer()]) && startBrush(selectedLayer()).catch(fail),
  x: () => isPainting() && toggleEraser(),
  0: fit,
  "+": () => zoomBy(1.25),
  "-": () => zoomBy(0.8),
  "?": showKeys,
  Escape: () => (isPainting() ? endBrush() : setComparing(false)),
};

function showKeys() {
  const said = [
    ["1 … 9", "eyes, from the top"],
    ["a", "all eyes open"],
    ["f", "the finish"],
    ["c", "compare two pictures"],
    ["p", "paint the mask of the subject; x erases, Escape leaves"],
    ["+  −  0", "zoom, fit"],
    ["↑ ↓", "layers; with Alt, move the layer"],
    ["arrow keys on a handle", "move it by a pixel, with Shift by ten; Delete removes a corner"],
    ["Ctrl Z, Ctrl Shift Z", "undo, redo"],
    ["Ctrl S, Ctrl Enter", "save, save and build"],
    ["t", "light or dark"],
  ];
  showDialog(make("h2", {}, "Keys"), make("dl.keys", {}, ...said.flatMap(([key, what]) => [make("dt", {}, key), make("dd", {}, what)])));
}

function setTheme() {
  const dark = getComputedStyle(document.documentElement).colorScheme.startsWith("dark");
  document.documentElement.dataset.theme = dark ? "light" : "dark";
  localStorage.setItem("theme", document.documentElement.dataset.theme);
}

function onKey(event) {
  const writes = event.target.matches("textarea, select, input:not([type=range], [type=checkbox])");
  if (event.ctrlKey || event.metaKey) {
    const keys = { s: () => session.save().catch(fail), Enter: () => saveAndBuild().catch(fail) };
    if (!writes) keys.z = () => (event.shiftKey ? session.redo() : session.undo());
    const act = keys[event.key === "Z" ? "z" : event.key];
    if (!act) return;
    event.preventDefault();
    act();
    return;
  }
  if (writes || event.altKey || byId("dialog").open) return;
  if (event.key in KEYS) KEYS[event.key]();
  else if (/^[1-9]$/.test(event.key)) byId("layers").children[Number(event.key) - 1]?.querySelector(".eye")?.click();
}

function showPreviews() {
  updateThumbnails();
  refresh().then(refreshComparison).catch(fail);
}

function follow() {
  listen({
    files: (versions) => session.follow(versions).catch(fail),
    build: (build) => {
      afterClick(updateBuild, build);
      const latest = JSON.stringify(build.made);
      const progressed = build.made.length > 0 && latest !== made;
      const left = followPreviews(build.jobs, showPreviews);
      const ended = ran && !build.running;
      made = latest;
      ran = build.running;
      if (progressed || left.length || ended) {
        session.reload().then(() => (build.running ? releasePreviews(left) : forgetPreviews())).catch(fail);
        refreshSweeps();
      }
    },
    strip: (told) => afterClick(updateStrip, told),
    lost: () => {
      lost = true;
      say("The studio does not answer. Start it again, and this page goes on: strata studio");
    },
    found: () => {
      if (!lost) return;
      lost = false;
      notice.hidden = true;
      session.reload().catch(fail);
    },
  });
}

async function start() {
  const theme = localStorage.getItem("theme");
  if (theme) document.documentElement.dataset.theme = theme;
  const wanted = new URLSearchParams(location.hash.slice(1)).get("scene") ?? "";
  connectZoom();
  connectBrush(fail);
  connectFooter(fail);
  connectInspector(fail);
  connectStack();
  connectStrip(fail);
  connectSweeps(fail);
  session.addEventListener("change", update);
  document.addEventListener("selected", updateStack);
  byId("panel").addEventListener("focusout", update); // what is in focus is left alone, whatever becomes of its value
  byId("stage").addEventListener("zoomed", refreshShapes);
  byId("scene").addEventListener("change", (event) => open(event.target.value).catch(fail));
  byId("theme").addEventListener("click", setTheme);
  byId("help").addEventListener("click", showKeys);
  document.addEventListener("keydown", onKey);
  await open(wanted);
  follow();
}

start().catch(fail);
