/** The picture of an image in tiles that the service renders, as coarse as the view needs. */

import { blob } from '../http.js';

/** @typedef {import('./viewer.js').View} View */
/** @typedef {import('./viewer.js').Rect} Rect */
/** @typedef {{rect: Rect, factor: number, picture: ImageBitmap | null, used: number, asked: AbortController | null}} Tile */

const SIDE = 512;
const OVERVIEW = 1024;
const KEPT = 160;
const AT_ONCE = 4;

/** Draws what is there at once, and asks for what is missing. */
export class Tiles {
  /** @type {Map<string, Tile>} */
  #tiles = new Map();
  #running = 0;
  #clock = 0;
  #ended = false;
  order = 0;

  /** @param {string} id @param {{width: number, height: number}} size @param {Record<string, string>} query @param {() => void} ondrawn @param {(fault: unknown) => void} onfault */
  constructor(id, size, query, ondrawn, onfault) {
    this.id = id;
    this.size = size;
    this.query = query;
    this.ondrawn = ondrawn;
    this.onfault = onfault;
    this.coarsest = 2 ** Math.max(0, Math.ceil(Math.log2(Math.max(size.width, size.height) / OVERVIEW)));
  }

  /** @param {CanvasRenderingContext2D} context @param {View} view */
  draw(context, view) {
    this.#clock += 1;
    const fine = Math.min(this.coarsest, 2 ** Math.max(0, Math.floor(Math.log2(1 / (view.scale * devicePixelRatio)))));
    const wanted = [...this.#within(this.coarsest, view.seen), ...(fine < this.coarsest ? this.#within(fine, view.seen) : [])];
    for (const tile of this.#under(wanted, view.seen)) context.drawImage(/** @type {ImageBitmap} */ (tile.picture), tile.rect.x, tile.rect.y, tile.rect.width, tile.rect.height);
    this.#ask(wanted);
  }

  /** Ask for nothing more. */
  end() {
    this.#ended = true;
    for (const tile of this.#tiles.values()) tile.asked?.abort();
  }

  /** Everything that is here of this place, the coarse first. @param {Tile[]} wanted @param {Rect} seen */
  #under(wanted, seen) {
    for (const tile of wanted) tile.used = this.#clock;
    const inSight = [...this.#tiles.values()].filter(({ picture, rect }) => picture && overlap(rect, seen));
    const detail = (/** @type {Tile} */ tile) => 1 / tile.factor;
    return inSight.sort((a, b) => detail(a) - detail(b));
  }

  /** @param {number} factor @param {Rect} seen @returns {Tile[]} */
  #within(factor, seen) {
    const side = factor === this.coarsest ? Math.max(this.size.width, this.size.height) : SIDE * factor;
    const found = [];
    for (let y = Math.floor(seen.y / side) * side; y < seen.y + seen.height; y += side) {
      for (let x = Math.floor(seen.x / side) * side; x < seen.x + seen.width; x += side) {
        found.push(this.#tile(factor, { x, y, width: Math.min(side, this.size.width - x), height: Math.min(side, this.size.height - y) }));
      }
    }
    return found;
  }

  /** @param {number} factor @param {Rect} rect */
  #tile(factor, rect) {
    const key = `${factor}:${rect.x}:${rect.y}`;
    const tile = this.#tiles.get(key) || { rect, factor, picture: null, used: 0, asked: null };
    this.#tiles.set(key, tile);
    return tile;
  }

  /** @param {Tile[]} wanted */
  #ask(wanted) {
    for (const tile of this.#tiles.values()) if (tile.asked && !wanted.includes(tile)) tile.asked.abort();
    for (const tile of wanted) {
      if (this.#running >= AT_ONCE) break;
      if (!tile.picture && !tile.asked && !this.#ended) void this.#fetch(tile);
    }
    this.#forget();
  }

  /** @param {Tile} tile */
  async #fetch(tile) {
    this.#running += 1;
    tile.asked = new AbortController();
    const { x, y, width, height } = tile.rect;
    try {
      const query = { ...this.query, region: [x, y, width, height].join(','), width: Math.ceil(width / tile.factor), format: 'webp' };
      tile.picture = await createImageBitmap(await blob(`images/${this.id}/view`, { query, signal: tile.asked.signal }));
    } catch (fault) {
      if (!tile.asked.signal.aborted && !this.#ended) this.onfault(fault);
      if (!tile.asked.signal.aborted) this.#ended = true;
    }
    tile.asked = null;
    this.#running -= 1;
    this.ondrawn();
  }

  #forget() {
    if (this.#tiles.size <= KEPT) return;
    const oldest = [...this.#tiles].sort(([, a], [, b]) => a.used - b.used).slice(0, this.#tiles.size - KEPT);
    for (const [key, tile] of oldest) {
      tile.picture?.close();
      this.#tiles.delete(key);
    }
  }
}

/** @param {Rect} a @param {Rect} b */
const overlap = (a, b) => a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
