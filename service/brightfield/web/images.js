/** The images of this visit: what was dropped, which one is shown, and what is known about each. */

import { json, keep } from './http.js';

/**
 * What GET /images/{id} says.
 * @typedef {{id: string, bytes: number, format: string, width: number, height: number, axes: {name: string, length: number}[],
 *   channels: {index: number, name: string | null}[], levels: {level: number, width: number, height: number}[], separate: boolean, dtype: string, pixel_size: number | null, spacing: number | null,
 *   values: {least: number | null, greatest: number | null} | null, intensity: {low: number | null, high: number | null} | null,
 *   warnings: {code: string, detail: string}[]}} Facts
 */
/** @typedef {{id: string, name: string, file: Blob | null, width: number, height: number, format: string, facts?: Facts}} Entry */
/** @typedef {import('./state.js').State} State */

/** What the address says of an image alone, and goes with it. */
const OF_THE_IMAGE = { page: null, z: null, t: null, channels: null, level: null, contrast: null, intensity: null, object: null, at: null, box: null, class: null, where: null, enlarge: null, volume: null, job: null };
const PLANE = ['page', 'z', 't', 'channels', 'level'];

/** Fires `change` after an image came or went, `sending` while files go to the service, and `fault` with what could not be read. */
export class Images extends EventTarget {
  /** @param {State} state */
  constructor(state) {
    super();
    this.state = state;
    /** @type {Entry[]} */
    this.list = [];
    /** What is being sent. @type {string[]} */
    this.sending = [];
    state.on(['image'], () => this.#told());
    if (state.get('image')) this.#told();
  }

  /** The one that is shown, once the service has it. */
  get current() {
    return this.list.find((each) => each.id === this.state.get('image')) || null;
  }

  /**
   * Keep these files and show the first. A file that can't be read leaves the others be.
   * @param {Iterable<File>} files
   */
  async add(files) {
    let first = true;
    for (const file of files) {
      this.#sending([...this.sending, file.name]);
      try {
        const entry = await this.#keep(file);
        if (first) this.show(entry.id);
        first = false;
      } catch (fault) {
        this.dispatchEvent(new CustomEvent('fault', { detail: { name: file.name, fault } }));
      } finally {
        this.#sending(this.sending.filter((each) => each !== file.name));
      }
    }
  }

  /** @param {string[]} names */
  #sending(names) {
    this.sending = names;
    this.dispatchEvent(new Event('sending'));
  }

  /** Show an image of the list. @param {string} id */
  show(id) {
    if (id !== this.state.get('image')) this.state.set({ ...OF_THE_IMAGE, image: id });
    else this.dispatchEvent(new Event('change'));
  }

  /** Take an image from the strip. @param {string} id */
  remove(id) {
    const place = this.list.findIndex((each) => each.id === id);
    this.list = this.list.filter((each) => each.id !== id);
    if (this.state.get('image') === id) this.state.set({ image: this.list[Math.max(0, place - 1)]?.id });
    this.#told();
  }

  /** Which plane of the image is meant. */
  plane() {
    return this.#given(PLANE);
  }

  /** What is shown of the image: the plane, and which values are black and white. */
  seen() {
    const contrast = this.state.get('contrast');
    return contrast ? { ...this.plane(), intensity: `range:${contrast}` } : this.plane();
  }

  /** What the image endpoints are asked with: the image, its plane, and the scale of its values. */
  query() {
    return this.#given(['image', ...PLANE, 'intensity']);
  }

  /** What was read of an image; of the plane that is shown. @param {Entry} entry @returns {Promise<Facts>} */
  async facts(entry) {
    const first = !entry.facts;
    entry.facts = await json(`images/${entry.id}`, { query: this.plane() });
    Object.assign(entry, { width: entry.facts?.width, height: entry.facts?.height });
    if (first) queueMicrotask(() => this.dispatchEvent(new Event('change')));
    return /** @type {Facts} */ (entry.facts);
  }

  /** @param {string[]} names @returns {Record<string, string>} */
  #given(names) {
    return Object.fromEntries(names.map((name) => [name, this.state.get(name)]).filter(([, value]) => value));
  }

  /** @param {File} file */
  async #keep(file) {
    const facts = await keep(file);
    const { id, width, height, format } = facts;
    const entry = { id, name: file.name || 'pasted image', file, width, height, format };
    this.list = [...this.list.filter((each) => each.id !== id), entry];
    this.#told();
    return entry;
  }

  /** An image that the address names is looked up, if it isn't in the list yet. */
  #told() {
    const id = this.state.get('image');
    if (id && !this.current) void this.#reopen(id);
    this.dispatchEvent(new Event('change'));
  }

  /** @param {string} id */
  async #reopen(id) {
    try {
      const { width, height, format } = await json(`images/${id}`);
      if (this.list.some((each) => each.id === id)) return;
      this.list = [...this.list, { id, name: `${id.slice(7, 15)}.${format}`, file: null, width, height, format }];
      this.dispatchEvent(new Event('change'));
    } catch (fault) {
      this.dispatchEvent(new CustomEvent('fault', { detail: { name: 'The image of this link: drop it again.', fault } }));
    }
  }
}
