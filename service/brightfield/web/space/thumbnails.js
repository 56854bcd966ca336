/** Thumbnails of a collection's items, asked for a few at a time and kept while they fit. */

import { blob } from '../http.js';

const MOST = 2000;
const AT_ONCE = 6;

export class Thumbnails {
  /** @type {Map<string, ImageBitmap | null>} null: there is none, or it is on its way */
  #known = new Map();
  /** @type {string[]} */
  #wanted = [];
  #busy = 0;

  /** @param {string} collection @param {() => void} came called when one came */
  constructor(collection, came) {
    this.collection = collection;
    this.came = came;
  }

  /** The picture of an item, if it is here; else it is asked for. @param {string} id */
  of(id) {
    const known = this.#known.get(id);
    if (known !== undefined) return known;
    this.#known.set(id, null);
    this.#wanted.push(id);
    this.#next();
    return null;
  }

  #next() {
    while (this.#busy < AT_ONCE && this.#wanted.length) void this.#fetch(/** @type {string} */ (this.#wanted.pop()));
  }

  /** @param {string} id */
  async #fetch(id) {
    this.#busy += 1;
    try {
      this.#known.set(id, await createImageBitmap(await blob(`collections/${this.collection}/thumbnail`, { query: { id } })));
      for (const old of this.#known.keys()) if (this.#known.size > MOST) this.#known.delete(old);
      this.came();
    } catch {
      // An item of vectors has no picture; its point stays a point.
    } finally {
      this.#busy -= 1;
      this.#next();
    }
  }
}
