/** A report of two classes with a threshold that is dragged: everything moves with it. */

import { fill, h } from '../parts/dom.js';
import { counted } from '../parts/text.js';
import { calibrationPlot, precisionPlot, rocPlot, scoresPlot } from './plots.js';
import { confusionTable, numbersTable, told } from './tables.js';
import { countsAt, nearest, rates } from './threshold.js';

/** @typedef {any} Report as POST /metrics answers it */
/** @typedef {{start: number | null, other: Report | null, moved: (threshold: number) => void, exact: ((threshold: number) => Promise<Report>) | null}} Options */

const RATES = /** @type {const} */ (['sensitivity', 'specificity', 'ppv', 'npv']);

/** Whether a report has all that a threshold moves. @param {Report} report */
export const slides = (report) => report.task === 'classification' && report.labels.length === 2 && !!report.curves?.thresholds && !!report.curves?.histogram;

/**
 * `exact` asks the service for the report at a threshold, where intervals can't be computed here.
 * @param {Report} report @param {Options} options
 */
export function live(report, options) {
  const table = report.curves.thresholds;
  const edges = report.curves.histogram.edges;
  const positive = report.operating_point.positive;
  const negative = report.labels.find((/** @type {string} */ each) => each !== positive);
  const confusion = confusionTable([negative, positive]);
  const numbers = numbersTable(RATES, `Intervals of ${100 * report.conventions.ci.level} %`);
  const words = h('p', { id: 'threshold-words', 'aria-live': 'polite' });
  const [low, high] = [edges[0], edges[edges.length - 1]];
  const slider = h('input', { type: 'range', min: low, max: high, step: (high - low) / 1000, 'aria-label': 'Threshold', oninput: () => move(Number(Number(slider.value).toPrecision(6))) });
  const box = h('input', { type: 'number', id: 'threshold', step: 'any', 'aria-label': 'Threshold as a number', onchange: () => { if (box.value) move(Number(box.value)); } });
  const plots = [rocPlot(report, options.other, move), precisionPlot(report, options.other, move), scoresPlot(report, move)];
  const follow = follower(report, options.exact, numbers.show);

  /** @param {number} wanted */
  function move(wanted) {
    const threshold = thinned(report) ? nearest(table, wanted) : wanted;
    const counts = countsAt(table, threshold);
    slider.value = String(threshold);
    box.value = String(threshold);
    confusion.show([[counts.tn, counts.fp], [counts.fn, counts.tp]]);
    follow(threshold, counts);
    fill(words, `${counted(counts.fn, `${positive} is missed`, `${positive} are missed`)}; ${counted(counts.fp, `${negative} is taken for ${positive}`, `${negative} are taken for ${positive}`)}.`);
    for (const plot of plots) plot.move(threshold);
    options.moved(threshold);
  }

  move(options.start ?? report.operating_point.threshold ?? (low + high) / 2);
  const of = (/** @type {string} */ kind, /** @type {string} */ text) => h('span', {}, h('span', { class: `swatch ${kind}` }), text);
  const key = h('p', { class: 'key small' }, of('negatives', `${negative} (n = ${table.tn[0] + table.fp[0]})`), of('positives', `${positive}, positive (n = ${table.tp[0] + table.fn[0]})`));
  return h('div', { class: 'live' },
    h('section', { class: 'card scores' }, h('h2', {}, 'Scores and threshold'), plots[2].root, key, h('div', { class: 'row' }, h('div', { class: 'grow' }, slider), h('div', { class: 'narrow' }, box)), words),
    h('section', { class: 'card' }, h('h2', {}, 'At this threshold'), confusion.root, numbers.root, note(report, options)),
    curveCard('ROC', report.metrics.auroc, 'AUROC', plots[0].root), curveCard('Precision and recall', report.metrics.average_precision, 'Average precision', plots[1].root),
    calibrationCard(report));
}

/** @param {string} title @param {any} estimate @param {string} name @param {SVGElement} drawing */
function curveCard(title, estimate, name, drawing) {
  const [value, span] = told(estimate);
  return h('section', { class: 'card' }, h('h2', {}, title), drawing, h('p', { class: 'small' }, `${name} `, h('span', { class: 'number' }, value), span ? h('span', { class: 'soft' }, ` (${span})`) : null));
}

/** @param {Report} report */
function calibrationCard(report) {
  const drawing = calibrationPlot(report);
  if (!drawing) return null;
  const [value, span] = told(report.metrics.ece_debiased);
  return h('section', { class: 'card' }, h('h2', {}, 'Calibration'), drawing, h('p', { class: 'small' }, 'Calibration error, debiased ', h('span', { class: 'number' }, value), span ? h('span', { class: 'soft' }, ` (${span})`) : null));
}

/** Whether the curve has fewer thresholds than the scores. @param {Report} report */
const thinned = (report) => report.curves.thresholds.threshold.length >= (report.curve_points ?? 1000) - 2 && report.n > report.curves.thresholds.threshold.length;

/** Whether Wilson's formula is what the service uses for these rows. @param {Report} report */
const byFormula = (report) => report.conventions.ci.method === 'auto' && report.groups === null;

/** @param {Report} report @param {Options} options */
function note(report, options) {
  if (byFormula(report)) return null;
  if (report.conventions.ci.method === 'none') return h('p', { class: 'note' }, 'No intervals were asked for.');
  return h('p', { class: 'note' }, options.exact ? 'Intervals come from the service, a moment after the threshold rests.' : 'These rows come in groups: the run has intervals at its own threshold alone.');
}

/**
 * Shows the numbers of a threshold: at once, and their intervals as soon as they are known.
 * @param {Report} report @param {Options['exact']} exact @param {(found: Record<string, import('./tables.js').Estimate>) => void} show
 */
function follower(report, exact, show) {
  let waiting = 0;
  return (/** @type {number} */ threshold, /** @type {import('./threshold.js').Counts} */ counts) => {
    const found = rates(counts, report.conventions.ci.level);
    const formula = byFormula(report);
    show(Object.fromEntries(Object.entries(found).map(([key, each]) => [key, each
      ? { value: each.value, ci: formula ? /** @type {[number, number]} */ ([each.low, each.high]) : null, n: each.n, ci_undefined: '' }
      : { value: null, ci: null, n: 0, undefined: 'of none' }])));
    clearTimeout(waiting);
    if (!formula && exact && report.conventions.ci.method !== 'none') {
      waiting = setTimeout(async () => {
        const told = await exact(threshold).catch(() => null);
        if (told) show(told.metrics);
      }, 300);
    }
  };
}
