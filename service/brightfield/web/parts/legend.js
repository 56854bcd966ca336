/** What colours mean: a bar with the values at its ends. */

import { figure } from './text.js';
import { table } from './colormap.js';
import { h } from './dom.js';

/** @param {import('./colormap.js').Scale} scale @param {string} title */
export function legend(scale, title) {
  const canvas = h('canvas', { width: 256, height: 1, role: 'img', 'aria-label': `${title}: from ${figure(scale.low)} to ${figure(scale.high)}` });
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
  const picture = context.createImageData(256, 1);
  const colors = table(scale.signed);
  for (let index = 0; index < 256; index += 1) picture.data.set([...colors.subarray(3 * index, 3 * index + 3), 255], 4 * index);
  context.putImageData(picture, 0, 0);
  const ends = [scale.low, ...(scale.signed ? [0] : []), scale.high];
  return h('div', { class: 'legend' }, h('span', {}, title), canvas, h('span', { class: 'ends' }, ends.map((each) => h('span', {}, figure(each)))));
}
