/** The drawings of a report: curves with the threshold on them, scores of both classes, calibration. */

import { countsAt } from './threshold.js';
import { chart, dragged, line, s } from '../parts/svg.js';

/** @typedef {any} Report as POST /metrics answers it */
/** @typedef {{root: SVGSVGElement, move: (threshold: number) => void}} Moving a drawing and what moves its threshold */

/** ROC, a second one dashed. @param {Report} report @param {Report | null} other @param {(threshold: number) => void} choose @returns {Moving} */
export function rocPlot(report, other, choose) {
  const axes = unitChart('1 − specificity', 'Sensitivity', 'ROC curve');
  axes.plot.append(s('path', { class: 'even', d: line(axes, [0, 1], [0, 1]) }));
  if (other) axes.plot.append(s('path', { class: 'curve other', d: line(axes, other.curves.roc.fpr, other.curves.roc.tpr) }));
  axes.plot.append(s('path', { class: 'curve', d: line(axes, report.curves.roc.fpr, report.curves.roc.tpr) }));
  return onCurve(axes, report, choose, ({ tp, fp, tn, fn }) => [share(fp, fp + tn), share(tp, tp + fn)]);
}

/** Precision over recall, a second one dashed. @param {Report} report @param {Report | null} other @param {(threshold: number) => void} choose @returns {Moving} */
export function precisionPlot(report, other, choose) {
  const axes = unitChart('Sensitivity (recall)', 'PPV (precision)', 'Precision-recall curve');
  if (other) axes.plot.append(s('path', { class: 'curve other', d: line(axes, other.curves.pr.recall, other.curves.pr.precision) }));
  axes.plot.append(s('path', { class: 'curve', d: line(axes, report.curves.pr.recall, report.curves.pr.precision) }));
  return onCurve(axes, report, choose, ({ tp, fp, fn }) => [share(tp, tp + fn), share(tp, tp + fp)]);
}

/** @param {number} part @param {number} whole */
const share = (part, whole) => (whole ? part / whole : 1);

/** @param {string} xname @param {string} yname @param {string} label */
const unitChart = (xname, yname, label) => chart({ width: 320, height: 290, xs: [0, 1], ys: [0, 1], xname, yname, label });

/**
 * A mark at the threshold's place on a curve; the nearest place is chosen by the pointer.
 * @param {import('../parts/svg.js').Chart} axes @param {Report} report @param {(threshold: number) => void} choose
 * @param {(counts: import('./threshold.js').Counts) => number[]} place @returns {Moving}
 */
function onCurve(axes, report, choose, place) {
  const table = report.curves.thresholds;
  const places = table.threshold.map((/** @type {number} */ _, /** @type {number} */ at) => place({ tp: table.tp[at], fp: table.fp[at], tn: table.tn[at], fn: table.fn[at] }));
  const mark = s('circle', { class: 'mark', r: 6 });
  axes.plot.append(mark);
  dragged(axes, ({ x, y }) => {
    const far = places.map((/** @type {number[]} */ [px, py]) => (px - x) ** 2 + (py - y) ** 2);
    choose(table.threshold[far.indexOf(Math.min(...far))]);
  });
  return { root: axes.root, move: (threshold) => {
    const [x, y] = place(countsAt(table, threshold));
    mark.setAttribute('cx', String(axes.x(x)));
    mark.setAttribute('cy', String(axes.y(y)));
  } };
}

/**
 * How the scores of both classes are spread; what is on the wrong side of the threshold is full.
 * @param {Report} report @param {(threshold: number) => void} choose @returns {Moving}
 */
