/** Space: a collection's map, what lies near what, and what does not fit. */

import { json } from '../http.js';
import { confirmed } from '../parts/confirm.js';
import { fill, h } from '../parts/dom.js';
import { problemBox, warningNotes } from '../parts/problem.js';
import { counted } from '../parts/text.js';
import { Cloud } from '../space/cloud.js';
import { colored } from '../space/colors.js';
import { asked, disputed, download, duplicates, grid, neighbours } from '../space/lists.js';
import { maker, mapped } from '../space/making.js';
import { Thumbnails } from '../space/thumbnails.js';

/** @typedef {import('../app.js').App} App */
/** @typedef {{id: string, metadata: Record<string, unknown>}} Item */

const PAGE = 10_000;
const CLUSTER = 'cluster';
/** @type {Record<string, string>} */
const METHODS = { tsne: 't-SNE', pca: 'PCA', umap: 'UMAP' };

/** @type {import('./index.js').Panel} */
export const panel = { id: 'space', title: 'Space', place: 'wide', mount };

/** @param {HTMLElement} root @param {App} app */
function mount(root, app) {
  const space = new Space(app);
  fill(root, space.root);
  return { shown: () => void space.refresh() };
}

class Space {
  /** @param {App} app */
  constructor(app) {
    this.app = app;
    this.ids = /** @type {string[]} */ ([]);
    this.items = /** @type {Map<string, Item>} */ (new Map());
    this.clusters = /** @type {Map<string, number>} */ (new Map());
    this.chosen = /** @type {string[]} */ ([]);
    this.thumbnails = new Thumbnails('', () => {});
    /** The collections that keep pictures. @type {Set<string>} */
    this.pictured = new Set();
    this.canvas = h('canvas', { class: 'cloud', tabindex: '0', role: 'img', 'aria-label': 'Map of the collection: arrows move, + and - zoom, 0 shows all' });
    this.cloud = new Cloud(this.canvas, {
      hovered: (index) => this.#hovered(index), clicked: (index) => void (index >= 0 && this.#near({ id: this.ids[index] })),
      lassoed: (indices) => this.#selected(indices.map((index) => this.ids[index])), thumbnail: (index) => (this.pictured.has(this.name) ? this.thumbnails.of(this.ids[index]) : null),
    });
    this.invitation = h('p', { class: 'invitation soft' }, 'Choose a collection, or make one of your own images.');
    this.hover = h('div', { class: 'hover', hidden: true });
    this.legend = h('ul', { class: 'colors', 'aria-label': 'Colours' });
    this.state = h('div', { class: 'small' });
    this.list = h('div', { id: 'space-list', 'aria-live': 'polite' }, h('p', { class: 'soft small' }, 'Click a point for what lies near it. Draw around points with the lasso (or with Shift) for a list.'));
    this.names = h('select', { id: 'collection', onchange: () => app.state.set({ collection: this.names.value }) });
    this.methods = h('select', { id: 'method-of-map', 'aria-label': 'How the map is made' }, Object.entries(METHODS).map(([value, name]) => h('option', { value }, name)));
    this.fields = h('select', { id: 'color-by', onchange: () => void this.#color() });
    this.root = this.#layout();
    app.state.on(['collection'], () => void this.#open());
    this.#ready();
  }

  #layout() {
    const lasso = h('button', { id: 'lasso', 'aria-pressed': 'false', onclick: () => { this.cloud.choosing = !this.cloud.choosing; lasso.setAttribute('aria-pressed', String(this.cloud.choosing)); } }, 'Lasso');
    const tools = h('div', { class: 'row maptools' }, lasso, h('button', { onclick: () => this.cloud.fit() }, 'Show all'), h('label', { class: 'row small' }, 'Colour', this.fields));
    const questions = h('div', { class: 'row questions' }, h('button', { id: 'duplicates', onclick: () => void duplicates(this.name, this.list, (ids) => this.#mark(ids), (id) => void this.#near({ id })) }, 'Duplicates'),
      h('button', { id: 'disputed', onclick: () => void this.#disputed() }, 'Suspected labels'), h('button', { id: 'near-image', onclick: () => void this.#near({ image: this.app.state.get('image') }) }, 'Near the shown image'));
    return h('div', { class: 'space' },
      h('section', { class: 'card map' }, tools, h('div', { class: 'mapbox' }, this.canvas, this.invitation, this.hover), this.legend),
      h('section', { class: 'card side-list' }, h('label', { class: 'field' }, h('span', { class: 'label' }, 'Collection'), this.names),
        h('div', { class: 'row' }, this.methods, h('button', { id: 'make-map', onclick: () => void this.#map() }, 'Make a map')), questions, maker(this.app, (name) => this.#made(name)), this.state, this.list));
  }

  /** What asks about a collection waits for one. */
  #ready() {
    const none = !this.name;
    this.invitation.hidden = !none;
    for (const each of this.root.querySelectorAll('.maptools button, .maptools select, .questions button, #make-map, #method-of-map')) Reflect.set(each, 'disabled', none);
  }

  get name() {
    return this.app.state.get('collection');
  }

  /** Read the list of collections anew, and show that of the address. */
  async refresh() {
    try {
      const { collections } = await json('collections');
      fill(this.names, h('option', { value: '' }, collections.length ? 'Choose a collection' : 'No collections yet'), collections.map((/** @type {any} */ each) => h('option', { value: each.name }, `${each.name} (${counted(each.items, 'item')})`)));
      this.names.value = this.name;
      this.pictured = new Set(collections.filter((/** @type {any} */ each) => each.keep_images).map((/** @type {any} */ each) => each.name));
      if (!collections.length) this.root.querySelector('#make')?.setAttribute('open', '');
    } catch (fault) {
      fill(this.state, problemBox(fault, () => void this.refresh()));
    }
    if (this.name && !this.ids.length) await this.#open();
  }

  async #open() {
    const name = this.name;
    this.#ready();
    this.names.value = name;
    this.ids = [];
    this.clusters = new Map();
    this.thumbnails = new Thumbnails(name, () => this.cloud.draw());
    fill(this.state);
    if (!name) return this.#place({ ids: [], x: [], y: [] });
    try {
      const { projections } = await json(`collections/${name}/projection`);
      await this.#read(name);
      if (this.app.state.get('mapping')) await this.#map();
      else if (projections.length) await this.#show(await json(`collections/${name}/projection/${projections[0].id}`));
      else if (this.items.size >= 4) await this.#map('pca');
      else fill(this.state, h('p', { class: 'note' }, 'A map needs four items or more.'));
    } catch (fault) {
      fill(this.state, problemBox(fault, () => void this.#open()));
    }
  }

  /** @param {string} name */
  async #read(name) {
    this.items = new Map();
    for (let after = 0; after !== null; ) {
      const page = await json(`collections/${name}/items`, { query: { after, limit: PAGE } });
      for (const item of page.items) this.items.set(item.id, item);
      after = page.next;
    }
    const fields = [...new Set([...this.items.values()].flatMap((each) => Object.keys(each.metadata)))];
    const before = this.fields.value;
    fill(this.fields, h('option', { value: '' }, 'all alike'), fields.map((each) => h('option', { value: `field:${each}` }, each)), h('option', { value: CLUSTER }, 'cluster'));
    this.fields.value = before && [...this.fields.options].some((each) => each.value === before) ? before : fields.includes('label') ? 'field:label' : '';
  }

  /** @param {string} [method] */
  async #map(method = this.methods.value) {
    const wanted = { name: this.name, method, running: this.app.state.get('mapping') };
    const found = await mapped(wanted, this.state, (id) => this.app.state.set({ mapping: id }));
    if (found && this.name === wanted.name) await this.#show(found);
  }

  /** @param {any} map as a projection is answered */
  async #show(map) {
    this.#place(map.points);
    fill(this.state, h('p', { class: 'soft' }, `${counted(this.ids.length, 'item')}, ${METHODS[map.method] || map.method}`), warningNotes(map.warnings));
    await this.#color();
  }

  /** @param {{ids: string[], x: number[], y: number[]}} points */
  #place({ ids, x, y }) {
    this.ids = ids;
    this.cloud.show({ x: Float32Array.from(x), y: Float32Array.from(y, (each) => -each), colors: new Uint32Array(ids.length).fill(0xffb27200) });
  }

  async #color() {
    const by = this.fields.value;
    try {
      if (by === CLUSTER && !this.clusters.size) await this.#findClusters();
    } catch (fault) {
      fill(this.state, problemBox(fault));
      return;
    }
    const value = (/** @type {string} */ id) => (by === CLUSTER ? this.#cluster(id) : by ? this.items.get(id)?.metadata[by.slice(6)] : 'items');
    const { colors, entries } = colored(this.ids.map(value));
    this.cloud.paint(colors);
    fill(this.legend, entries.map((each) => {
      const swatch = h('span', { class: 'swatch' });
      swatch.style.background = each.color;
      return h('li', {}, swatch, h('span', { class: 'cut' }, each.name), h('span', { class: 'number soft' }, String(each.count)));
    }));
  }

  /** @param {string} id */
  #cluster(id) {
    const number = this.clusters.get(id);
    return number === undefined ? null : `cluster ${number + 1}`;
  }

  async #findClusters() {
    const found = await json(`collections/${this.name}/clusters`, { method: 'POST', query: { k: Math.min(8, this.items.size) } });
    found.ids.forEach((/** @type {string} */ id, /** @type {number} */ at) => this.clusters.set(id, found.labels[at]));
  }

  /** @param {number} index */
  #hovered(index) {
    this.hover.hidden = index < 0;
    if (index < 0) return;
    const item = this.items.get(this.ids[index]);
    const bitmap = this.pictured.has(this.name) ? this.thumbnails.of(this.ids[index]) : null;
    const small = h('canvas', { width: 96, height: 96 });
    if (bitmap) small.getContext('2d')?.drawImage(bitmap, 0, 0, 96, 96);
    fill(this.hover, bitmap ? small : null, h('div', { class: 'wrap' }, h('strong', {}, this.ids[index]), Object.entries(item?.metadata || {}).slice(0, 6).map(([key, value]) => h('div', { class: 'small soft' }, `${key}: ${value}`))));
  }

  /** @param {string[]} ids */
  #mark(ids) {
    const wanted = new Set(ids);
    this.cloud.choose(this.ids.flatMap((id, index) => (wanted.has(id) ? [index] : [])));
  }

  /** @param {string[]} ids */
  #selected(ids) {
    this.chosen = ids;
    this.#mark(ids);
    if (!ids.length) return void fill(this.list, h('p', { class: 'soft small' }, 'No point lies in there.'));
    const items = () => ids.map((id) => this.items.get(id) || { id, metadata: {} });
    fill(this.list, h('div', { class: 'row' }, h('strong', { class: 'grow' }, counted(ids.length, 'item')), h('button', { id: 'download-items', onclick: () => download(this.name, items()) }, 'Download'), h('button', { id: 'delete-items', onclick: () => void this.#delete(ids) }, 'Delete')),
      grid(this.name, ids.map((id) => ({ id })), (id) => void this.#near({ id })));
  }

  /** @param {string[]} ids */
  async #delete(ids) {
    if (!await confirmed(`Delete ${counted(ids.length, 'item')} from ${this.name}?`, 'This cannot be undone.', 'Delete')) return;
    await asked(this.list, async () => {
      for (let at = 0; at < ids.length; at += 50) await json(`collections/${this.name}/items`, { method: 'DELETE', query: { ids: JSON.stringify(ids.slice(at, at + 50)) } });
      await this.refresh();
      await this.#open();
      return [h('p', { class: 'note' }, `${counted(ids.length, 'item')} deleted.`)];
    });
  }

  /** @param {{id?: string, image?: string}} what */
  async #near(what) {
    if (!what.id && !what.image) return void fill(this.list, h('p', { class: 'note' }, 'Show an image on the bench first.'));
    await asked(this.list, async () => {
      const { items, warnings } = await neighbours(this.name, what);
      this.#mark([...(what.id ? [what.id] : []), ...items.map((/** @type {any} */ each) => each.id)]);
      return [h('p', { class: 'small wrap' }, what.id ? `Nearest to ${what.id}, with distances` : 'Nearest to the shown image, with distances'), warningNotes(warnings), grid(this.name, items, (id) => void this.#near({ id }))];
    });
  }

  async #disputed() {
    const by = this.fields.value.startsWith('field:') ? this.fields.value.slice(6) : '';
    if (!by) return void fill(this.list, h('p', { class: 'note' }, 'Choose the field with the labels as the colour first.'));
    await disputed(this.name, by, this.list, (ids) => this.#mark(ids), (id) => void this.#near({ id }));
  }

  /** @param {string} name */
  async #made(name) {
    if (name === this.name) this.ids = [];
    this.app.state.set({ collection: name });
    await this.refresh();
    await this.#read(name);
    if (this.items.size >= 4) await this.#map('pca');
  }
}
