/** A map over the image: values as colours, smooth or in the cells of a grid. */

import { step, table } from '../parts/colormap.js';

/** @typedef {import('../parts/colormap.js').Scale} Scale */
/** @typedef {import('./viewer.js').Rect} Rect */
/** @typedef {import('./viewer.js').Layer} Layer */

/** The values as a picture of a pixel each; NaN is left out. @param {ArrayLike<number>} values @param {number} width @param {number} height @param {Scale} scale */
export function painted(values, width, height, scale) {
  const canvas = new OffscreenCanvas(width, height);
  const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext('2d'));
  const picture = context.createImageData(width, height);
  const colors = table(scale.signed);
  for (let index = 0; index < width * height; index += 1) {
    if (Number.isNaN(values[index])) continue;
    const color = 3 * step(values[index], scale);
    picture.data[4 * index] = colors[color];
    picture.data[4 * index + 1] = colors[color + 1];
    picture.data[4 * index + 2] = colors[color + 2];
    picture.data[4 * index + 3] = 255;
  }
  context.putImageData(picture, 0, 0);
  return canvas;
}

/** @param {OffscreenCanvas} picture @param {Rect} place @param {number} opacity @returns {Layer} */
export function mapLayer(picture, place, opacity) {
  return { order: 20, draw: (context) => {
    context.globalAlpha = opacity;
    context.imageSmoothingEnabled = true;
    context.drawImage(picture, place.x, place.y, place.width, place.height);
  } };
}

/** Cells of a grid, each with a colour of its own; `chosen` has a frame. @param {OffscreenCanvas} picture @param {number[][]} xs @param {number[][]} ys @param {number} opacity @param {() => number} [chosen] @returns {Layer} */
export function gridLayer(picture, xs, ys, opacity, chosen = () => -1) {
  const across = cells(xs);
  const down = cells(ys);
  return { order: 20, draw: (context, { scale }) => {
    context.globalAlpha = opacity;
    context.imageSmoothingEnabled = false;
    down.forEach(([top, bottom], row) => across.forEach(([left, right], column) => {
      context.drawImage(picture, column, row, 1, 1, left, top, right - left, bottom - top);
    }));
    const place = chosen();
    if (place < 0) return;
    const [left, right] = xs[place % xs.length];
    const [top, bottom] = ys[Math.floor(place / xs.length)];
    context.globalAlpha = 1;
    context.lineWidth = 2 / scale;
    context.strokeStyle = '#ffffff';
    context.strokeRect(left, top, right - left, bottom - top);
  } };
}

/** Where each of several windows that overlap is drawn: up to half way to its neighbours. @param {number[][]} spans */
export function cells(spans) {
  const middle = spans.map(([from, to]) => (from + to) / 2);
  return spans.map(([from, to], index) => [
    index === 0 ? from : (middle[index - 1] + middle[index]) / 2,
    index === spans.length - 1 ? to : (middle[index] + middle[index + 1]) / 2,
  ]);
}

/** The cell at a point; -1: none. @param {import('./viewer.js').Point | null} at @param {number[][]} xs @param {number[][]} ys */
export function cellAt(at, xs, ys) {
  if (!at) return -1;
  const column = cells(xs).findIndex(([from, to]) => at.x >= from && at.x < to);
  const row = cells(ys).findIndex(([from, to]) => at.y >= from && at.y < to);
  return column < 0 || row < 0 ? -1 : row * xs.length + column;
}
