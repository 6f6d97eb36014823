// Finished pictures: to look at, to compare any two, to take the values of one back.

import { postJson } from "./api.js";
import { byId, make } from "./dom.js";
import { showsPicture, shownSize } from "./picture.js";
import { session } from "./session.js";

/* global connectSlider */

const world = byId("world");
const HEIGHT = 62; // of a small picture, in pixels
let kept = [];
let fail = () => {};

const sayWhen = (each) => new Date(Number(each.id.slice(0, 13))).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
const addressOf = (id) => `/api/strip/${id}`;

export const isComparing = () => world.classList.contains("comparing");

/** Shows the pictures of the scene that is open, the latest first. */
export function updateStrip(told = kept) {
  kept = told;
  const mine = kept.filter((each) => each.scene === session.name).reverse();
  byId("strip").hidden = !mine.length;
  byId("pictures").replaceChildren(
    ...mine.map((each) => {
      const look = make("button.kept", { type: "button", title: "Compare with what is shown", onclick: () => compare(each.id, "shown") });
      const [width, height] = [Math.round((HEIGHT * each.size[0]) / each.size[1]), HEIGHT]; // known before it is loaded
      look.append(make("img", { width, height, src: addressOf(each.id), alt: `The picture of ${sayWhen(each)}`, loading: "lazy" }));
      const back = make("button", { type: "button", title: "Edits that give this picture's values back", onclick: () => takeBack(each.id).catch(fail) }, "Take back");
      return make("li", {}, look, make("div", {}, make("span.soft", {}, sayWhen(each)), back));
    }),
  );
  const choices = [["shown", "what is shown"], ...mine.map((each) => [each.id, sayWhen(each)])];
  for (const id of ["left", "right"]) {
    const select = byId(id);
    const before = select.value;
    select.replaceChildren(...choices.map(([value, text]) => make("option", { value }, text)));
    if (choices.some(([value]) => value === before)) select.value = before;
  }
}

/** Adds the edits that give a picture's values back. */
async function takeBack(id) {
  session.discard();
  const { edits } = await postJson(addressOf(id), { scene: session.name });
  if (edits.length) session.add(...edits);
  else byId("state").textContent = "These are the values that the scene has.";
}

/** Shows two pictures with a slider between them. */
function compare(left, right) {
  byId("left").value = left;
  byId("right").value = right;
  setComparing(true);
}

export function setComparing(on) {
  world.classList.toggle("comparing", on);
  byId("compare").setAttribute("aria-pressed", String(on));
  byId("comparing").hidden = !on;
  if (on) showBoth();
}

function showBoth() {
  draw(byId("left-picture"), byId("left").value).catch(fail);
  draw(byId("right-picture"), byId("right").value).catch(fail);
}

async function draw(canvas, choice) {
  [canvas.width, canvas.height] = shownSize();
  const context = canvas.getContext("2d");
  if (choice === "shown") {
    if (showsPicture()) context.drawImage(byId("shown"), 0, 0, canvas.width, canvas.height);
    return;
  }
  const image = new Image();
  image.src = addressOf(choice);
  await image.decode();
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
}

/** Draws what is compared anew, if something is. */
export const refreshComparison = () => isComparing() && showBoth();

export function connectStrip(failed) {
  fail = failed;
  byId("compare").addEventListener("click", () => setComparing(!isComparing()));
  for (const id of ["left", "right"]) byId(id).addEventListener("change", showBoth);
  connectSlider(world, byId("split"));
}
