/**
 * What the page shows, as words: the image, the model, the method and settings. It is kept in the
 * part of the address behind #, so a link reopens it and no server sees it.
 */

/** @typedef {(state: State) => void} Listener */

export class State {
  /** @type {Map<string, string>} */
  #values = new Map();
  /** @type {Set<{keys: string[], act: Listener}>} */
  #listeners = new Set();

  constructor() {
    this.#values = read();
    addEventListener('hashchange', () => this.#replace(read()));
  }

  /** The value of a key; '' if it has none. @param {string} key @param {string} [otherwise] */
  get(key, otherwise = '') {
    return this.#values.get(key) ?? otherwise;
  }

  /** Change several values at once; null and '' take one away. @param {Record<string, string | number | boolean | null | undefined>} changes */
  set(changes) {
    const next = new Map(this.#values);
    for (const [key, value] of Object.entries(changes)) {
      if (value === null || value === undefined || value === '') next.delete(key);
      else next.set(key, String(value));
    }
    this.#replace(next);
    history.replaceState(null, '', link(this.#values));
  }

  /** Call `act` after a change of one of the keys; returns what ends that. @param {string[]} keys @param {Listener} act */
  on(keys, act) {
    const listener = { keys, act };
    this.#listeners.add(listener);
    return () => { this.#listeners.delete(listener); };
  }

  /** @param {Map<string, string>} next */
  #replace(next) {
    const before = this.#values;
    this.#values = next;
    for (const { keys, act } of [...this.#listeners]) {
      if (keys.some((key) => before.get(key) !== next.get(key))) act(this);
    }
  }
}

/** @returns {Map<string, string>} */
function read() {
  return new Map(new URLSearchParams(location.hash.slice(1)));
}

/** @param {Map<string, string>} values */
function link(values) {
  const text = new URLSearchParams([...values].sort()).toString().replaceAll('%3A', ':').replaceAll('%2C', ',');
  return text ? `#${text}` : location.pathname + location.search;
}
