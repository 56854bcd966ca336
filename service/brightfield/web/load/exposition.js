/** The service's counters, as Prometheus' text format has them. */

/** @typedef {{name: string, labels: Record<string, string>, value: number}} Sample */

/** @param {string} text @returns {Sample[]} */
export function samples(text) {
  return text.split('\n').flatMap((line) => {
    const match = /^brightfield_(\w+)(?:\{(.*)\})? (\S+)$/.exec(line);
    if (!match) return [];
    const labels = Object.fromEntries([...(match[2] || '').matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, name, value]) => [name, value.replaceAll('\\"', '"').replaceAll('\\\\', '\\')]));
    return [{ name: match[1], labels, value: Number(match[3]) }];
  });
}

/** The sum over all samples of a name that have these labels. @param {Sample[]} all @param {string} name @param {Record<string, string>} [labels] */
export const total = (all, name, labels = {}) => all.filter((each) => each.name === name && Object.entries(labels).every(([key, value]) => each.labels[key] === value)).reduce((sum, each) => sum + each.value, 0);

/** How many batches there were of each size since `before`. @param {Sample[]} all @param {Sample[]} before @returns {{size: string, count: number}[]} */
export function batchSizes(all, before) {
  const edges = [...new Set(all.filter((each) => each.name === 'batch_rows_bucket').map((each) => each.labels.le))].sort((a, b) => edge(a) - edge(b));
  const counts = edges.map((le) => total(all, 'batch_rows_bucket', { le }) - total(before, 'batch_rows_bucket', { le }));
  return edges.map((le, at) => ({ size: le === '+Inf' ? 'more' : String(Number(le)), count: counts[at] - (at ? counts[at - 1] : 0) }));
}

/** @param {string} le */
const edge = (le) => (le === '+Inf' ? Infinity : Number(le));
