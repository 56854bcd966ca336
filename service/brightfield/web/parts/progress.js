/** Work that takes a while: how far it is, how long it still takes, and a button that cancels it. */

import { h } from './dom.js';
import { duration } from './text.js';

const SOON = 3;

/** @param {string} label @param {(() => void) | null} [cancel] @param {string} [expected] how long it will take, as known beforehand */
export function progressLine(label, cancel = null, expected = '') {
  const text = h('span', { class: 'label', role: 'status' }, expected ? `${label}: ${expected}` : label);
  const bar = h('progress', { 'aria-label': label });
  const element = h('div', { class: 'progress' }, text, bar, cancel ? h('button', { onclick: cancel }, 'Cancel') : h('span', {}));
  /** @type {{at: number, done: number} | null} */
  let first = null;
  return {
    element,
    /** @param {number} done @param {number} total */
    move(done, total) {
      if (!total) return;
      first ??= { at: performance.now(), done };
      bar.max = total;
      bar.value = done;
      const left = ((total - done) * (performance.now() - first.at)) / (1000 * (done - first.done));
      text.textContent = `${label}: ${done} of ${total}${Number.isFinite(left) && left > SOON ? `, ${duration(left)} left` : ''}`;
    },
  };
}
