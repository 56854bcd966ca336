/** More pixels: the enlarged image beside bicubic interpolation, with a line between them that moves. */

import { blob } from '../../http.js';
import { bicubic } from '../../parts/bicubic.js';
import { fill, h } from '../../parts/dom.js';
import { downloads } from '../../parts/download.js';
import { problemBox } from '../../parts/problem.js';
import { slider } from '../../parts/slider.js';
import { facts } from '../../parts/table.js';

/** @typedef {import('../../app.js').App} App */

const MOST = 480 * 360;

/** @type {import('../answer.js').View} */
export const enlarged = {
  query: (app) => ({ format: 'json', encoding: 'png', region: partOf(app).join(',') }),
  lengthy: true,
  show,
};

/** The part that is enlarged: that of the address, else all of a small image and the middle of a large one. @param {App} app */
function partOf(app) {
  const given = app.state.get('enlarge').split(',').map(Number);
  if (given.length === 4) return given;
  const { width, height } = app.images.current || { width: 1, height: 1 };
  const share = Math.min(1, Math.sqrt(MOST / (width * height)));
  const [w, h_] = [Math.max(1, Math.floor(width * share)), Math.max(1, Math.floor(height * share))];
  return [Math.floor((width - w) / 2), Math.floor((height - h_) / 2), w, h_];
}

/** @type {import('../answer.js').View['show']} */
function show(envelope, app) {
  const [x, y, width, height] = partOf(app);
  const rect = { x, y, width, height };
  const look = { share: 0.5 };
  /** @type {{network: ImageBitmap, plain: ImageBitmap} | null} */
  let both = null;
  const notes = h('div', {});
  const draw = () => { if (both) app.viewer.layer('answer', wipe(both, rect, look.share)); };
  pictures(envelope, app, rect).then((found) => { both = found; draw(); }).catch((fault) => fill(notes, problemBox(fault)));
  const { scale } = envelope.result;
  const wiper = slider('Left of the line: bicubic. Right: the model.', { id: 'wipe', min: 0, max: 1, step: 0.005, value: look.share, shown: (value) => `${Math.round(100 * value)} %`, oninput: (value) => { look.share = value; draw(); } });
  const sight = h('button', { onclick: () => app.state.set({ enlarge: inSight(app) }) }, 'Enlarge what is in sight');
  const element = h('div', { class: 'stack' }, wiper, h('div', { class: 'row' }, sight, h('button', { onclick: () => app.viewer.show(rect) }, 'Show this part')),
    facts([['From', `${width} x ${height}`], ['To', `${width * scale} x ${height * scale}`]]), notes,
    downloads(app, () => ({ path: 'superresolve', query: without(app.last.request?.query) }), ['png', 'tiff', 'npy']));
  return { element, draw };
}

/** @param {Record<string, string> | undefined} query */
const without = (query) => Object.fromEntries(Object.entries(query || {}).filter(([name]) => name !== 'format' && name !== 'encoding'));

/** @param {App} app */
function inSight(app) {
  const { x, y, width, height } = app.viewer.view.seen;
  const share = Math.min(1, Math.sqrt(MOST / (width * height)));
  const [w, h_] = [Math.max(8, Math.floor(width * share)), Math.max(8, Math.floor(height * share))];
  return [Math.floor(x + (width - w) / 2), Math.floor(y + (height - h_) / 2), w, h_].join(',');
}

/** @param {any} envelope @param {App} app @param {import('../../viewer/viewer.js').Rect} rect */
async function pictures(envelope, app, rect) {
  const file = envelope.result.image;
  const bytes = Uint8Array.from(atob(file.data), (character) => character.charCodeAt(0));
  const network = await createImageBitmap(new Blob([bytes], { type: `image/${file.format}` }));
  const region = [rect.x, rect.y, rect.width, rect.height].join(',');
  const small = await createImageBitmap(await blob(`images/${app.images.current?.id}/view`, { query: { ...app.images.seen(), region, width: rect.width, format: 'png' } }));
  return { network, plain: await bicubic(small, network.width, network.height) };
}

/** @param {{network: ImageBitmap, plain: ImageBitmap}} both @param {import('../../viewer/viewer.js').Rect} rect @param {number} share @returns {import('../../viewer/viewer.js').Layer} */
function wipe({ network, plain }, rect, share) {
  return { order: 20, draw: (context, { scale }) => {
    const line = rect.x + rect.width * share;
    for (const [picture, left, right] of /** @type {const} */ ([[plain, rect.x, line], [network, line, rect.x + rect.width]])) {
      context.save();
      context.beginPath();
      context.rect(left, rect.y, right - left, rect.height);
      context.clip();
      context.imageSmoothingEnabled = (scale * rect.width) / picture.width < 1;
      context.drawImage(picture, rect.x, rect.y, rect.width, rect.height);
      context.restore();
    }
    context.fillStyle = '#ffffff';
    context.fillRect(line - 1 / scale, rect.y, 2 / scale, rect.height);
  } };
}
