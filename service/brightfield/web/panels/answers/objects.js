/** Objects: boxes or masks over the image, counted by class, filtered by score in the browser. */

import { fill, h } from '../../parts/dom.js';
import { downloads } from '../../parts/download.js';
import { check, slider } from '../../parts/slider.js';
import { facts } from '../../parts/table.js';
import { counted, figure } from '../../parts/text.js';
import { objectAt, objectsLayer } from '../../viewer/objects.js';
import { swatch } from '../model.js';

/** @typedef {import('../../app.js').App} App */
/** @typedef {import('../../viewer/objects.js').Found & {area_px?: number, area_um2?: number, centroid?: {x: number, y: number}, mean_intensity?: number[]}} Object */
/** @typedef {{class_id: number, label: string, color: number[]}} Class */

const LOWEST = 0.05;

/** @type {import('../answer.js').View} */
export const detected = { query: () => ({ threshold: String(LOWEST) }), lengthy: false, show: (envelope, app) => show(envelope, app, 'detect') };

/** @type {import('../answer.js').View} */
export const segmented = { query: () => ({ outlines: 'true' }), lengthy: true, show: (envelope, app) => show(envelope, app, 'segment') };

/** @param {any} envelope @param {App} app @param {'detect' | 'segment'} task @returns {import('../answer.js').Shown} */
function show(envelope, app, task) {
  const list = new ObjectList(envelope, app, task);
  return { element: list.element, draw: () => list.draw() };
}

class ObjectList {
  /** @param {any} envelope @param {App} app @param {'detect' | 'segment'} task */
  constructor(envelope, app, task) {
    this.app = app;
    this.task = task;
    /** @type {Object[]} */
    this.objects = envelope.result.objects;
    /** @type {Class[]} */
    this.classes = envelope.result.classes;
    this.pixelSize = envelope.image.pixel_size;
    /** @type {Set<number>} */
    this.off = new Set();
    this.opacity = 0.35;
    this.least = Number(app.state.get('score')) || (task === 'detect' ? 0.5 : 0);
    this.counts = h('div', {});
    this.total = h('p', { class: 'total', role: 'status' });
    this.detail = h('div', { class: 'detail' });
    this.element = h('div', { class: 'stack' }, this.total, this.counts, this.#sliders(), this.detail, this.#downloads(envelope));
    this.#count();
    this.#describe();
  }

  /** Objects of the classes that are on, with the score that is wanted. */
  get shown() {
    return this.objects.filter((each) => each.score >= this.least && !this.off.has(each.class_id));
  }

  /** Put them on the viewer. */
  draw() {
    const colors = new Map(this.classes.map((each) => [each.class_id, each.color]));
    this.app.viewer.layer('objects', objectsLayer(this.shown, { opacity: this.opacity, colors, chosen: Number(this.app.state.get('object')) || null }));
    this.app.viewer.onpick = (at) => this.#choose(objectAt(this.shown, at));
  }

  /** @param {Object | null} object */
  #choose(object) {
    const place = object && (object.centroid || { x: (object.box.xmin + object.box.xmax) / 2, y: (object.box.ymin + object.box.ymax) / 2 });
    this.app.state.set({ object: object?.id, at: place ? `${figure(place.x, 5)},${figure(place.y, 5)}` : null });
    this.#describe();
    this.draw();
  }

  #sliders() {
    const score = slider('Least score', { id: 'score', min: 0, max: 1, step: 0.01, value: this.least, shown: (value) => value.toFixed(2), oninput: (value) => {
      this.least = value;
      this.app.state.set({ score: value });
      this.#count();
      this.draw();
    } });
    const opacity = slider('Opacity of the masks', { min: 0, max: 1, step: 0.05, value: this.opacity, shown: (value) => `${Math.round(100 * value)} %`, oninput: (value) => { this.opacity = value; this.draw(); } });
    return h('div', { class: 'stack' }, score, this.task === 'segment' ? opacity : null);
  }

  #count() {
    const { shown } = this;
    this.total.textContent = `${counted(shown.length, 'object')}${shown.length < this.objects.length ? ` of ${this.objects.length}` : ''}`;
    const number = (/** @type {Class} */ each) => this.objects.filter((one) => one.class_id === each.class_id && one.score >= this.least).length;
    if (this.counts.childElementCount) return this.classes.forEach((each, index) => { this.counts.querySelectorAll('.count')[index].textContent = String(number(each)); });
    fill(this.counts, this.classes.map((each) => h('div', { class: 'class-row' },
      check(each.label, true, (on) => { if (on) this.off.delete(each.class_id); else this.off.add(each.class_id); this.#count(); this.draw(); }, swatch(each.color)), h('span', { class: 'count number' }, number(each)))));
  }

  #describe() {
    const object = this.objects.find((each) => String(each.id) === this.app.state.get('object'));
    if (!object) return void fill(this.detail, h('p', { class: 'soft small' }, this.objects.length ? 'Click an object for its measurements.' : ''));
    const { box } = object;
    fill(this.detail, h('h3', {}, `Object ${object.id}`), facts([
      ['Class', object.label], ['Score', figure(object.score, 4)],
      ['Area', object.area_px === undefined ? null : `${object.area_px} px${object.area_um2 ? `, ${figure(object.area_um2, 4)} µm²` : ''}`],
      ['Centre', object.centroid ? `${figure(object.centroid.x, 5)}, ${figure(object.centroid.y, 5)}` : null],
      ['Box', `${[box.xmin, box.ymin, box.xmax, box.ymax].map((each) => figure(each, 5)).join(', ')}`],
      ['Mean value', object.mean_intensity?.map((each) => figure(each, 5)).join(', ')],
    ]), h('div', { class: 'row' }, h('button', { onclick: () => this.app.open('why') }, 'Why this object?'), h('button', { onclick: () => this.#show(object) }, 'Show it')));
  }

  /** @param {Object} object */
  #show({ box }) {
    const margin = Math.max(box.xmax - box.xmin, box.ymax - box.ymin);
    this.app.viewer.show({ x: box.xmin - margin, y: box.ymin - margin, width: box.xmax - box.xmin + 2 * margin, height: box.ymax - box.ymin + 2 * margin });
  }

  /** @param {any} envelope */
  #downloads(envelope) {
    const stack = this.app.images.current?.facts?.axes.some((each) => 'ZP'.includes(each.name) && each.length > 1);
    const ask = () => {
      const { outlines, ...query } = this.app.last.request?.query || {};
      return { path: this.task, query: this.task === 'detect' ? { ...query, threshold: String(Math.max(this.least, 0.01)) } : query };
    };
    const formats = this.task === 'detect' ? ['csv', 'geojson', 'coco', 'rois', 'overlay', 'json'] : ['csv', 'geojson', 'coco', 'rois', 'tiff', 'png', 'overlay'];
    const whole = this.task === 'segment' && envelope.result.objects.length ? h('p', { class: 'soft small' }, 'Files have all objects, whatever the slider shows.') : null;
    return h('div', { class: 'stack' }, stack && this.task === 'segment' ? h('button', { onclick: () => this.app.state.set({ volume: 'true', object: null }) }, 'Segment the whole stack') : null, downloads(this.app, ask, formats), whole);
  }
}
