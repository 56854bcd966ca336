/** What a threshold makes of scores: counts from the points of the curve, shares, and their intervals. */

/** @typedef {{threshold: number[], tp: number[], fp: number[], tn: number[], fn: number[]}} Table of a report, the highest threshold first */
/** @typedef {{tp: number, fp: number, tn: number, fn: number}} Counts */
/** @typedef {{value: number, low: number, high: number, n: number} | null} Share null: a share of nothing */

/**
 * The counts where a score from the threshold on is called positive: those of the lowest threshold
 * of the table that is not below it.
 * @param {Table} table @param {number} threshold @returns {Counts}
 */
export function countsAt(table, threshold) {
  let low = 0;
  let high = table.threshold.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (table.threshold[middle] >= threshold) low = middle + 1;
    else high = middle;
  }
  if (low === 0) return { tp: 0, fp: 0, tn: table.tn[0] + table.fp[0], fn: table.fn[0] + table.tp[0] };
  const at = low - 1;
  return { tp: table.tp[at], fp: table.fp[at], tn: table.tn[at], fn: table.fn[at] };
}

/** The threshold of the table that is nearest. @param {Table} table @param {number} threshold */
export function nearest(table, threshold) {
  let best = table.threshold[0];
  for (const each of table.threshold) if (Math.abs(each - threshold) < Math.abs(best - threshold)) best = each;
  return best;
}

/**
 * Sensitivity, specificity and predictive values with Wilson's intervals.
 * @param {Counts} counts @param {number} level as 0.95
 * @returns {Record<'sensitivity' | 'specificity' | 'ppv' | 'npv', Share>}
 */
export function rates({ tp, fp, tn, fn }, level) {
  return {
    sensitivity: wilson(tp, tp + fn, level),
    specificity: wilson(tn, tn + fp, level),
    ppv: wilson(tp, tp + fp, level),
    npv: wilson(tn, tn + fn, level),
  };
}

/**
 * A share and the interval that the score test does not reject (Wilson 1927), as the service computes it.
 * @param {number} hits @param {number} n @param {number} level @returns {Share}
 */
export function wilson(hits, n, level) {
  if (n < 1) return null;
  const z = normalQuantile((1 + level) / 2);
  const p = hits / n;
  const scale = 1 + (z * z) / n;
  const centre = (p + (z * z) / (2 * n)) / scale;
  const half = (z * Math.sqrt((p * (1 - p)) / n + (z * z) / (4 * n * n))) / scale;
  const low = hits === 0 ? 0 : Math.max(0, centre - half);
  const high = hits === n ? 1 : Math.min(1, centre + half);
  return { value: p, low, high, n };
}

const CENTRE = [
  [2509.0809287301226727, 33430.575583588128105, 67265.770927008700853, 45921.953931549871457, 13731.693765509461125, 1971.5909503065514427, 133.14166789178437745, 3.387132872796366608],
  [5226.495278852854561, 28729.085735721942674, 39307.89580009271061, 21213.794301586595867, 5394.1960214247511077, 687.1870074920579083, 42.313330701600911252, 1],
];
const SIDE = [
  [7.7454501427834140764e-4, 0.0227238449892691845833, 0.24178072517745061177, 1.27045825245236838258, 3.64784832476320460504, 5.7694972214606914055, 4.6303378461565452959, 1.42343711074968357734],
  [1.05075007164441684324e-9, 5.475938084995344946e-4, 0.0151986665636164571966, 0.14810397642748007459, 0.68976733498510000455, 1.6763848301838038494, 2.05319162663775882187, 1],
];
const TAIL = [
  [2.01033439929228813265e-7, 2.71155556874348757815e-5, 0.0012426609473880784386, 0.026532189526576123093, 0.29656057182850489123, 1.7848265399172913358, 5.4637849111641143699, 6.6579046435011037772],
  [2.04426310338993978564e-15, 1.4215117583164458887e-7, 1.8463183175100546818e-5, 7.868691311456132591e-4, 0.0148753612908506148525, 0.13692988092273580531, 0.59983220655588793769, 1],
];

/** The quantile of the standard normal distribution (Wichura 1988, AS 241). @param {number} p */
export function normalQuantile(p) {
  const q = p - 0.5;
  if (Math.abs(q) <= 0.425) return q * fraction(CENTRE, 0.180625 - q * q);
  const r = Math.sqrt(-Math.log(q <= 0 ? p : 1 - p));
  const x = r <= 5 ? fraction(SIDE, r - 1.6) : fraction(TAIL, r - 5);
  return q < 0 ? -x : x;
}

/** @param {number[][]} parts coefficients, the highest power first @param {number} x */
function fraction([above, below], x) {
  const value = (/** @type {number[]} */ terms) => terms.reduce((sum, term) => sum * x + term, 0);
  return value(above) / value(below);
}
