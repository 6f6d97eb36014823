// JSON, with whole numbers that no Number holds exactly, such as seeds: in the page they are BigInts.

export const parseJson = (text) =>
  JSON.parse(text, (key, value, context) => {
    const exact = typeof value !== "number" || Number.isSafeInteger(value) || !/^-?\d+$/.test(context?.source);
    return exact ? value : BigInt(context.source);
  });

export const writeJson = (value) => JSON.stringify(value, (key, item) => (typeof item === "bigint" ? JSON.rawJSON(item) : item));

/** A value as a person would write it on a line: JSON with spaces, which is YAML, too. */
export function writeLine(value) {
  if (Array.isArray(value)) return `[${value.map(writeLine).join(", ")}]`;
  if (value === null || typeof value !== "object") return writeJson(value);
  return `{${Object.entries(value).map(([key, item]) => `${writeJson(key)}: ${writeLine(item)}`).join(", ")}}`;
}
