/** Objects over the image: boxes, or outlines filled with their class' colour. */

/** @typedef {{id: number, label: string, class_id: number, score: number, box: {xmin: number, ymin: number, xmax: number, ymax: number}, outline?: number[][][][], path?: Path2D}} Found */
/** @typedef {{opacity: number, colors: Map<number, number[]>, chosen: number | null}} Look */

/** @param {Found[]} objects @param {Look} look @returns {import('./viewer.js').Layer} */
export function objectsLayer(objects, look) {
  return { order: 40, draw: (context, { scale, seen }) => {
    for (const each of objects) if (inSight(each.box, seen)) one(context, each, look, scale);
  } };
}

/** The object at a point, the smallest of several. @param {Found[]} objects @param {{x: number, y: number}} at @returns {Found | null} */
export function objectAt(objects, at) {
  const under = objects.filter((each) => within(each.box, at) && (!each.outline || hit(each, at)));
  const area = (/** @type {Found} */ { box }) => (box.xmax - box.xmin) * (box.ymax - box.ymin);
  return under.sort((a, b) => area(a) - area(b))[0] || null;
}

/** @param {CanvasRenderingContext2D} context @param {Found} object @param {Look} look @param {number} scale */
function one(context, object, look, scale) {
  const [red, green, blue] = look.colors.get(object.class_id) || [86, 180, 233];
  const chosen = object.id === look.chosen;
  const path = pathOf(object);
  context.fillStyle = `rgb(${red} ${green} ${blue} / ${object.outline ? look.opacity : 0})`;
  if (object.outline) context.fill(path, 'evenodd');
  context.lineWidth = (chosen ? 4 : 3) / scale;
  context.strokeStyle = chosen ? '#000000' : 'rgb(0 0 0 / 45%)';
  context.stroke(path);
  context.lineWidth = (chosen ? 2.4 : 1.5) / scale;
  context.strokeStyle = chosen ? '#ffffff' : `rgb(${red} ${green} ${blue})`;
  context.stroke(path);
}

/** @param {Found} object */
function pathOf(object) {
  if (object.path) return object.path;
  const path = new Path2D();
  const { box, outline } = object;
  if (!outline) path.rect(box.xmin, box.ymin, box.xmax - box.xmin, box.ymax - box.ymin);
  for (const ring of (outline || []).flat()) {
    ring.forEach(([x, y], index) => (index ? path.lineTo(x, y) : path.moveTo(x, y)));
    path.closePath();
  }
  object.path = path;
  return path;
}

const measure = new OffscreenCanvas(1, 1).getContext('2d');

/** @param {Found} object @param {{x: number, y: number}} at */
const hit = (object, at) => !!measure?.isPointInPath(pathOf(object), at.x, at.y, 'evenodd');

/** @param {Found['box']} box @param {import('./viewer.js').Rect} seen */
const inSight = (box, seen) => box.xmin < seen.x + seen.width && box.xmax > seen.x && box.ymin < seen.y + seen.height && box.ymax > seen.y;

/** @param {Found['box']} box @param {{x: number, y: number}} at */
const within = (box, at) => at.x >= box.xmin && at.x < box.xmax && at.y >= box.ymin && at.y < box.ymax;
