/** What the viewer shows of the chosen image: its picture, its values, its scale and its planes. */

import { fill, h } from '../parts/dom.js';
import { problemBox } from '../parts/problem.js';
import { figure } from '../parts/text.js';
import { Display } from './display.js';
import { pixelGrid, scaleBar } from './marks.js';
import { Tiles } from './tiles.js';
import { Values } from './values.js';

/** @typedef {import('../app.js').App} App */
/** @typedef {import('../images.js').Entry} Entry */
/** @typedef {import('../images.js').Facts} Facts */

export class Stage {
  #opened = '';
  /** @type {Tiles | null} */
  #tiles = null;
  /** @type {Values | null} */
  #values = null;
  /** @type {import('./viewer.js').Point | null} */
  #cursor = null;

  /** @param {App} app */
  constructor(app) {
    this.app = app;
    this.line = h('div', { class: 'reading', 'aria-live': 'off' });
    this.bar = h('div', { class: 'scale-bar', hidden: true });
    this.fault = h('div', { class: 'stage-fault' });
    this.invitation = h('p', { class: 'invitation' }, 'Drop an image here');
    this.display = new Display(app);
    app.viewer.home.append(this.invitation, this.fault, this.line, this.bar, this.display.element);
    app.images.addEventListener('change', () => this.#follow());
    app.state.on(['page', 'z', 't', 'channels', 'level', 'contrast', 'intensity'], () => this.#follow());
    app.viewer.addEventListener('hover', (event) => { this.#cursor = /** @type {CustomEvent} */ (event).detail; this.#read(); });
    app.viewer.addEventListener('move', () => this.#measure());
    this.#follow();
  }

  /** Show what the address says, if that isn't what is shown. */
  #follow() {
    const entry = this.app.images.current;
    const query = entry ? this.app.images.seen() : {};
    const wanted = JSON.stringify([entry?.id, query]);
    if (wanted === this.#opened) return;
    const before = this.#opened ? JSON.parse(this.#opened)[0] : null;
    this.#opened = wanted;
    this.invitation.hidden = !!entry;
    fill(this.fault);
    this.#tiles?.end();
    if (entry && entry.id !== before) this.app.viewer.open(entry.width, entry.height);
    if (!entry) return this.#close();
    void this.#show(entry, query, wanted);
  }

  #close() {
    this.app.viewer.open(0, 0);
    this.bar.hidden = true;
    this.display.show(null);
  }

  /** @param {Entry} entry @param {Record<string, string>} query @param {string} wanted */
  async #show(entry, query, wanted) {
    const plain = entry.file && !query.intensity && !query.channels ? await createImageBitmap(entry.file).catch(() => null) : null;
    if (wanted !== this.#opened) return;
    if (plain && Object.keys(query).length === 0) this.#picture((context) => context.drawImage(plain, 0, 0, entry.width, entry.height));
    try {
      const facts = await this.app.images.facts(entry);
      if (wanted !== this.#opened) return;
      if (this.#planes(facts, query)) return;
      this.display.show(facts);
      this.#draw(entry, facts, this.app.images.seen(), plain);
    } catch (fault) {
      if (wanted === this.#opened) fill(this.fault, problemBox(fault));
    }
  }

  /**
   * An image of several planes shows the first, one that is too large its next smaller level, and the
   * address says so. Whether it had to be changed, and is followed.
   * @param {Facts} facts @param {Record<string, string>} query
   */
  #planes(facts, query) {
    /** @type {Record<string, string>} */
    const names = { P: 'page', Z: 'z', T: 't' };
    const open = facts.axes.filter(({ name, length }) => names[name] && length > 1 && !query[names[name]]).map(({ name }) => [names[name], '0']);
    if (facts.separate && facts.channels.length > 1 && !query.channels) open.push(['channels', '0']);
    const level = Number(query.level || 0) + 1;
    if (!facts.values && level < facts.levels.length) open.push(['level', String(level)]);
    if (open.length) this.app.state.set(Object.fromEntries(open));
    return open.length > 0;
  }

  /** @param {Entry} entry @param {Facts} facts @param {Record<string, string>} query @param {ImageBitmap | null} plain */
  #draw(entry, facts, query, plain) {
    const { viewer } = this.app;
    if (viewer.width !== facts.width || viewer.height !== facts.height) viewer.open(facts.width, facts.height);
    const same = plain && facts.dtype === 'uint8' && Object.keys(query).length === 0;
    if (same) this.#picture((context) => context.drawImage(plain, 0, 0, facts.width, facts.height));
    else {
      this.#tiles = new Tiles(entry.id, facts, query, () => viewer.draw(), (fault) => fill(this.fault, problemBox(fault)));
      const tiles = this.#tiles;
      this.#picture((context, view) => tiles.draw(context, view));
    }
    const { intensity, ...selection } = query;
    this.#values = new Values(entry.id, facts, selection, () => this.#read());
    this.#measure();
  }

  /** @param {import('./viewer.js').Layer['draw']} draw */
  #picture(draw) {
    this.app.viewer.layer('picture', { order: 0, draw });
    this.app.viewer.layer('grid', pixelGrid);
  }

  #read() {
    const at = this.#cursor;
    if (!at) return void (this.line.textContent = '');
    const x = Math.floor(at.x);
    const y = Math.floor(at.y);
    const value = this.#values?.at(x, y);
    const text = value === undefined ? '' : `  value ${[value].flat().map((each) => (each === null ? 'none' : figure(each, 5))).join(', ')}`;
    this.line.textContent = `x ${x}  y ${y}${text}`;
  }

  #measure() {
    const facts = this.app.images.current?.facts;
    this.bar.hidden = !facts?.pixel_size;
    if (!facts?.pixel_size) return;
    const { width, text } = scaleBar(this.app.viewer.view.scale, facts.pixel_size);
    this.bar.style.width = `${width}px`;
    fill(this.bar, h('span', {}, text));
  }
}
