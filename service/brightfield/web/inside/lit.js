/** What a unit sees: the pixels that raise its value, beside the same part of the image. */

import { blob } from '../http.js';
import { fill, h } from '../parts/dom.js';

/** @typedef {{x: number, y: number, width: number, height: number}} Rect */

const LEAST = 24;

/**
 * Both pictures of the part that is lit, with a margin: a unit of an early layer sees a few pixels.
 * @param {HTMLElement} home @param {Blob} found @param {string} image @param {Record<string, string>} seen which plane, and how it is shown
 */
export async function showLit(home, found, image, seen) {
  const whole = await createImageBitmap(found);
  const part = lit(whole);
  const region = [part.x, part.y, part.width, part.height].join(',');
  const below = await createImageBitmap(await blob(`images/${image}/view`, { query: { ...seen, region, width: part.width, format: 'png' } }));
  const pair = [cut(below, { ...part, x: 0, y: 0 }, 'The part of the image'), cut(whole, part, 'The pixels that raise the value')];
  fill(home, h('div', { class: 'lit' }, pair), h('p', { class: 'small soft' }, `${part.width} x ${part.height} pixels of the image, from ${part.x}, ${part.y}: as it is, and what raises the value.`));
}

/** @param {ImageBitmap} picture @param {Rect} part @param {string} label */
function cut(picture, part, label) {
  const canvas = h('canvas', { width: part.width, height: part.height, role: 'img', 'aria-label': label });
  canvas.getContext('2d')?.drawImage(picture, part.x, part.y, part.width, part.height, 0, 0, part.width, part.height);
  return canvas;
}

/** @param {ImageBitmap} picture @returns {Rect} */
function lit(picture) {
  const { width, height } = picture;
  const canvas = new OffscreenCanvas(width, height);
  const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext('2d'));
  context.drawImage(picture, 0, 0);
  const { data } = context.getImageData(0, 0, width, height);
  let [left, top, right, bottom] = [width, height, 0, 0];
  for (let at = 0; at < width * height; at += 1) {
    if (data[4 * at] < 2) continue;
    const [x, y] = [at % width, Math.floor(at / width)];
    [left, top, right, bottom] = [Math.min(left, x), Math.min(top, y), Math.max(right, x + 1), Math.max(bottom, y + 1)];
  }
  if (left >= right) return { x: 0, y: 0, width, height };
  const side = Math.max(LEAST, Math.ceil(1.5 * Math.max(right - left, bottom - top)));
  const along = (/** @type {number} */ from, /** @type {number} */ to, /** @type {number} */ end) => {
    const length = Math.min(side, end);
    return [Math.round(Math.min(end - length, Math.max(0, (from + to - length) / 2))), length];
  };
  const [[x, w], [y, h_]] = [along(left, right, width), along(top, bottom, height)];
  return { x, y, width: w, height: h_ };
}
