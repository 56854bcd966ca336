/** The values under the cursor, in the image's own units: blocks of the plane, read when needed. */

import { json } from '../http.js';

const SIDE = 48;
const KEPT = 60;

/** @typedef {(number | null) | (number | null)[]} Value */

export class Values {
  /** @type {Map<string, Value[][]>} */
  #blocks = new Map();
  /** @type {Set<string>} */
  #asked = new Set();

  /** @param {string} id @param {{width: number, height: number}} size @param {Record<string, string>} query @param {() => void} onread */
  constructor(id, size, query, onread) {
    this.id = id;
    this.size = size;
    this.query = query;
    this.onread = onread;
  }

  /** The value of a pixel; undefined until its block has come. @param {number} x @param {number} y @returns {Value | undefined} */
  at(x, y) {
    const left = Math.floor(x / SIDE) * SIDE;
    const top = Math.floor(y / SIDE) * SIDE;
    const key = `${left},${top}`;
    const block = this.#blocks.get(key);
    if (!block) void this.#read(key, left, top);
    return block?.[y - top]?.[x - left];
  }

  /** @param {string} key @param {number} left @param {number} top */
  async #read(key, left, top) {
    if (this.#asked.size >= 2 || this.#asked.has(key)) return;
    this.#asked.add(key);
    const region = [left, top, Math.min(SIDE, this.size.width - left), Math.min(SIDE, this.size.height - top)].join(',');
    try {
      const { values } = await json(`images/${this.id}/view`, { query: { ...this.query, region, format: 'json' } });
      this.#blocks.set(key, values);
      if (this.#blocks.size > KEPT) this.#blocks.delete(/** @type {string} */ (this.#blocks.keys().next().value));
      this.onread();
    } finally {
      this.#asked.delete(key);
    }
  }
}
