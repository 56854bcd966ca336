/** Load: what the service is doing, live. */

import { json, reply } from '../http.js';
import { batchSizes, samples, total } from '../load/exposition.js';
import { fill, h } from '../parts/dom.js';
import { problemBox } from '../parts/problem.js';
import { s } from '../parts/svg.js';
import { counted, figure, size } from '../parts/text.js';

/** @typedef {import('../app.js').App} App */
/** @typedef {import('../load/exposition.js').Sample} Sample */
/** @typedef {{at: number, all: Sample[]}} Look */

const EVERY = 1000;
const KEPT = 120;

/** @type {import('./index.js').Panel} */
export const panel = { id: 'load', title: 'Load', place: 'wide', mount };

/** @param {HTMLElement} root @param {App} app */
function mount(root, app) {
  const load = new Load(app);
  fill(root, load.root);
  return { shown: () => load.begin(), hidden: () => load.end() };
}

class Load {
  #timer = 0;
  /** @type {Look[]} */
  #looks = [];

  /** @param {App} app */
  constructor(app) {
    this.app = app;
    this.fault = h('div', { class: 'broad' });
    this.queue = tile('Queue', 'items that wait for a device');
    this.flight = tile('In flight', 'images, decoding included');
    this.rate = tile('Throughput', 'rows a second through models');
    this.batches = h('div', { class: 'stack' });
    this.models = h('div', { class: 'scrolls', tabindex: '0', role: 'region', 'aria-label': 'Models in memory' });
    this.facts = h('p', { class: 'small soft', id: 'load-facts' });
    this.root = h('div', { class: 'load' }, this.fault, this.queue.root, this.flight.root, this.rate.root,
      h('section', { class: 'card broad' }, h('h2', {}, 'Batches of the last two minutes'), this.batches),
      h('section', { class: 'card broad' }, h('h2', {}, 'Models in memory'), this.models, this.facts));
  }

  begin() {
    this.end();
    void this.#look();
    this.#timer = setInterval(() => { if (!document.hidden) void this.#look(); }, EVERY);
  }

  end() {
    clearInterval(this.#timer);
  }

  async #look() {
    try {
      const [text, { models }] = await Promise.all([reply('metrics').then((answer) => answer.text()), json('models')]);
      this.#looks = [...this.#looks, { at: performance.now(), all: samples(text) }].slice(-KEPT);
      fill(this.fault);
      this.#draw(models);
    } catch (fault) {
      fill(this.fault, problemBox(fault));
    }
  }

  /** @param {any[]} models */
  #draw(models) {
    const now = this.#looks[this.#looks.length - 1].all;
    this.queue.show(this.#looks.map((each) => total(each.all, 'queue_depth')));
    this.flight.show(this.#looks.map((each) => total(each.all, 'in_flight')));
    this.rate.show(this.#looks.map((each, at) => (at ? (1000 * (total(each.all, 'batch_rows_sum') - total(this.#looks[at - 1].all, 'batch_rows_sum'))) / (each.at - this.#looks[at - 1].at) : 0)));
    const sizes = batchSizes(now, this.#looks[0].all);
    const most = Math.max(1, ...sizes.map((each) => each.count));
    const bars = sizes.map((each) => {
      const bar = h('span', { title: `${counted(each.count, 'batch', 'batches')} of up to ${each.size}` });
      bar.style.height = `${(100 * each.count) / most}%`;
      return bar;
    });
    fill(this.batches, h('div', { class: 'batches', role: 'img', 'aria-label': sizes.map((each) => `${each.count} of up to ${each.size} rows`).join(', ') }, bars), h('div', { class: 'sizes' }, sizes.map((each) => h('span', {}, each.size))), h('p', { class: 'small soft' }, 'Rows of a batch, at most. Requests that come at the same time share one.'));
    this.#resident(now, models);
  }

  /** @param {Sample[]} now @param {any[]} models */
  #resident(now, models) {
    const rows = models.filter((each) => each.state === 'resident' || each.state === 'loading').map((each) => {
      const done = total(now, 'batch_rows_count', { model: each.id });
      return h('tr', {}, h('th', { scope: 'row' }, each.id), h('td', {}, each.state), h('td', {}, each.device || ''), [size(each.memory_bytes ?? total(now, 'resident_bytes', { model: each.id })), String(done), figure(total(now, 'batch_rows_sum', { model: each.id }) / (done || 1))].map((text) => h('td', { class: 'number' }, text)));
    });
    fill(this.models, rows.length ? h('table', {}, h('thead', {}, h('tr', {}, ['Model', 'State', 'Device', 'Memory', 'Batches', 'Rows a batch'].map((name, at) => h('th', { scope: 'col', class: at > 2 ? 'number' : null }, name)))), h('tbody', {}, rows)) : h('p', { class: 'soft' }, 'None; the first request for a model loads it.'));
    fill(this.facts, `${size(total(now, 'resident_bytes'))} of models in memory, ${counted(total(now, 'jobs'), 'job')}, ${counted(total(now, 'requests_total'), 'request')} answered, ${counted(total(now, 'evictions_total'), 'model')} evicted.`);
  }
}

/** A number with its last two minutes. @param {string} title @param {string} what */
function tile(title, what) {
  const number = h('span', { class: 'big' }, '0');
  const path = s('path', {});
  const root = h('section', { class: 'card' }, h('h2', {}, title), h('p', { class: 'figures' }, number, h('span', { class: 'small soft' }, what)), s('svg', { class: 'spark', viewBox: `0 0 ${KEPT} 40`, preserveAspectRatio: 'none', 'aria-hidden': 'true' }, path));
  return { root, show: (/** @type {number[]} */ values) => {
    const top = Math.max(1, ...values);
    fill(number, figure(values[values.length - 1], 2));
    path.setAttribute('d', values.map((each, at) => `${at ? 'L' : 'M'}${KEPT - values.length + at} ${38 - (36 * each) / top}`).join(''));
  } };
}
