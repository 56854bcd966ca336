/** The models of the service: a short list, and the whole card of each once it is asked for. */

import { json } from './http.js';

/** @typedef {{id: string, version: string, task: string, description: string, licence: string, default: boolean, state: string, quarantine: any, device: string | null, memory_bytes: number | null}} Model */
/** @typedef {{class_id: number, name: string, color: number[]}} Label */
/** @typedef {Model & {labels: Label[], methods: string[], quality: any[], input: any, output: any, explain: any, examination: any, citation: string | null, objects_um: any}} Card */

export const TASKS = ['classify', 'detect', 'segment', 'superresolve'];

/** @type {Record<string, string>} */
export const TASK_NAMES = {
  classify: 'Classes',
  detect: 'Objects in boxes',
  segment: 'Objects pixel by pixel',
  superresolve: 'More pixels',
  embed: 'Feature vectors',
};

/** Models in memory come first, those that cannot answer yet last. @type {Record<string, number>} */
const RANKS = { resident: 1, not_fetched: 3 };

/** Fires `change` when the list was read anew. */
export class Models extends EventTarget {
  /** @param {import('./state.js').State} state */
  constructor(state) {
    super();
    this.state = state;
    /** @type {Model[]} */
    this.list = [];
    /** What is wrong with cards that can't be used, by their folders. @type {Record<string, string>} */
    this.faults = {};
    /** @type {Map<string, Promise<Card>>} */
    this.cards = new Map();
  }

  /** Read the list. */
  async refresh() {
    const { models, faults } = await json('models');
    this.list = models;
    this.faults = faults || {};
    this.cards.clear();
    this.dispatchEvent(new Event('change'));
  }

  /** The task that is asked: that of the address, else classes. */
  get task() {
    const task = this.state.get('task', 'classify');
    return TASKS.includes(task) ? task : 'classify';
  }

  /** The models for a task: the default, then those in memory. @param {string} task */
  fitting(task) {
    const rank = (/** @type {Model} */ each) => (each.default ? 0 : RANKS[each.state] ?? 2);
    return this.list.filter((each) => each.task === task).sort((a, b) => rank(a) - rank(b) || a.id.localeCompare(b.id));
  }

  /** The model that answers; null: none of the list does the task. @returns {Model | null} */
  get chosen() {
    const fitting = this.fitting(this.task);
    return fitting.find((each) => each.id === this.state.get('model')) || fitting[0] || null;
  }

  /** The whole card. @param {string} id */
  card(id) {
    const held = this.cards.get(id) || json(`models/${id}`);
    this.cards.set(id, held);
    held.catch(() => this.cards.delete(id));
    return held;
  }
}
