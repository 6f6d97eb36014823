"use strict";
// Two pictures in one place, and a line between them that can be moved: by the pointer, by the arrow keys.

/**
 * Connects a range with what shows the left picture.
 *
 * @param stage the element that holds both pictures; its style property --split says where the line is
 * @param range an input of the type range, from 0 to 100
 */
function connectSlider(stage, range) {
  const move = () => stage.style.setProperty("--split", `${range.value}%`);
  const follow = (event) => {
    const box = stage.getBoundingClientRect();
    range.value = Math.min(Math.max(((event.clientX - box.left) / box.width) * 100, 0), 100);
    move();
  };
  range.addEventListener("input", move);
  stage.addEventListener("pointerdown", (event) => {
    if (!stage.classList.contains("comparing") || event.target.closest("button, select, label")) return;
    stage.setPointerCapture(event.pointerId);
    follow(event);
  });
  stage.addEventListener("pointermove", (event) => stage.hasPointerCapture(event.pointerId) && follow(event));
  move();
}
