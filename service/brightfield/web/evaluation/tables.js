/** The tables of a report: counts, numbers, worst cases, differences of two runs. */

import { fill, h } from '../parts/dom.js';

/** @typedef {any} Report as POST /metrics answers it */
/** @typedef {{value: number | null, ci: [number, number] | null, n: number, undefined?: string | null, ci_undefined?: string | null}} Estimate of a report */

/** The names of numbers, as people know them. @type {Record<string, string>} */
const NAMES = {
  sensitivity: 'Sensitivity', specificity: 'Specificity', ppv: 'PPV', npv: 'NPV', auroc: 'AUROC', average_precision: 'Average precision',
  accuracy: 'Accuracy', balanced_accuracy: 'Balanced accuracy', f1: 'F1', mcc: 'MCC', kappa: 'Kappa', brier: 'Brier score', log_loss: 'Log loss',
  ece: 'ECE', ece_debiased: 'ECE, debiased', calibration_slope: 'Calibration slope', calibration_intercept: 'Calibration intercept',
  lr_positive: 'LR+', lr_negative: 'LR−', jaccard: 'Jaccard', mce: 'MCE',
};

/** @param {string} key */
export const nameOf = (key) => NAMES[key] || key.replaceAll('_', ' ');

/** A number with four decimals. @param {number} value */
export const digits = (value) => value.toFixed(4);

/** A number and its interval, or why there is none. @param {Estimate} estimate */
export function told(estimate) {
  if (estimate.value === null) return [(estimate.undefined || 'undefined').replaceAll('_', ' '), ''];
  const span = estimate.ci ? `${digits(estimate.ci[0])} to ${digits(estimate.ci[1])}` : (estimate.ci_undefined || '').replaceAll('_', ' ');
  return [digits(estimate.value), span];
}

/**
 * Rows of numbers by their keys; `show` puts others in their place.
 * @param {readonly string[]} keys @param {string} caption
 */
export function numbersTable(keys, caption) {
  const cells = new Map(keys.map((key) => [key, [h('td', { class: 'number', id: `value-${key}` }), h('td', { class: 'number soft', id: `interval-${key}` }), h('td', { class: 'number soft' })]]));
  const rows = keys.map((key) => h('tr', {}, h('th', { scope: 'row' }, nameOf(key)), cells.get(key) || []));
  const root = h('table', {}, h('caption', { class: 'small soft' }, caption), h('thead', {}, h('tr', {}, ['', 'Value', 'Interval', 'n'].map((name) => h('th', { class: name ? 'number' : null, scope: 'col' }, name)))), h('tbody', {}, rows));
  return { root, show: (/** @type {Record<string, Estimate>} */ found) => {
    for (const [key, [value, span, n]] of cells) {
      const [shown, interval] = told(found[key]);
      fill(value, shown);
      fill(span, interval);
      fill(n, String(found[key].n));
    }
  } };
}

/** The confusion matrix of two classes, or of more; rows are the truth. @param {string[]} labels */
export function confusionTable(labels) {
  const cells = labels.map((truth, row) => labels.map((predicted, column) => h('td', { class: `number ${row === column ? 'right' : 'wrong'}`, 'data-truth': truth, 'data-predicted': predicted })));
  const head = h('tr', {}, h('td', {}), labels.map((label) => h('th', { class: 'number', scope: 'col' }, label)));
  const root = h('table', { class: 'confusion' }, h('caption', { class: 'small soft' }, 'Rows are the truth, columns the prediction'), h('thead', {}, head), h('tbody', {}, labels.map((label, row) => h('tr', {}, h('th', { scope: 'row' }, label), cells[row]))));
  return { root, show: (/** @type {number[][]} */ counts) => cells.forEach((row, r) => row.forEach((cell, c) => fill(cell, String(counts[r][c])))) };
}

/** The cases that are worst. @param {Report} report @param {(id: string) => HTMLElement | null} picture */
export function worstTable(report, picture) {
  const rows = (report.worst || []).map((/** @type {any} */ each) => {
    const name = String(each.id ?? `row ${each.row}`);
    return h('tr', {}, h('td', { class: 'case' }, picture(name), h('span', { class: 'wrap' }, name)), h('td', {}, each.truth), h('td', {}, each.prediction), h('td', { class: 'number' }, typeof each.score === 'number' ? digits(each.score) : ''), h('td', { class: 'number' }, digits(each.error)));
  });
  if (!rows.length) return h('p', { class: 'soft' }, 'No case is wrong.');
  return h('table', {}, h('thead', {}, h('tr', {}, ['Case', 'Truth', 'Prediction', 'Score', 'Error'].map((name, at) => h('th', { class: at > 2 ? 'number' : null, scope: 'col' }, name)))), h('tbody', {}, rows));
}

/** How much the numbers of two runs differ. @param {any} found as GET /metrics/compare answers it */
export function differencesTable(found) {
  const rows = Object.entries(found.metrics).filter(([, each]) => each.difference !== null && each.difference !== undefined).map(([key, each]) => {
    const span = each.ci ? `${digits(each.ci[0])} to ${digits(each.ci[1])}` : '';
    return h('tr', {}, h('th', { scope: 'row' }, nameOf(key)), [digits(each.a), digits(each.b), digits(each.difference), span, each.p_value === null ? '' : probability(each.p_value)].map((text) => h('td', { class: 'number' }, text)));
  });
  return h('table', {}, h('caption', { class: 'small soft' }, `${found.n} cases that both have`), h('thead', {}, h('tr', {}, ['', found.a.name || 'a', found.b.name || 'b', 'Difference', 'Interval', 'p'].map((name) => h('th', { class: 'number', scope: 'col' }, name)))), h('tbody', {}, rows));
}

/** @param {number} p */
const probability = (p) => (p < 0.0001 ? '< 0.0001' : digits(p));
