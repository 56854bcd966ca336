/** Arrays of a reply: base64 of little-endian values, and COCO's run lengths. */

/** @typedef {{shape: number[], dtype: string, data: string}} Packed */

/** @type {Record<string, new (buffer: ArrayBuffer) => ArrayLike<number>>} */
const KINDS = { float32: Float32Array, float64: Float64Array, uint8: Uint8Array, uint16: Uint16Array, uint32: Uint32Array, int32: Int32Array };

/** The values in C order. @param {Packed} packed @returns {ArrayLike<number>} */
export function unpack(packed) {
  return new KINDS[packed.dtype](Uint8Array.from(atob(packed.data), (character) => character.charCodeAt(0)).buffer);
}

/** The part of one map of several. @param {ArrayLike<number>} values @param {number} index @param {number} length */
export function piece(values, index, length) {
  return Array.prototype.slice.call(values, index * length, (index + 1) * length);
}

/**
 * The pixels of a mask, row by row, 0 or 1.
 * @param {{size: number[], counts: string}} rle
 */
export function maskOf(rle) {
  const [height, width] = rle.size;
  const mask = new Uint8Array(height * width);
  let place = 0;
  counts(rle.counts).forEach((count, index) => {
    for (let end = place + count; place < end; place += 1) if (index % 2) mask[(place % height) * width + Math.floor(place / height)] = 1;
  });
  return mask;
}

/** The lengths of runs: groups of five bits, the difference to the last but one from the fourth on. @param {string} text */
function counts(text) {
  /** @type {number[]} */
  const found = [];
  for (let at = 0; at < text.length; ) {
    let value = 0;
    let shift = 0;
    let group;
    do {
      group = text.charCodeAt(at) - 48;
      value += (group & 31) * 2 ** shift;
      shift += 5;
      at += 1;
    } while (group & 32);
    if (group & 16) value -= 2 ** shift;
    found.push(found.length > 2 ? value + found[found.length - 2] : value);
  }
  return found;
}
