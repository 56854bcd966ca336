/** Controls on the viewer: zoom, planes, channels, and which values are black and white. */

import { json } from '../http.js';
import { fill, h } from '../parts/dom.js';
import { check, choice, slider } from '../parts/slider.js';
import { facts as factList } from '../parts/table.js';
import { figure, size } from '../parts/text.js';

/** @typedef {import('../app.js').App} App */
/** @typedef {import('../images.js').Facts} Facts */

const HEIGHT = 64;
/** @type {Record<string, [string, string]>} */
const AXES = { P: ['page', 'Page'], Z: ['z', 'Depth (z)'], T: ['t', 'Time'] };

export class Display {
  #drawn = '';

  /** @param {App} app */
  constructor(app) {
    this.app = app;
    this.sheet = h('div', { class: 'display-sheet', id: 'display-sheet', hidden: true });
    const { viewer } = app;
    const opener = h('button', { 'aria-expanded': 'false', 'aria-controls': 'display-sheet', onclick: () => {
      this.sheet.hidden = !this.sheet.hidden;
      opener.setAttribute('aria-expanded', String(!this.sheet.hidden));
    } }, 'Display');
    this.tools = h('div', { class: 'display-tools', hidden: true },
      h('button', { class: 'icon', 'aria-label': 'Zoom out', onclick: () => viewer.zoom(viewer.view.scale / 1.5) }, '−'),
      h('button', { class: 'icon', 'aria-label': 'Zoom in', onclick: () => viewer.zoom(viewer.view.scale * 1.5) }, '+'),
      h('button', { onclick: () => viewer.fit() }, 'Fit'), h('button', { onclick: () => viewer.zoom(1) }, '1:1'), opener);
    this.element = h('div', { class: 'display' }, this.sheet, this.tools);
  }

  /** The controls of this image; null: none. @param {Facts | null} facts */
  show(facts) {
    this.tools.hidden = !facts;
    if (!facts) { this.sheet.hidden = true; return; }
    const key = JSON.stringify([facts.id, this.app.images.plane()]);
    if (key === this.#drawn) return;
    this.#drawn = key;
    const contrast = h('div', { class: facts.values ? 'stack contrast' : null });
    fill(this.sheet, this.#planes(facts), this.#channels(facts), this.#levels(facts), contrast, description(facts));
    if (facts.values) void this.#contrast(facts, contrast);
  }

  /** @param {Facts} facts */
  #planes(facts) {
    return facts.axes.filter(({ name, length }) => AXES[name] && length > 1).map(({ name, length }) => {
      const [key, label] = AXES[name];
      const set = later((/** @type {number} */ value) => this.app.state.set({ [key]: value }));
      return slider(label, { min: 0, max: length - 1, step: 1, value: Number(this.app.state.get(key)), shown: (value) => `${value} of 0 to ${length - 1}`, oninput: set });
    });
  }

  /** @param {Facts} facts */
  #channels(facts) {
    if (!facts.separate || facts.channels.length < 2) return null;
    const choices = facts.channels.map(({ index, name }) => ({ value: String(index), text: name ? `${index}: ${name}` : `Channel ${index}` }));
    if (facts.channels.length === 3) choices.push({ value: '0,1,2', text: 'All three as red, green, blue' });
    return choice('Channel', choices, this.app.state.get('channels', '0'), (channels) => this.app.state.set({ channels }));
  }

