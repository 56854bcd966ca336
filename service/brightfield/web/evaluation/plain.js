/** A report without a threshold to drag: its numbers, its confusion matrix, its classes. */

import { h } from '../parts/dom.js';
import { confusionTable, nameOf, numbersTable, told } from './tables.js';

/** @param {any} report as POST /metrics answers it */
export function plain(report) {
  const keys = Object.keys(report.metrics || {});
  const numbers = numbersTable(keys, 'Numbers with their intervals');
  numbers.show(report.metrics || {});
  return h('div', { class: 'live' }, h('section', { class: 'card' }, h('h2', {}, 'Numbers'), numbers.root), confusionCard(report), classesCard(report));
}

/** @param {any} report */
function confusionCard(report) {
  const found = report.confusion;
  if (!found?.counts) return null;
  const table = confusionTable(found.labels);
  table.show(found.counts);
  return h('section', { class: 'card' }, h('h2', {}, 'Confusion'), h('div', { class: 'scrolls', tabindex: '0', role: 'region', 'aria-label': 'Confusion matrix' }, table.root));
}

/** @param {any} report */
function classesCard(report) {
  const classes = report.per_class || [];
  if (!classes.length) return null;
  const keys = Object.keys(classes[0].metrics).slice(0, 6);
  const rows = classes.map((/** @type {any} */ each) => h('tr', {}, h('th', { scope: 'row' }, each.label), keys.map((key) => h('td', { class: 'number', title: told(each.metrics[key])[1] }, told(each.metrics[key])[0]))));
  return h('section', { class: 'card' }, h('h2', {}, 'Classes'), h('div', { class: 'scrolls', tabindex: '0', role: 'region', 'aria-label': 'Numbers of each class' }, h('table', {}, h('thead', {}, h('tr', {}, h('th', {}), keys.map((key) => h('th', { class: 'number', scope: 'col' }, nameOf(key))))), h('tbody', {}, rows))));
}
