/** What is explained: a class, an object, a point or a box, as parameters of a request and in words. */

/** @typedef {import('../../app.js').App} App */
/** @typedef {{query: Record<string, string>, words: string} | null} Target */

const MARGIN = 48;
const LARGEST = 512;

/** What the address names; null: nothing to explain yet. @param {App} app @returns {Target} */
export function targetOf(app) {
  const { task } = app.models;
  const place = placeOf(app, task);
  const name = app.state.get('class');
  if (task === 'classify') return { query: name ? { target: name } : {}, words: name ? 'the chosen class' : 'the class with the highest score' };
  if (task === 'superresolve') return null;
  return place;
}

/** @param {App} app @param {string} task @returns {Target} */
function placeOf(app, task) {
  const box = numbers(app.state.get('box'), 4);
  const at = numbers(app.state.get('at'), 2);
  if (box) {
    const [x, y, width, height] = box;
    /** @type {Record<string, string>} */
    const named = task === 'segment' ? { within: box.join(',') } : { box: [x, y, x + width, y + height].join(',') };
    return { query: { ...named, ...around(app, x + width / 2, y + height / 2, Math.max(width, height)) }, words: app.state.get('object') ? `object ${app.state.get('object')}` : 'the rectangle' };
  }
  if (at) return { query: { point: at.join(','), ...around(app, at[0], at[1], 0) }, words: app.state.get('object') ? `object ${app.state.get('object')}` : 'the object at the point' };
  return null;
}

/** A part of a large image: explanations look at one piece. @param {App} app @param {number} x @param {number} y @param {number} side @returns {Record<string, string>} */
function around(app, x, y, side) {
  const { width, height } = app.images.current || { width: 0, height: 0 };
  const wanted = Math.min(LARGEST, Math.max(128, 2 * MARGIN + side));
  if (app.models.task === 'detect' && width * height <= 1024 * 1024) return {};
  if (width <= wanted && height <= wanted) return {};
  const [w, h] = [Math.min(width, wanted), Math.min(height, wanted)];
  const start = (/** @type {number} */ middle, /** @type {number} */ length, /** @type {number} */ end) => Math.round(Math.min(end - length, Math.max(0, middle - length / 2)));
  return { region: [start(x, w, width), start(y, h, height), w, h].join(',') };
}

/** @param {string} text @param {number} count */
function numbers(text, count) {
  const found = text.split(',').map(Number);
  return found.length === count && found.every(Number.isFinite) ? found : null;
}
