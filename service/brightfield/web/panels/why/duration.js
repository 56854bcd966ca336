/** How long a method will take, from how long the model took for the answer that is shown. */

import { duration } from '../../parts/text.js';

/** @typedef {import('../../app.js').App} App */

/** Below this, in seconds, nobody needs to know beforehand. */
const SHORT = 5;

/** How often the model runs, for methods that hide parts. @type {Record<string, (width: number, height: number) => number>} */
const PASSES = { occlusion: windows, rise: () => 800, kernel_shap: () => 256 };

/**
 * In words, as "about 40 s"; '' if it is short or isn't known. A classifier looks at a small copy of
 * the image, and much of its work is shared between windows, so nothing is said of it.
 * @param {App} app @param {string} method @param {Record<string, string>} query
 */
export function expected(app, method, query) {
  const { pass } = app.last;
  const image = app.images.current;
  if (!pass || !image || !PASSES[method] || app.models.task === 'classify') return '';
  const [, , width, height] = query.region ? query.region.split(',').map(Number) : [0, 0, image.width, image.height];
  const seconds = (PASSES[method](width, height) * pass.seconds * width * height) / pass.pixels;
  return seconds < SHORT ? '' : `about ${duration(seconds)}`;
}

/** The windows of occlusion by default: a seventh of the short side wide, in steps of half of that. @param {number} width @param {number} height */
function windows(width, height) {
  const side = Math.max(1, Math.floor(Math.min(width, height) / 7));
  const along = (/** @type {number} */ length) => Math.ceil((length - side) / Math.max(1, Math.floor(side / 2))) + 1;
  return along(width) * along(height);
}
