// Questions to the server, and its events.

import { parseJson, writeJson } from "./json.js";

/** What the server refused: its sentence, the key that it speaks of, and the status of HTTP. */
export class Refusal extends Error {
  constructor(status, { error, key }) {
    super(error);
    this.status = status;
    this.key = key;
  }
}

async function answerOf(response) {
  if (response.ok) return response;
  let told;
  try {
    told = await response.json();
  } catch {
    told = { error: `The studio answered with ${response.status}.`, key: null };
  }
  throw new Refusal(response.status, told);
}

async function send(path, options) {
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new Refusal(0, { error: "The studio does not answer. Start it again: strata studio", key: null });
  }
  return answerOf(response);
}

/** @returns what is at a path, as a Response. */
export const get = (path, asked = {}) => send(`${path}?${new URLSearchParams(asked)}`);

export const getJson = async (path, asked) => parseJson(await (await get(path, asked)).text());

/** Sends JSON, or a picture. @returns the Response. */
export function post(path, body) {
  const picture = body instanceof Blob;
  return send(path, {
    method: "POST",
    headers: { "content-type": picture ? "image/png" : "application/json" },
    body: picture ? body : writeJson(body),
  });
}

export const postJson = async (path, body) => parseJson(await (await post(path, body)).text());

/** The address of a picture under results/, in the version that is there. */
export const pictureOf = (kind, file, version, more = {}) => `/api/${kind}?${new URLSearchParams({ file, v: version, ...more })}`;

/**
 * Listens to the server until the page is closed.
 *
 * @param handlers functions by the name of the event: files, build, strip; and lost and found for the connection
 */
export function listen(handlers) {
  const source = new EventSource("/api/events");
  for (const name of ["files", "build", "strip"]) {
    source.addEventListener(name, (event) => handlers[name](JSON.parse(event.data)));
  }
  source.addEventListener("open", () => handlers.found());
  source.addEventListener("error", () => {
    handlers.lost();
    // A browser gives up where the server answered with an error; it may have been started again.
    if (source.readyState === EventSource.CLOSED) setTimeout(() => listen(handlers), 1000);
  });
}
