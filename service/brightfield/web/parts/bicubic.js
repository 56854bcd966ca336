/** Bicubic enlargement (Keys 1981, a = -0.5), as Pillow and MATLAB have it. */

/** @param {number} distance */
function weight(distance) {
  const t = Math.abs(distance);
  if (t < 1) return (1.5 * t - 2.5) * t * t + 1;
  return t < 2 ? ((-0.5 * t + 2.5) * t - 4) * t + 2 : 0;
}

/** Four neighbours and their weights for each place of the longer side. @param {number} from @param {number} to */
function taps(from, to) {
  return Array.from({ length: to }, (_, index) => {
    const center = ((index + 0.5) * from) / to - 0.5;
    const first = Math.floor(center) - 1;
    const places = [first, first + 1, first + 2, first + 3].filter((each) => each >= 0 && each < from);
    const weights = places.map((each) => weight(each - center));
    const sum = weights.reduce((a, b) => a + b, 0);
    return places.map((place, tap) => ({ place, weight: weights[tap] / sum }));
  });
}

/** The picture with so many pixels, one side after the other. @param {ImageBitmap} picture @param {number} width @param {number} height */
export async function bicubic(picture, width, height) {
  const canvas = new OffscreenCanvas(picture.width, picture.height);
  const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext('2d'));
  context.drawImage(picture, 0, 0);
  const { data } = context.getImageData(0, 0, picture.width, picture.height);
  const wide = along(data, picture.height, picture.width, width, picture.width * 4, 4, width * 4, 4);
  const tall = along(wide, width, picture.height, height, 4, width * 4, 4, width * 4);
  return createImageBitmap(new ImageData(Uint8ClampedArray.from(tall), width, height));
}

/**
 * Resample along one axis: `lines` of them, whose neighbours lie `line` apart, and their values `step`.
 * @param {ArrayLike<number>} data @param {number} lines @param {number} from @param {number} to
 * @param {number} line @param {number} step @param {number} outLine @param {number} outStep
 */
function along(data, lines, from, to, line, step, outLine, outStep) {
  const out = new Float32Array(lines * to * 4);
  taps(from, to).forEach((near, index) => {
    for (let each = 0; each < lines; each += 1) {
      for (let channel = 0; channel < 4; channel += 1) {
        let sum = 0;
        for (const tap of near) sum += tap.weight * data[each * line + tap.place * step + channel];
        out[each * outLine + index * outStep + channel] = sum;
      }
    }
  });
  return out;
}