export function scoresPlot(report, choose) {
  const found = report.curves.histogram;
  const [low, high] = [found.edges[0], found.edges[found.edges.length - 1]];
  const sides = [portions(found.negatives), portions(found.positives)];
  const top = Math.max(...sides[0], ...sides[1]) || 1;
  const axes = chart({ width: 680, height: 250, xs: [low, high], ys: [0, top], xname: 'Score', yname: 'Share of its class', label: 'Scores of both classes with the threshold' });
  const [wrongLow, wrongHigh] = [clip(axes, 'fn'), clip(axes, 'fp')];
  const rule = s('line', { class: 'rule', y1: axes.y(top), y2: axes.y(0) });
  axes.plot.append(s('defs', {}, wrongLow.element, wrongHigh.element),
    bars(axes, found.edges, sides[0], 'negatives faint'), bars(axes, found.edges, sides[1], 'positives faint'),
    clipped(bars(axes, found.edges, sides[0], 'negatives'), wrongHigh.id), clipped(bars(axes, found.edges, sides[1], 'positives'), wrongLow.id),
    outline(axes, found.edges, sides[0], 'negatives'), outline(axes, found.edges, sides[1], 'positives'), rule);
  dragged(axes, ({ x }) => choose(Number(Math.min(high, Math.max(low, x)).toPrecision(4))));
  return { root: axes.root, move: (threshold) => {
    const at = axes.x(Math.min(high, Math.max(low, threshold)));
    rule.setAttribute('x1', String(at));
    rule.setAttribute('x2', String(at));
    wrongLow.span(axes.x(low), at);
    wrongHigh.span(at, axes.x(high));
  } };
}

/** @param {number[]} counts */
function portions(counts) {
  const total = counts.reduce((sum, each) => sum + each, 0) || 1;
  return counts.map((each) => each / total);
}

/** @param {import('../parts/svg.js').Chart} axes @param {string} name */
function clip(axes, name) {
  const id = `wrong-${name}`;
  const box = s('rect', { y: 0, height: axes.height });
  return { id, element: s('clipPath', { id }, box), span: (/** @type {number} */ from, /** @type {number} */ to) => {
    box.setAttribute('x', String(from));
    box.setAttribute('width', String(Math.max(0, to - from)));
  } };
}

/** @param {SVGElement} element @param {string} id */
function clipped(element, id) {
  element.setAttribute('clip-path', `url(#${id})`);
  return element;
}

/** @param {import('../parts/svg.js').Chart} axes @param {number[]} edges @param {number[]} heights @param {string} kind */
const bars = (axes, edges, heights, kind) => s('path', { class: `bars-of ${kind}`, d: `${steps(axes, edges, heights)}Z` });

/** @param {import('../parts/svg.js').Chart} axes @param {number[]} edges @param {number[]} heights @param {string} kind */
const outline = (axes, edges, heights, kind) => s('path', { class: `outline ${kind}`, d: steps(axes, edges, heights) });

/** @param {import('../parts/svg.js').Chart} axes @param {number[]} edges @param {number[]} heights */
function steps(axes, edges, heights) {
  const xs = [edges[0]];
  const ys = [0];
  heights.forEach((height, at) => { xs.push(edges[at], edges[at + 1]); ys.push(height, height); });
  return line(axes, [...xs, edges[edges.length - 1]], [...ys, 0]);
}

/** How often the positive class occurs for each mean score, with intervals. @param {Report} report */
export function calibrationPlot(report) {
  const found = report.curves.calibration;
  if (!found) return null;
  const axes = unitChart('Mean score', 'Share that is positive', 'Calibration');
  axes.plot.append(s('path', { class: 'even', d: line(axes, [0, 1], [0, 1]) }));
  found.mean_score.forEach((/** @type {number | null} */ score, /** @type {number} */ at) => {
    if (score === null || found.fraction[at] === null) return;
    const span = found.ci?.[at];
    if (span) axes.plot.append(s('line', { class: 'span', x1: axes.x(score), x2: axes.x(score), y1: axes.y(span[0]), y2: axes.y(span[1]) }));
    axes.plot.append(s('circle', { class: 'point', cx: axes.x(score), cy: axes.y(found.fraction[at]), r: 4 }, s('title', {}, `${found.count[at]} rows: mean score ${score.toFixed(3)}, ${found.fraction[at].toFixed(3)} positive`)));
  });
  return axes.root;
}
