/** A menu of files that the service writes of the answer that is shown. */

import { reply } from '../http.js';
import { fill, h } from './dom.js';
import { menu, save } from './menu.js';
import { problemBox } from './problem.js';

/** @type {Record<string, {text: string, end: string, note: string}>} */
const FORMATS = {
  csv: { text: 'CSV', end: 'csv', note: 'tables' },
  json: { text: 'JSON', end: 'json', note: 'programs' },
  geojson: { text: 'GeoJSON', end: 'geojson', note: 'QuPath' },
  coco: { text: 'COCO', end: 'coco.json', note: 'training' },
  rois: { text: 'ROI zip', end: 'zip', note: 'ImageJ, Fiji' },
  overlay: { text: 'PNG, drawn', end: 'overlay.png', note: 'to look at' },
  png: { text: 'PNG', end: 'png', note: 'pixels' },
  tiff: { text: 'TIFF', end: 'tif', note: 'values' },
  npy: { text: 'NPY', end: 'npy', note: 'NumPy' },
};

/** @typedef {import('../app.js').App} App */

/** @param {App} app @param {() => import('../app.js').Request} ask @param {string[]} formats */
export function downloads(app, ask, formats) {
  const state = h('div', { role: 'status' });
  const get = async (/** @type {string} */ format) => {
    const { path, query } = ask();
    fill(state, h('p', { class: 'soft small' }, 'Writing the file ...'));
    try {
      const written = await (await reply(path, { method: 'POST', query: { ...query, format } })).blob();
      const name = `${stem(app)}-${path}.${FORMATS[format].end}`;
      save(written, name);
      fill(state, h('p', { class: 'soft small wrap' }, `Saved as ${name}`));
    } catch (fault) {
      fill(state, problemBox(fault, () => void get(format)));
    }
  };
  return h('div', { class: 'row' }, menu('Download', formats.map((each) => ({ text: FORMATS[each].text, note: FORMATS[each].note, act: () => void get(each) }))), state);
}

/** The file's name without its end. @param {App} app */
const stem = (app) => (app.images.current?.name || 'image').replace(/\.\w{1,5}$/, '');
