/** Dialogs: a question with one answer, or something to read. */

import { fresh, h } from './dom.js';

/**
 * Ask for a line of text; null: nobody answered.
 * @param {string} title @param {string} label @param {{type?: string, hint?: string, value?: string}} [options]
 * @returns {Promise<string | null>}
 */
export function ask(title, label, options = {}) {
  const open = document.querySelector('dialog[open]');
  if (open) return Promise.resolve(null);
  const input = h('input', { type: options.type || 'text', value: options.value || '', autocomplete: 'off', id: fresh('ask') });
  return new Promise((resolve) => {
    const form = h('form', { method: 'dialog', class: 'stack' }, h('label', { class: 'field' }, h('span', { class: 'label' }, label), input),
      options.hint ? h('p', { class: 'small soft' }, options.hint) : null, h('div', { class: 'row' }, h('button', { class: 'main', value: 'yes' }, 'Use')));
    const dialog = show(title, form, () => resolve(dialog.returnValue === 'yes' ? input.value.trim() : null));
    input.focus();
  });
}

/**
 * Show something in a dialog, until it is closed.
 * @param {string} title @param {Node} content @param {() => void} [onclose]
 */
export function show(title, content, onclose = () => {}) {
  const name = fresh('title');
  const dialog = h('dialog', { 'aria-labelledby': name, onclose: () => { dialog.remove(); onclose(); } },
    h('header', {}, h('h2', { id: name }, title), h('button', { class: 'plain icon', 'aria-label': 'Close', onclick: () => dialog.close() }, '✕')), content);
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}
