/** The request that was made, as a script for other tools. */

import { ROOT, hasKey } from '../http.js';
import { scripts } from './scripts.js';
import { show } from './dialog.js';
import { h, refill } from './dom.js';

/** @param {import('../app.js').App} app @param {() => import('../app.js').Request | null} made the request, once it was made */
export function copyButton(app, made) {
  return h('button', { onclick: () => { const request = made(); if (request) open(app, request); } }, 'Copy as a script');
}

/** @param {import('../app.js').App} app @param {import('../app.js').Request} request */
function open(app, request) {
  const written = scripts({ ...request, root: ROOT.href.replace(/\/$/, ''), file: app.images.current?.name || 'image', key: hasKey() });
  const code = h('pre', { tabindex: '0' });
  const tabs = h('div', { class: 'tabs', role: 'tablist', 'aria-label': 'Language' });
  const done = h('span', { class: 'soft small', role: 'status' });
  const choose = (/** @type {string} */ name) => {
    refill(tabs, ...Object.keys(written).map((each) => h('button', { id: `script-${each}`, role: 'tab', 'aria-selected': String(each === name), onclick: () => choose(each) }, each)));
    code.textContent = written[name];
    done.textContent = '';
  };
  const copy = async () => {
    await navigator.clipboard.writeText(code.textContent || '').then(() => { done.textContent = 'Copied.'; }, () => {
      getSelection()?.selectAllChildren(code);
      done.textContent = 'Press Ctrl+C.';
    });
  };
  choose('curl');
  show('The request that was just made', h('div', { class: 'stack' }, tabs, code, h('div', { class: 'row' }, h('button', { class: 'main', onclick: () => void copy() }, 'Copy'), done)));
}
