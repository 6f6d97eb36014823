// Values by their paths in a scene. In composite.layers an entry goes by its layer, in other lists by its number.

const isStack = (path, depth) => depth === 2 && path[0] === "composite" && path[1] === "layers";

function step(value, path, depth) {
  if (value === null || value === undefined) return undefined;
  if (isStack(path, depth)) return value.find((entry) => entry.layer === path[depth]);
  return value[path[depth]];
}

/** The value at a path; undefined if there is none. */
export function valueAt(root, path) {
  let value = root;
  for (let depth = 0; depth < path.length; depth++) value = step(value, path, depth);
  return value;
}

/** A copy of a scene with another value at a path; the scene itself where the path leads nowhere. */
export function withValue(root, path, value) {
  const copy = structuredClone(root);
  let place = copy;
  for (let depth = 0; depth < path.length - 1; depth++) {
    const next = step(place, path, depth);
    if (next === null || typeof next !== "object") return root;
    place = next;
  }
  place[path.at(-1)] = value;
  return copy;
}

/**
 * A path as sentences write it: subjects.astronaut.mask.shapes[0].bbox.
 *
 * @param scene whose composite tells the numbers of its entries; null for their layers' names instead
 */
export function keyOf(path, scene) {
  let text = "";
  path.forEach((part, depth) => {
    const name = scene && isStack(path, depth) ? scene.composite.layers.findIndex((entry) => entry.layer === part) : part;
    text += typeof name === "number" ? `[${name}]` : text ? `.${name}` : name;
  });
  return text;
}

/** Whether two plain values are the same. The order of keys means nothing. */
export function isSame(one, other) {
  if (one === other) return true;
  if (one === null || other === null || typeof one !== "object" || typeof other !== "object") return false;
  if (Array.isArray(one) !== Array.isArray(other)) return false;
  const keys = Object.keys(one);
  return keys.length === Object.keys(other).length && keys.every((key) => key in other && isSame(one[key], other[key]));
}

/** The keys in which two scenes differ, as sentences write them. */
export function differences(one, other, above = "") {
  if (isSame(one, other)) return [];
  const nested = [one, other].every((value) => value !== null && typeof value === "object" && !Array.isArray(value));
  if (!nested) return [above || "the scene"];
  const keys = [...new Set([...Object.keys(one), ...Object.keys(other)])];
  return keys.flatMap((key) => differences(one[key], other[key], above ? `${above}.${key}` : key));
}
