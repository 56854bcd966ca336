/** Marks of the viewer itself: the grid of pixels, and how long a length is. */

/** @type {import('./viewer.js').Layer} Lines between pixels, once these are large enough to be told apart. */
export const pixelGrid = { order: 10, draw: (context, { scale, seen }) => {
  if (scale < 14) return;
  context.lineWidth = 1 / scale;
  context.strokeStyle = 'rgb(128 128 128 / 45%)';
  context.beginPath();
  for (let x = Math.ceil(seen.x); x <= seen.x + seen.width; x += 1) { context.moveTo(x, seen.y); context.lineTo(x, seen.y + seen.height); }
  for (let y = Math.ceil(seen.y); y <= seen.y + seen.height; y += 1) { context.moveTo(seen.x, y); context.lineTo(seen.x + seen.width, y); }
  context.stroke();
} };

/**
 * A round length of 60 to 150 pixels of the screen.
 * @param {number} scale screen pixels per image pixel @param {number} pixelSize micrometres per image pixel
 */
export function scaleBar(scale, pixelSize) {
  const most = (150 / scale) * pixelSize;
  const power = 10 ** Math.floor(Math.log10(most));
  const length = [5, 2, 1].map((each) => each * power).find((each) => each <= most) || power;
  const text = length >= 1000 ? `${length / 1000} mm` : length >= 1 ? `${length} µm` : `${Math.round(length * 1000)} nm`;
  return { width: (length / pixelSize) * scale, text };
}
