// The schemas as fields need them: references followed, kinds told.

import { session } from "./session.js";

/** A part of a schema with its references followed; what stands beside a reference wins. */
export function resolve(node, of = "scene") {
  const reference = node.$ref ?? (node.allOf?.length === 1 ? node.allOf[0].$ref : undefined);
  if (!reference) return node;
  const { $ref, allOf, ...beside } = node;
  let target = session.schemas[of];
  for (const part of reference.slice(reference.indexOf("#") + 2).split("/")) target = target[part];
  return { ...resolve(target, of), ...beside };
}

/** The kinds of values that a key takes. */
export const kindsOf = (node) => (node.enum ? ["enum"] : [node.type ?? []].flat());

export const isNullable = (node) => kindsOf(node).includes("null") || node.enum?.includes(null);

/** A description on one line. */
export const describe = (node) => (node.description ?? "").replace(/\s+/g, " ").trim();

export const layerSchema = (kind) => resolve({ $ref: `#/definitions/${kind}` });

export const sceneProperty = (key) => resolve(session.schemas.scene.properties[key]);

/** A first value for an object that is null: what it requires, from what is at hand. */
export function beginObject(node) {
  const begun = {};
  for (const key of node.required ?? []) {
    const part = resolve(node.properties[key]);
    if (key === "prompt") begun[key] = session.valueAt(["background", "prompt"]) ?? "";
    else if (part.enum) begun[key] = part.enum[0];
    else if (kindsOf(part).includes("number") || kindsOf(part).includes("integer")) begun[key] = part.default ?? Math.max(part.minimum ?? 0, 4);
    else begun[key] = "";
  }
  return begun;
}
