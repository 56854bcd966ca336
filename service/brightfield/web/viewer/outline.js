/** A mask over the image: dark outside of it, and a line along its edge that is thin at any scale. */

/** @typedef {import('./viewer.js').Layer} Layer */

/** @param {Uint8Array} mask row by row, 0 or 1 @param {number} width @param {number} height @returns {Layer} */
export function outlineLayer(mask, width, height) {
  const shade = shaded(mask, width, height);
  const edge = edgeOf(mask, width, height);
  return { order: 30, draw: (context, { scale }) => {
    context.imageSmoothingEnabled = false;
    context.drawImage(shade, 0, 0);
    for (const [wide, color] of /** @type {const} */ ([[3.5, '#000000'], [1.8, '#ffffff']])) {
      context.lineWidth = wide / scale;
      context.strokeStyle = color;
      context.stroke(edge);
    }
  } };
}

/** @param {Uint8Array} mask @param {number} width @param {number} height */
function shaded(mask, width, height) {
  const canvas = new OffscreenCanvas(width, height);
  const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext('2d'));
  const picture = context.createImageData(width, height);
  mask.forEach((on, index) => { picture.data[4 * index + 3] = on ? 0 : 150; });
  context.putImageData(picture, 0, 0);
  return canvas;
}

/** The sides of pixels between inside and outside, those in one line as one. @param {Uint8Array} mask @param {number} width @param {number} height */
function edgeOf(mask, width, height) {
  const path = new Path2D();
  const at = (/** @type {number} */ x, /** @type {number} */ y) => (x < 0 || y < 0 || x >= width || y >= height ? 0 : mask[y * width + x]);
  const sides = (/** @type {number} */ lines, /** @type {number} */ length, /** @type {(line: number, place: number) => boolean} */ differs, /** @type {(line: number, from: number, to: number) => void} */ draw) => {
    for (let line = 0; line <= lines; line += 1) {
      for (let from = -1, place = 0; place <= length; place += 1) {
        const on = place < length && differs(line, place);
        if (on && from < 0) from = place;
        if (!on && from >= 0) { draw(line, from, place); from = -1; }
      }
    }
  };
  sides(height, width, (y, x) => at(x, y) !== at(x, y - 1), (y, from, to) => { path.moveTo(from, y); path.lineTo(to, y); });
  sides(width, height, (x, y) => at(x, y) !== at(x - 1, y), (x, from, to) => { path.moveTo(x, from); path.lineTo(x, to); });
  return path;
}