  /** @param {Facts} facts */
  #levels(facts) {
    if (facts.levels.length < 2) return null;
    const choices = facts.levels.map(({ level, width, height }) => ({ value: String(level), text: `${width} x ${height}` }));
    return choice('Level', choices, this.app.state.get('level', '0'), (level) => this.app.state.set({ level, at: null, box: null, object: null }));
  }

  /** @param {Facts} facts @param {HTMLElement} home */
  async #contrast(facts, home) {
    const { start, step, channels } = await json(`images/${facts.id}/histogram`, { query: { ...this.app.images.plane(), bins: 128 } });
    const chart = h('canvas', { class: 'histogram', width: 256, height: HEIGHT, role: 'img', 'aria-label': 'How often each value occurs' });
    const end = start + step * (channels[0]?.counts.length || 1);
    const given = /^(-?[\d.e+-]+),(-?[\d.e+-]+)$/.exec(this.app.state.get('contrast'));
    const limits = given ? [Number(given[1]), Number(given[2])] : [facts.intensity?.low ?? start, facts.intensity?.high ?? end];
    const model = () => this.app.state.set({ intensity: this.app.state.get('intensity') ? `range:${limits.join(',')}` : null });
    const apply = later(() => { this.app.state.set({ contrast: limits.map((each) => Number(each.toPrecision(6))).join(',') }); model(); });
    const ends = ['Black', 'White'].map((label, index) => slider(label, { min: Math.min(start, limits[0]), max: Math.max(end, limits[1]), step: step < 1 ? step / 4 : 1, value: limits[index], shown: (value) => figure(value, 5), oninput: (value) => {
      limits[index] = value;
      if (limits[0] < limits[1]) { histogram(chart, channels, start, step, limits); apply(0); }
    } }));
    const reset = h('button', { onclick: () => { this.app.state.set({ contrast: null, intensity: null }); this.#drawn = ''; this.show(facts); } }, 'Reset');
    const also = check('The model uses these limits, too', !!this.app.state.get('intensity'), (on) => this.app.state.set({ intensity: on ? `range:${limits.join(',')}` : null }));
    histogram(chart, channels, start, step, limits);
    fill(home, h('h3', {}, 'Contrast'), chart, ends, also, reset);
  }
}

/** @param {HTMLCanvasElement} canvas @param {{counts: number[]}[]} channels @param {number} start @param {number} step @param {number[]} limits */
function histogram(canvas, channels, start, step, limits) {
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
  const { width } = canvas;
  const bins = channels[0]?.counts.length || 1;
  const colors = channels.length === 3 ? ['#d55e00', '#009e73', '#0072b2'] : ['#7b858d'];
  const most = Math.log1p(Math.max(1, ...channels.flatMap((each) => each.counts)));
  const style = getComputedStyle(canvas);
  context.clearRect(0, 0, width, HEIGHT);
  channels.forEach(({ counts }, channel) => {
    context.fillStyle = colors[channel % colors.length];
    context.globalAlpha = channels.length > 1 ? 0.5 : 1;
    counts.forEach((count, bin) => {
      const height = (HEIGHT * Math.log1p(count)) / most;
      context.fillRect((bin * width) / bins, HEIGHT - height, Math.max(1, width / bins), height);
    });
  });
  context.globalAlpha = 1;
  context.fillStyle = style.color;
  for (const limit of limits) context.fillRect(Math.min(width - 1.5, Math.max(0, ((limit - start) / (step * bins)) * width)), 0, 1.5, HEIGHT);
}

/** What was read of the file. @param {Facts} facts */
function description(facts) {
  const axes = facts.axes.map(({ name, length }) => `${name} ${length}`).join(', ');
  const values = facts.values && facts.values.least !== null ? `${figure(facts.values.least, 5)} to ${figure(facts.values.greatest, 5)}` : null;
  return h('div', {}, h('h3', {}, 'File'), factList([
    ['Size', `${facts.width} x ${facts.height}`], ['Axes', axes], ['Type', facts.dtype], ['Values', values],
    ['Pixel size', facts.pixel_size ? `${figure(facts.pixel_size)} µm` : 'not stated'], ['Format', `${facts.format}, ${size(facts.bytes)}`],
  ]), facts.warnings.map((each) => h('p', { class: 'note' }, each.detail)));
}

/** The same function, called once the values have stopped coming. @template T @param {(value: T) => void} act @returns {(value: T) => void} */
function later(act) {
  let waiting = 0;
  return (value) => {
    clearTimeout(waiting);
    waiting = setTimeout(() => act(value), 90);
  };
}
