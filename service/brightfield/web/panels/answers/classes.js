/** Classes with their scores; over a large image also a map of each, from a window that slides. */

import { bars } from '../../parts/bars.js';
import { scaleOf } from '../../parts/colormap.js';
import { fill, h, refill } from '../../parts/dom.js';
import { downloads } from '../../parts/download.js';
import { legend } from '../../parts/legend.js';
import { choice, slider } from '../../parts/slider.js';
import { piece, unpack } from '../../parts/arrays.js';
import { cellAt, gridLayer, painted } from '../../viewer/maps.js';

/** @typedef {{label: string, class_id: number, score: number}} Prediction */

/** @type {import('../answer.js').View} */
export const classes = {
  query: (app) => {
    const window = app.state.get('window');
    /** @type {Record<string, string>} */
    const asked = { top_k: '5' };
    return window ? { ...asked, window, stride: String(Math.max(1, Math.round(Number(window) / 2))) } : asked;
  },
  lengthy: false,
  show,
};

/** @type {import('../answer.js').View['show']} */
function show(envelope, app) {
  const { predictions, map } = envelope.result;
  const list = h('div', {});
  const under = h('div', { class: 'stack' });
  const place = { opacity: 0.6 };
  const first = predictions[0]?.label || '';
  const draw = () => {
    fill(list, bars(rows(predictions), { chosen: chosenOf(app, predictions), onchoose: (id) => { app.state.set({ class: id }); draw(); } }));
    if (map) paint(map, first, app, under, place);
  };
  const formats = map ? ['csv', 'overlay', 'png', 'tiff', 'npy'] : ['csv', 'json'];
  draw();
  const element = h('div', { class: 'stack' }, list, map ? h('h3', {}, 'Where') : null, under,
    map ? slider('Opacity of the map', { min: 0, max: 1, step: 0.05, value: place.opacity, shown: percent, oninput: (value) => { place.opacity = value; paint(map, first, app, under, place); } }) : null,
    windowChoice(app, envelope.image), downloads(app, () => ({ path: 'classify', query: app.last.request?.query || {} }), formats));
  return { element, draw: () => (map ? paint(map, first, app, under, place) : undefined) };
}

/** @param {number} value */
const percent = (value) => `${Math.round(100 * value)} %`;

/** @param {Prediction[]} predictions */
const rows = (predictions) => predictions.map(({ label, class_id: id, score }) => ({ label, score, id: String(id) }));

/** The class of the address, else the first. @param {import('../../app.js').App} app @param {Prediction[]} predictions */
function chosenOf(app, predictions) {
  const id = app.state.get('class');
  return predictions.some((each) => String(each.class_id) === id) ? id : String(predictions[0]?.class_id);
}

/** @param {import('../../app.js').App} app @param {{width: number, height: number}} image */
function windowChoice(app, image) {
  const sizes = [64, 96, 128, 160, 224, 320, 448].filter((each) => each < Math.min(image.width, image.height));
  if (!sizes.length) return null;
  const choices = [{ value: '', text: 'The image as a whole' }, ...sizes.map((each) => ({ value: String(each), text: `Slide a window of ${each} pixels` }))];
  return choice('Look at', choices, app.state.get('window'), (window) => app.state.set({ window }), 'window');
}

/** @param {any} map @param {string} first the class that is shown until one is chosen @param {import('../../app.js').App} app @param {HTMLElement} home @param {{opacity: number}} look */
function paint(map, first, app, home, look) {
  const [, height, width] = map.shape;
  const wanted = app.state.get('where') || first;
  const index = Math.max(0, map.labels.indexOf(wanted));
  const values = piece(unpack(map), index, height * width);
  const scale = { ...scaleOf(values, false), high: Math.max(...values) || 1 };
  const hover = h('p', { class: 'hover-line number', role: 'status' }, ' ');
  const labels = map.labels.map((/** @type {string} */ label) => ({ value: label, text: label }));
  refill(home, choice('Class', labels, map.labels[index], (where) => { app.state.set({ where }); paint(map, first, app, home, look); }, 'where'), legend(scale, `Score of ${map.labels[index]} in each window`), hover);
  app.viewer.layer('answer', gridLayer(painted(values, width, height, scale), map.grid.x, map.grid.y, look.opacity));
  app.viewer.onhover = (at) => {
    const cell = cellAt(at, map.grid.x, map.grid.y);
    hover.textContent = cell < 0 ? ' ' : `${map.labels[index]} ${values[cell].toFixed(3)} in this window`;
  };
}
