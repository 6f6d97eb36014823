// Which field shows its description: the one in focus.

/** Shows the description of the field in focus, as the class `described`, in a part of the page. */
export function connectDescriptions(panel) {
  let pressed = false;
  const show = () => {
    if (pressed) return;
    const field = panel.contains(document.activeElement) ? document.activeElement.closest(".field") : null;
    for (const other of panel.querySelectorAll(".field.described")) other.classList.toggle("described", other === field);
    field?.classList.add("described");
  };
  const release = () =>
    setTimeout(() => {
      pressed = false;
      show();
    });
  panel.addEventListener("focusin", show);
  panel.addEventListener("focusout", show);
  // A press takes the focus from a field. If its description folded then, all beneath would move, and the release would meet something
  // else than the press: no click.
  document.addEventListener("pointerdown", () => (pressed = true), true);
  for (const end of ["pointerup", "pointercancel"]) document.addEventListener(end, release, true);
}
