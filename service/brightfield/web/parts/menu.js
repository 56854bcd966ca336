/** A button with a menu below it, and files that are saved. */

import { fill, h } from './dom.js';

/** @param {string} title @param {{text: string, note?: string, act: () => void}[]} items */
export function menu(title, items) {
  const list = h('div', { role: 'menu', hidden: true, 'aria-label': title });
  const button = h('button', { 'aria-haspopup': 'menu', 'aria-expanded': 'false', onclick: () => open(!!list.hidden) }, title, h('span', { 'aria-hidden': 'true' }, '▾'));
  const root = h('div', { class: 'menu', onkeydown: along, onfocusout: (/** @type {FocusEvent} */ event) => {
    if (!root.contains(/** @type {Node | null} */ (event.relatedTarget))) open(false);
  } }, button, list);
  /** @param {boolean} on */
  function open(on) {
    list.hidden = !on;
    button.setAttribute('aria-expanded', String(on));
    if (!on) return;
    list.classList.remove('above');
    list.classList.toggle('above', list.getBoundingClientRect().bottom > innerHeight);
    /** @type {HTMLElement | null} */ (list.firstElementChild)?.focus();
  }
  /** @param {KeyboardEvent} event */
  function along(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === 'Escape') { open(false); button.focus(); }
    if (!step || list.hidden) return;
    event.preventDefault();
    const all = /** @type {HTMLElement[]} */ ([...list.children]);
    all[(all.findIndex((each) => each === document.activeElement) + step + all.length) % all.length].focus();
  }
  fill(list, items.map(({ text, note, act }) => h('button', { role: 'menuitem', tabindex: '-1', onclick: () => { open(false); act(); } }, h('span', {}, text), note ? h('span', { class: 'soft small' }, note) : null)));
  return root;
}

/** Let the browser save these bytes. @param {Blob} blob @param {string} name */
export function save(blob, name) {
  const link = h('a', { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
