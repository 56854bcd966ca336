/** Work that takes a while: how far it is, and a button that cancels it. */

import { h } from './dom.js';

/** @param {string} label @param {(() => void) | null} [cancel] */
export function progressLine(label, cancel = null) {
  const text = h('span', { class: 'label', role: 'status' }, label);
  const bar = h('progress', { 'aria-label': label });
  const element = h('div', { class: 'progress' }, text, bar, cancel ? h('button', { onclick: cancel }, 'Cancel') : h('span', {}));
  return {
    element,
    /** @param {number} done @param {number} total */
    move(done, total) {
      if (!total) return;
      bar.max = total;
      bar.value = done;
      text.textContent = `${label}: ${done} of ${total}`;
    },
  };
}
