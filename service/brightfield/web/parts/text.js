/** Numbers as people read them. */

/**
 * A number with so many significant digits, without an exponent where that is short enough.
 * @param {number | null | undefined} value
 * @param {number} [digits]
 */
export function figure(value, digits = 3) {
  if (value === null || value === undefined || !Number.isFinite(value)) return 'n/a';
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e7)) return value.toExponential(digits - 1);
  if (Number.isInteger(value)) return String(value);
  return value.toFixed(Math.max(0, digits - 1 - Math.floor(Math.log10(size || 1))));
}

/** A score from 0 to 1 with three decimals. @param {number} value */
export const score = (value) => value.toFixed(3);

/** @param {number} bytes */
export function size(bytes) {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const step = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  const number = bytes / 1000 ** step;
  return `${step === 0 || number >= 100 ? Math.round(number) : number.toFixed(1)} ${units[step]}`;
}

/** "1 image", "3 images". @param {number} n @param {string} one @param {string} [many] */
export const counted = (n, one, many = `${one}s`) => `${n} ${n === 1 ? one : many}`;

/** A length of time, as coarsely as it is known. @param {number} seconds */
export function duration(seconds) {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}
