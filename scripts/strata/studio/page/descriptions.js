// Which field shows its description: the one in focus.

import { isPressed, onRelease } from "./presses.js";

/** Shows the description of the field in focus, as the class `described`, in a part of the page. */
export function connectDescriptions(panel) {
  const show = () => {
    // A press takes the focus from a field. If its description folded then, all beneath would move, and there would be no click.
    if (isPressed()) return;
    const field = panel.contains(document.activeElement) ? document.activeElement.closest(".field") : null;
    for (const other of panel.querySelectorAll(".field.described")) other.classList.toggle("described", other === field);
    field?.classList.add("described");
  };
  panel.addEventListener("focusin", show);
  panel.addEventListener("focusout", show);
  onRelease(show);
}
