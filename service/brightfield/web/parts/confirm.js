/** A question that is answered by doing it or not. */

import { show } from './dialog.js';
import { h } from './dom.js';

/** Whether the person says so. @param {string} title @param {string} text @param {string} doing what the button is called @returns {Promise<boolean>} */
export function confirmed(title, text, doing) {
  return new Promise((resolve) => {
    const form = h('form', { method: 'dialog', class: 'stack' }, h('p', {}, text), h('div', { class: 'row' }, h('button', { class: 'main', value: 'yes' }, doing), h('button', { value: 'no' }, 'Cancel')));
    const dialog = show(title, form, () => resolve(dialog.returnValue === 'yes'));
  });
}
