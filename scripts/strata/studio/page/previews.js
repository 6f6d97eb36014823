// What passes at work will look like, as far as the build tells: small pictures, which stand for their layers until those are there.

import { get, pictureOf } from "./api.js";

const previews = new Map(); // by the layer's file: {version, address, bitmap, box, over, placed}
let atWork = new Set(); // the files of the jobs that the build told of last

/** A layer's preview; `over` once its pass has ended and the page knows the layer that it made. */
export const previewOf = (file) => previews.get(file);

/**
 * Fetches the previews that are new.
 *
 * @param jobs that are at work
 * @param changed called when there is one more to show
 * @returns the files of those whose jobs are at work no more
 */
export function followPreviews(jobs, changed) {
  const left = [...previews.keys()].filter((file) => atWork.has(file));
  atWork = new Set(jobs.map((job) => job.layer));
  for (const { layer, preview } of jobs) {
    if (preview && previews.get(layer)?.version !== preview.version) load(layer, preview).then((loaded) => loaded && changed());
  }
  return left.filter((file) => !atWork.has(file));
}

async function load(file, { version, box }) {
  const address = pictureOf("preview", file, version);
  try {
    const answer = await get("/api/preview", { file, v: version });
    if (answer.status === 204) return false; // the pass has just ended
    const bitmap = await createImageBitmap(await answer.blob());
    if (!atWork.has(file) || previews.get(file)?.version > version) return false;
    previews.set(file, { version, address, bitmap, box, over: false, placed: null });
    return true;
  } catch {
    return false; // the server is gone, which its events tell
  }
}

/** The layers of these files are known to the page: they are shown as soon as they are there. */
export function releasePreviews(files) {
  for (const file of files) if (previews.has(file) && !atWork.has(file)) previews.get(file).over = true;
}

/** The build has ended, and the page knows what became of it. */
export function forgetPreviews() {
  for (const file of previews.keys()) if (!atWork.has(file)) previews.delete(file);
}

/**
 * A preview in the size of what is shown, for the page's compositing.
 *
 * @param scale shown pixels per rendered pixel
 * @param position of its layer's top left corner, in shown pixels
 */
export function placePreview(preview, scale, position) {
  const key = JSON.stringify([scale, position]);
  if (preview.placed?.key === key) return preview.placed;
  const [left, top, right, bottom] = preview.box.map((length) => Math.round(length * scale));
  const [width, height] = [Math.max(right - left, 1), Math.max(bottom - top, 1)];
  const context = new OffscreenCanvas(width, height).getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(preview.bitmap, 0, 0, width, height);
  const pixels = context.getImageData(0, 0, width, height).data;
  preview.placed = { key, x: left + position[0], y: top + position[1], width, height, channels: 4, pixels };
  return preview.placed;
}
