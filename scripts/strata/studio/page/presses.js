// A press and its release have to meet the same thing, or there is no click. What would move or replace it waits for the release.

let target = null; // what lies under the pointer that is down
let ending = 0;
const waiting = new Map(); // what is to be done after the release, with its latest arguments

/** Whether a pointer is down. */
export const isPressed = () => target !== null;

/** Whether a pointer is down on something to click. What is dragged, a slider or a shape, is none of it: it shows at once. */
export const isClicked = () => target?.closest("button, summary, label, li") != null;

/** Does something at once, or after the click that is under way. */
export function afterClick(work, ...given) {
  if (isClicked()) waiting.set(work, given);
  else work(...given);
}

/** Does something after each release. */
export function onRelease(work) {
  document.addEventListener("released", work);
}

function press(event) {
  if (event.button !== 0) return; // a menu may open, and no release come
  clearTimeout(ending); // of the press before, on a page that was busy
  target = event.target;
}

function release() {
  clearTimeout(ending);
  ending = setTimeout(() => {
    // The click came first.
    target = null;
    const due = [...waiting];
    waiting.clear();
    for (const [work, given] of due) work(...given);
    document.dispatchEvent(new Event("released"));
  });
}

document.addEventListener("pointerdown", press, true);
for (const end of ["pointerup", "pointercancel"]) document.addEventListener(end, release, true);
