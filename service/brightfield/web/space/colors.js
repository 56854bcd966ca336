/** Colours of points by a field of their metadata, or by cluster. */

/** Okabe and Ito's, which colour-blind people tell apart. */
const DISTINCT = [0x0072b2, 0xe69f00, 0x009e73, 0xcc79a7, 0x56b4e9, 0xd55e00, 0xb8a800, 0x5d6a73];
const NONE = 0x8a949c;
/** Viridis at even steps, from low to high. */
const ORDERED = [0x440154, 0x46327e, 0x365c8d, 0x277f8e, 0x1fa187, 0x4ac16d, 0xa0da39, 0xfde725];

/** @typedef {{name: string, color: string, count: number}} Entry */
/** @typedef {{colors: Uint32Array, entries: Entry[]}} Colored */

/** 0xRRGGBB as the pixels of a canvas have it. @param {number} rgb */
const pixel = (rgb) => (0xff000000 | ((rgb & 255) << 16) | (rgb & 0xff00) | (rgb >> 16)) >>> 0;

/** @param {number} rgb */
const css = (rgb) => `#${rgb.toString(16).padStart(6, '0')}`;

/**
 * Numbers of more than eight values along a scale, else a colour for each of the most frequent values.
 * @param {unknown[]} values @returns {Colored}
 */
export function colored(values) {
  const known = values.filter((each) => each !== null && each !== undefined && each !== '');
  const distinct = new Map();
  for (const value of known) distinct.set(value, (distinct.get(value) || 0) + 1);
  return distinct.size > DISTINCT.length && known.every((each) => typeof each === 'number') ? onScale(/** @type {number[]} */ (values)) : apart(values, distinct);
}

/** @param {unknown[]} values @param {Map<unknown, number>} counts @returns {Colored} */
function apart(values, counts) {
  const frequent = [...counts].sort((a, b) => b[1] - a[1] || String(a[0]).localeCompare(String(b[0]), 'en', { numeric: true })).slice(0, DISTINCT.length);
  const places = new Map(frequent.map(([value], at) => [value, pixel(DISTINCT[at])]));
  const colors = Uint32Array.from(values, (value) => places.get(value) ?? pixel(NONE));
  const entries = frequent.map(([value, count], at) => ({ name: String(value), color: css(DISTINCT[at]), count }));
  const rest = values.length - frequent.reduce((sum, [, count]) => sum + count, 0);
  return { colors, entries: rest ? [...entries, { name: counts.size > frequent.length ? 'others' : 'unknown', color: css(NONE), count: rest }] : entries };
}

/** @param {number[]} values @returns {Colored} */
function onScale(values) {
  const known = values.filter((each) => Number.isFinite(each));
  const [low, high] = known.reduce(([a, b], each) => [Math.min(a, each), Math.max(b, each)], [Infinity, -Infinity]);
  const step = (/** @type {number} */ value) => Math.min(ORDERED.length - 1, Math.floor((ORDERED.length * (value - low)) / (high - low)));
  const counts = ORDERED.map(() => 0);
  for (const value of known) counts[step(value)] += 1;
  const edge = (/** @type {number} */ at) => Number((low + ((high - low) * at) / ORDERED.length).toPrecision(3));
  return {
    colors: Uint32Array.from(values, (value) => pixel(Number.isFinite(value) ? ORDERED[step(value)] : NONE)),
    entries: ORDERED.map((rgb, at) => ({ name: `${edge(at)} to ${edge(at + 1)}`, color: css(rgb), count: counts[at] })),
  };
}
