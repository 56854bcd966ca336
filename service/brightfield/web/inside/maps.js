/** Feature maps: arrays of a reply as small pictures. */

import { h } from '../parts/dom.js';

/** @typedef {{shape: number[], dtype: string, data: string}} EncodedArray */
/** @typedef {{unit: number, max: number | null, mean: number | null, place: number[] | null}} Unit */

/** The numbers of an encoded array of float32. @param {EncodedArray} array */
export function decoded(array) {
  const text = atob(array.data);
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at += 1) bytes[at] = text.charCodeAt(at);
  return new Float32Array(bytes.buffer);
}

/** Inferno at even steps, from low to high; readable for the colour-blind and in print. */
const STEPS = [[0, 0, 4], [31, 12, 72], [85, 15, 109], [136, 34, 106], [186, 54, 85], [227, 89, 51], [249, 140, 10], [249, 201, 50], [252, 255, 164]];

/**
 * A map as a picture: 0 is dark, `top` bright.
 * @param {Float32Array} values @param {number} height @param {number} width @param {number} top
 */
export function mapPicture(values, height, width, top) {
  const canvas = h('canvas', { width, height, 'aria-hidden': 'true' });
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
  const picture = context.createImageData(width, height);
  values.forEach((value, at) => {
    const place = Math.min(0.9999, Math.max(0, value / (top || 1))) * (STEPS.length - 1);
    const [low, high, part] = [STEPS[Math.floor(place)], STEPS[Math.floor(place) + 1], place % 1];
    for (let c = 0; c < 3; c += 1) picture.data[4 * at + c] = low[c] + part * (high[c] - low[c]);
    picture.data[4 * at + 3] = 255;
  });
  context.putImageData(picture, 0, 0);
  return canvas;
}

/** The units with the greatest maxima first. @param {Unit[]} units */
export const strongest = (units) => [...units].sort((a, b) => (b.max ?? -Infinity) - (a.max ?? -Infinity));
