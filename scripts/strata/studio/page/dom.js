// Small helpers for elements. Text is always text: nothing here makes HTML of it.

export const byId = (id) => document.getElementById(id);

/**
 * An element.
 *
 * @param name of the element, perhaps with classes: "button.tool"
 * @param properties of it; those that begin with "on" are listeners, `data` and `aria` are mappings
 * @param children elements and texts
 */
export function make(name, properties = {}, ...children) {
  const [tag, ...classes] = name.split(".");
  const element = document.createElement(tag);
  if (classes.length) element.className = classes.join(" ");
  for (const [key, value] of Object.entries(properties)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key === "data") Object.assign(element.dataset, value);
    else if (key === "aria") for (const [part, said] of Object.entries(value)) element.setAttribute(`aria-${part}`, said);
    else if (key === "role" || key === "for" || key === "list") element.setAttribute(key, value);
    else element[key] = value;
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

/** An element of SVG with attributes. */
export function draw(name, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

export function makeIcon(...paths) {
  return draw("svg", { viewBox: "0 0 24 24", "aria-hidden": "true" }, ...paths.map((d) => draw("path", { d })));
}

const sayControl = (control) => [control.closest("[data-key]")?.dataset.key, control.tagName, control.type, control.ariaLabel ?? control.textContent].join();

/**
 * Replaces what is in an element. Where the focus was in it, it goes to the control that is the same, or else stands in its place now,
 * perhaps beside the element.
 */
export function replaceContent(element, ...content) {
  const list = () => [...element.parentElement.querySelectorAll("summary, button, input, select, textarea")].filter((each) => each.checkVisibility());
  const focused = element.contains(document.activeElement) ? document.activeElement : null;
  const [place, said] = focused ? [list().indexOf(focused), sayControl(focused)] : [];
  element.replaceChildren(...content);
  if (!focused) return;
  const controls = list();
  (controls.find((each) => sayControl(each) === said) ?? controls[Math.min(place, controls.length - 1)])?.focus();
}

/** Shows a dialog with some content. */
export function showDialog(...content) {
  byId("dialog-body").replaceChildren(...content);
  const dialog = byId("dialog");
  if (!dialog.open) dialog.showModal();
}

export const closeDialog = () => byId("dialog").close();

/** Seconds for people: 0.4 s, 12 s, 3 min. */
export function sayTime(seconds) {
  if (seconds === null || seconds === undefined) return "unknown";
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  if (seconds < 90) return `${Math.round(seconds)} s`;
  return `${Math.round(seconds / 60)} min`;
}
