/** A stack, segmented as a whole: the outlines of the plane that is shown, and the objects with their volumes. */

import { job } from '../../http.js';
import { fill, h } from '../../parts/dom.js';
import { downloads } from '../../parts/download.js';
import { problemBox } from '../../parts/problem.js';
import { progressLine } from '../../parts/progress.js';
import { slider } from '../../parts/slider.js';
import { table } from '../../parts/table.js';
import { counted, figure } from '../../parts/text.js';
import { objectsLayer } from '../../viewer/objects.js';

/** @typedef {import('../../viewer/objects.js').Found & {plane: number}} Slice */
/** @typedef {import('../../app.js').App} App */

/** @type {import('../answer.js').View} */
export const volume = { query: () => ({ volume: 'true' }), lengthy: true, show };

/** @type {import('../answer.js').View['show']} */
function show(envelope, app) {
  const axis = app.images.current?.facts?.axes.find((each) => 'ZP'.includes(each.name) && each.length > 1);
  const key = axis?.name === 'P' ? 'page' : 'z';
  /** @type {Slice[]} */
  let slices = [];
  const colors = new Map(envelope.result.classes.map((/** @type {{class_id: number, color: number[]}} */ each) => [each.class_id, each.color]));
  const draw = () => app.viewer.layer('objects', objectsLayer(slices.filter((each) => String(each.plane) === app.state.get(key, '0')), { opacity: 0.35, colors, chosen: null }));
  const line = progressLine('Drawing the outlines');
  const notes = h('div', { class: 'loading' }, line.element);
  outlines(app, line.move).then((found) => { slices = found; fill(notes); if (notes.checkVisibility()) draw(); }).catch((fault) => fill(notes, problemBox(fault)));
  const planes = slider('Plane', { min: 0, max: (axis?.length || 1) - 1, step: 1, value: Number(app.state.get(key, '0')), oninput: (value) => { app.state.set({ [key]: value }); draw(); } });
  const { objects } = envelope.result;
  const rows = objects.slice(0, 200).map((/** @type {any} */ each) => [each.id, figure(each.score), each.voxels, each.volume_um3 ? figure(each.volume_um3, 4) : 'n/a']);
  const element = h('div', { class: 'stack' }, h('p', { class: 'total' }, counted(objects.length, 'object')), planes, notes,
    h('button', { onclick: () => app.state.set({ volume: null }) }, 'Segment this plane alone'),
    downloads(app, () => ({ path: 'segment', query: app.last.request?.query || {} }), ['tiff', 'csv', 'geojson', 'coco', 'rois']), table(['Object', 'Score', 'Voxels', 'µm³'], rows));
  return { element, draw };
}

/** The outlines of every plane, from GeoJSON. @param {App} app @param {(done: number, total: number) => void} onprogress @returns {Promise<Slice[]>} */
async function outlines(app, onprogress) {
  const { features } = await job('segment', { ...app.last.request?.query, format: 'geojson' }, { onprogress });
  return features.map((/** @type {any} */ each) => {
    const polygons = each.geometry.type === 'Polygon' ? [each.geometry.coordinates] : each.geometry.coordinates;
    const xs = polygons.flat(2).map((/** @type {number[]} */ [x]) => x);
    const ys = polygons.flat(2).map((/** @type {number[]} */ [, y]) => y);
    const box = { xmin: Math.min(...xs), xmax: Math.max(...xs), ymin: Math.min(...ys), ymax: Math.max(...ys) };
    return { id: Number(each.properties.name), label: each.properties.classification.name, class_id: 0, score: 1, box, outline: polygons, plane: each.geometry.plane?.z ?? 0 };
  });
}
