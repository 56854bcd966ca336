/** Scores as bars, one of which can be chosen. */

import { h } from './dom.js';
import { score } from './text.js';

/**
 * @param {{label: string, score: number, id: string}[]} rows
 * @param {{chosen?: string, onchoose?: (id: string) => void}} [options]
 */
export function bars(rows, options = {}) {
  return h('ol', { class: 'bars' }, rows.map((row) => h('li', {}, bar(row, options))));
}

/** @param {{label: string, score: number, id: string}} row @param {{chosen?: string, onchoose?: (id: string) => void}} options */
function bar(row, options) {
  const fill = h('span', { class: 'fill' });
  fill.style.width = `${100 * Math.max(0, Math.min(1, row.score))}%`;
  const choose = options.onchoose;
  return h(
    'button',
    { 'aria-pressed': choose ? String(options.chosen === row.id) : null, disabled: !choose, onclick: () => choose?.(row.id) },
    h('span', { class: 'line' }, h('span', { class: 'wrap' }, row.label), h('span', { class: 'number' }, score(row.score))),
    h('span', { class: 'track' }, fill),
  );
}
