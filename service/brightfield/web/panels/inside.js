/** Inside: the layers of the model, its filters, and what its units see in the image and elsewhere. */

import { Problem, blob, json, post } from '../http.js';
import { decoded, mapPicture, strongest } from '../inside/maps.js';
import { showLit } from '../inside/lit.js';
import { fill, h } from '../parts/dom.js';
import { encoded, picture } from '../parts/picture.js';
import { gaveUp, problemBox, warningNotes } from '../parts/problem.js';
import { counted, figure } from '../parts/text.js';

/** @typedef {import('../app.js').App} App */
/** @typedef {{name: string, type: string, output_shape: number[] | null, parameters: number, calls: number}} Layer */

const SHOWN = 48;
const MOST_VALUES = 2_000_000;

/** @type {import('./index.js').Panel} */
export const panel = { id: 'inside', title: 'Inside', place: 'right', mount };

/** @param {HTMLElement} root @param {App} app */
function mount(root, app) {
  const inside = new Inside(app);
  fill(root, inside.root);
  return { shown: () => inside.front(true), hidden: () => inside.front(false) };
}

class Inside {
  #front = false;
  #asking = new AbortController();
  #listed = '';
  #asked = '';
  /** @type {Layer[]} */
  #layers = [];

  /** @param {App} app */
  constructor(app) {
    this.app = app;
    this.search = h('input', { type: 'search', id: 'find-layer', placeholder: 'Find a layer', 'aria-label': 'Find a layer', oninput: () => this.#list() });
    this.layers = h('ul', { class: 'layers', 'aria-label': 'Layers' });
    this.filters = h('div', { class: 'filters', id: 'filters' });
    this.maps = h('div', { id: 'maps' });
    this.unit = h('div', { id: 'unit' });
    this.root = h('div', { class: 'stack' }, h('h2', {}, 'Layers'), this.search, this.layers, this.filters, this.maps, this.unit);
    app.images.addEventListener('change', () => void this.follow());
    app.models.addEventListener('change', () => void this.follow());
    app.state.on(['model', 'task', 'layer', 'unit', 'page', 'z', 't', 'channels', 'level', 'intensity'], () => void this.follow());
  }

  /** @param {boolean} on */
  front(on) {
    this.#front = on;
    if (on) void this.follow();
  }

  get layer() {
    const name = this.app.state.get('layer');
    return this.#layers.find((each) => each.name === name) || null;
  }

  /** Show what the address says, if it is looked at. */
  async follow() {
    const model = this.app.models.chosen;
    if (!this.#front || !model) return;
    try {
      if (this.#listed !== model.id) {
        const { layers } = await json(`models/${model.id}/layers`);
        [this.#listed, this.#layers] = [model.id, layers];
      }
      this.#list();
      await this.#show(model.id);
    } catch (fault) {
      if (!gaveUp(fault)) fill(this.maps, problemBox(fault, () => void this.follow()));
    }
  }

  #list() {
    const wanted = this.search.value.trim().toLowerCase();
    const chosen = this.app.state.get('layer');
    const rows = this.#layers.filter((each) => !wanted || `${each.name} ${each.type}`.toLowerCase().includes(wanted));
    const before = this.layers.scrollTop;
    fill(this.layers, rows.map((each) => h('li', {}, h('button', { 'aria-pressed': String(each.name === chosen), title: `${each.type}, ${each.parameters.toLocaleString('en')} parameters`, onclick: () => this.app.state.set({ layer: each.name, unit: null }) },
      h('span', { class: 'cut' }, each.name), h('span', { class: 'number soft' }, shape(each)), h('span', { class: 'small soft' }, each.type)))), rows.length ? null : h('li', { class: 'empty' }, 'No layer is called so.'));
    this.layers.scrollTop = before;
  }

  /** @param {string} model */
  async #show(model) {
    const { layer, app } = this;
    const unit = app.state.get('unit');
    const asked = JSON.stringify([model, layer?.name, app.images.query()]);
    if (asked !== this.#asked) {
      this.#asked = asked;
      this.#asking.abort();
      this.#asking = new AbortController();
      fill(this.unit);
      this.#filters(model);
      await this.#units(model);
    }
    if (layer && unit && app.images.current) await this.#unit(model, layer.name, Number(unit));
  }

  /** @param {string} model */
  #filters(model) {
    const layer = this.layer;
    if (!layer || !/^Conv\d/.test(layer.type)) return void fill(this.filters);
    fill(this.filters, h('h3', {}, 'Filters'), h('div', { class: 'sheet', tabindex: '0', role: 'region', 'aria-label': 'Filters' }, picture(`models/${model}/filters`, { layer: layer.name, format: 'png' }, { alt: `Filters of ${layer.name}` })), h('p', { class: 'small soft' }, 'Middle grey is 0; each filter has its own scale.'));
  }

  /** @param {string} model */
  async #units(model) {
    const { layer, app } = this;
    if (!layer) return void fill(this.maps, h('p', { class: 'soft small' }, 'Choose a layer: its units show what they see in the image.'));
    if (!app.images.current) return void fill(this.maps, h('p', { class: 'soft small' }, 'Drop an image to see the maps of this layer.'));
    const [, channels = 1, height = 1, width = 1] = layer.output_shape || [];
    const few = channels * height * width > MOST_VALUES;
    const units = few ? [...Array(Math.max(1, Math.floor(MOST_VALUES / (height * width)))).keys()].join(',') : null;
    this.maps.setAttribute('aria-busy', 'true');
    try {
      const found = await post('activations', { ...app.images.query(), model, layer: layer.name, units }, this.#asking.signal);
      this.#draw(found);
    } catch (fault) {
      if (gaveUp(fault)) throw fault;
      this.#asked = '';
      fill(this.maps, problemBox(fault));
    } finally {
      this.maps.removeAttribute('aria-busy');
    }
  }

  /** @param {any} found */
  #draw({ result, warnings }) {
    const values = decoded(result.maps);
    const [, height = 1, width = 1] = result.maps.shape;
    const places = new Map(result.units.map((/** @type {any} */ each, /** @type {number} */ at) => [each.unit, at]));
    const ranked = strongest(result.units).slice(0, SHOWN);
    const top = ranked[0]?.max || 1;
    const field = result.receptive_field;
    const chosen = this.app.state.get('unit');
    const cells = ranked.map((each) => {
      const at = Number(places.get(each.unit));
      const map = mapPicture(values.subarray(at * height * width, (at + 1) * height * width), height, width, top);
      return h('li', {}, h('button', { 'aria-pressed': String(String(each.unit) === chosen), 'aria-label': `Unit ${each.unit}, maximum ${figure(each.max)}`, onclick: (/** @type {MouseEvent} */ event) => this.#choose(each.unit, event) }, map, h('span', {}, `${each.unit}`), h('span', { class: 'number soft' }, figure(each.max))));
    });
    fill(this.maps, h('h3', {}, 'Feature maps'), warningNotes(warnings), h('p', { class: 'small soft' }, `The ${counted(ranked.length, 'unit')} of ${result.units.length} with the greatest values, on one scale.`, field ? ` Each place sees ${field.everywhere ? 'the whole input' : `${field.width} x ${field.height} pixels of the input`}.` : ''), h('ol', { class: 'units' }, cells));
    this.found = result;
  }

  /** @param {number} unit @param {MouseEvent} event */
  #choose(unit, event) {
    for (const each of this.maps.querySelectorAll('.units button')) each.setAttribute('aria-pressed', String(each === event.currentTarget));
    this.app.state.set({ unit });
  }

  /** @param {string} model @param {string} layer @param {number} unit */
  async #unit(model, layer, unit) {
    const known = this.found?.units.find((/** @type {any} */ each) => each.unit === unit);
    if (!known || this.unit.dataset.shown === `${this.#asked}${unit}`) return;
    this.unit.dataset.shown = `${this.#asked}${unit}`;
    const view = h('div', { class: 'unit-picture' });
    const notes = h('div', {});
    const place = known.place?.length ? `${unit},${known.place.join(',')}` : String(unit);
    fill(this.unit, h('h3', {}, `Unit ${unit}`), h('p', { class: 'small soft' }, 'Which pixels raise its greatest value, by guided backpropagation.'), view, this.#patches(model, layer, unit), notes);
    this.unit.scrollIntoView({ block: 'start' });
    try {
      const found = await this.#pixels({ model, layer, neuron: place }, notes);
      await showLit(view, found, this.app.state.get('image'), this.app.images.seen());
    } catch (fault) {
      if (gaveUp(fault)) return;
      view.remove();
      fill(notes, problemBox(fault));
    }
  }

  /**
   * Guided backpropagation; the plain gradient, which is said, where no ReLU lies before the unit.
   * @param {import('../http.js').Query} unit @param {HTMLElement} notes
   */
  async #pixels(unit, notes) {
    const ask = (/** @type {string} */ method) => blob('saliency', { method: 'POST', query: { ...this.app.images.query(), ...unit, method, format: 'png' }, signal: this.#asking.signal });
    try {
      return await ask('guided_backprop');
    } catch (fault) {
      if (!(fault instanceof Problem) || fault.code !== 'unexplainable') throw fault;
      fill(notes, h('p', { class: 'note' }, 'This is the plain gradient: ', fault.detail.split(';')[0], '.'));
      return ask('gradient');
    }
  }

  /** @param {string} model @param {string} layer @param {number} unit */
  #patches(model, layer, unit) {
    const choice = h('select', { id: 'patches-of', 'aria-label': 'Collection' });
    const list = h('div', { id: 'patches', 'aria-live': 'polite' });
    const ask = async () => {
      list.setAttribute('aria-busy', 'true');
      try {
        const found = await json(`collections/${choice.value}/patches`, { method: 'POST', query: { model, layer, units: unit, k: 9 }, signal: this.#asking.signal });
        fill(list, warningNotes(found.warnings), found.result.units.map((/** @type {any} */ each) => patchList(each, found.ids)));
      } catch (fault) {
        if (!gaveUp(fault)) fill(list, problemBox(fault));
      } finally {
        list.removeAttribute('aria-busy');
      }
    };
    json('collections').then(({ collections }) => {
      const kept = collections.filter((/** @type {any} */ each) => each.keep_images && each.items);
      fill(choice, kept.map((/** @type {any} */ each) => h('option', { value: each.name }, `${each.name} (${counted(each.items, 'item')})`)));
      fill(row, kept.length ? [choice, h('button', { id: 'find-patches', onclick: () => void ask() }, 'Find')] : [h('span', { class: 'small soft' }, 'Make a collection in Space first.')]);
    }, () => {});
    const row = h('div', { class: 'row' });
    return h('div', {}, h('h3', {}, 'What excites it most in a collection'), row, list);
  }
}

/** @param {any} found the patches of a unit @param {string[]} ids */
function patchList(found, ids) {
  return h('ol', { class: 'patches' }, found.patches.map((/** @type {any} */ each) => h('li', { title: ids[each.image] }, encoded(each.patch.data), each.guided ? encoded(each.guided.data) : null, h('span', { class: 'number soft' }, figure(each.value)))));
}

/** @param {Layer} layer */
const shape = (layer) => (layer.output_shape ? layer.output_shape.slice(1).join(' x ') : '');
