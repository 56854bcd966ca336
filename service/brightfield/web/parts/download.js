/** A menu of files that the service writes of the answer that is shown. */

import { jobReply } from '../http.js';
import { copyButton } from './copy.js';
import { fill, h } from './dom.js';
import { menu, save } from './menu.js';
import { gaveUp, problemBox } from './problem.js';
import { progressLine } from './progress.js';

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

/**
 * The files of an answer, and the request that was made for it as a script.
 * @param {App} app @param {() => import('../app.js').Request} ask for the file @param {string[]} formats
 * @param {() => import('../app.js').Request | null} made what the script asks
 */
export function downloads(app, ask, formats, made = () => app.last.request) {
  const state = h('div', { role: 'status' });
  const get = async (/** @type {string} */ format) => {
    const { path, query } = ask();
    const given = new AbortController();
    const line = progressLine('Writing the file', () => { given.abort(); fill(state); });
    fill(state, line.element);
    try {
      const written = await (await jobReply(path, { ...query, format }, { signal: given.signal, onprogress: line.move })).blob();
      const name = `${stem(app)}-${path}.${FORMATS[format].end}`;
      save(written, name);
      fill(state, h('p', { class: 'soft small wrap' }, `Saved as ${name}`));
    } catch (fault) {
      if (!gaveUp(fault)) fill(state, problemBox(fault, () => void get(format)));
    }
  };
  const files = menu('Download', formats.map((each) => ({ text: FORMATS[each].text, note: FORMATS[each].note, act: () => void get(each) })));
  return h('div', { class: 'stack take' }, h('div', { class: 'row' }, files, copyButton(app, made)), state);
}

/** The file's name without its end. @param {App} app */
const stem = (app) => (app.images.current?.name || 'image').replace(/\.\w{1,5}$/, '');
