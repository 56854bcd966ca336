/** Facts as two columns, and rows as a table. */

import { h } from './dom.js';

/** @param {(readonly [string, import('./dom.js').Child | import('./dom.js').Child[]])[]} rows those with an empty value are left out */
export function facts(rows) {
  return h('dl', { class: 'facts' }, rows.filter(([, value]) => value !== null && value !== undefined && value !== '').flatMap(([name, value]) => [h('dt', {}, name), h('dd', {}, value)]));
}

/** @param {string[]} heads @param {(string | number)[][]} rows numbers stand at the right */
export function table(heads, rows) {
  const numeric = heads.map((_, index) => rows.length > 0 && rows.every((row) => typeof row[index] === 'number' || /^[-\d.]/.test(String(row[index]))));
  const kind = (/** @type {number} */ index) => (numeric[index] ? 'number' : null);
  return h('table', {}, h('thead', {}, h('tr', {}, heads.map((each, index) => h('th', { scope: 'col', class: kind(index) }, each)))),
    h('tbody', {}, rows.map((row) => h('tr', {}, row.map((each, index) => h('td', { class: kind(index) }, String(each)))))));
}
