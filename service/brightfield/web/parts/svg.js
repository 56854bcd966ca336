/** Drawings made of SVG elements. */

const SPACE = 'http://www.w3.org/2000/svg';

/**
 * An SVG element with attributes, handlers (`onclick`) and children. Strings become text.
 * @template {keyof SVGElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, unknown>} [props]
 * @param {...(Node | string | null | (Node | null)[])} children
 * @returns {SVGElementTagNameMap[K]}
 */
export function s(tag, props = {}, ...children) {
  const made = document.createElementNS(SPACE, tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on') && typeof value === 'function') made.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
    else made.setAttribute(name, String(value));
  }
  made.append(...children.flat().filter((each) => each !== null));
  return made;
}

/** @typedef {{x: (value: number) => number, y: (value: number) => number, width: number, height: number, root: SVGSVGElement, plot: SVGGElement, value: (event: MouseEvent) => {x: number, y: number}}} Chart */

const EDGE = { left: 58, right: 12, top: 10, bottom: 36 };

/**
 * Axes with ticks and names; what is drawn goes into `plot`.
 * @param {{width: number, height: number, xs: [number, number], ys: [number, number], xname: string, yname: string, label: string, xticks?: number[], yticks?: number[]}} wanted
 * @returns {Chart}
 */
export function chart({ width, height, xs, ys, xname, yname, label, xticks = [xs[0], (xs[0] + xs[1]) / 2, xs[1]], yticks = [ys[0], (ys[0] + ys[1]) / 2, ys[1]] }) {
  const wide = width - EDGE.left - EDGE.right;
  const high = height - EDGE.top - EDGE.bottom;
  const x = (/** @type {number} */ value) => EDGE.left + (wide * (value - xs[0])) / (xs[1] - xs[0] || 1);
  const y = (/** @type {number} */ value) => EDGE.top + high - (high * (value - ys[0])) / (ys[1] - ys[0] || 1);
  const plot = s('g', {});
  const root = s('svg', { class: 'chart', viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': label },
    xticks.map((tick) => s('g', {}, s('line', { class: 'grid', x1: x(tick), x2: x(tick), y1: y(ys[0]), y2: y(ys[1]) }), s('text', { x: x(tick), y: height - 20, 'text-anchor': 'middle' }, short(tick)))),
    yticks.map((tick) => s('g', {}, s('line', { class: 'grid', x1: x(xs[0]), x2: x(xs[1]), y1: y(tick), y2: y(tick) }), s('text', { x: EDGE.left - 6, y: y(tick) + 4, 'text-anchor': 'end' }, short(tick)))),
    s('text', { class: 'axis', x: EDGE.left + wide / 2, y: height - 4, 'text-anchor': 'middle' }, xname),
    s('text', { class: 'axis', transform: `translate(11 ${EDGE.top + high / 2}) rotate(-90)`, 'text-anchor': 'middle' }, yname), plot);
  const value = (/** @type {MouseEvent} */ event) => {
    const box = root.getBoundingClientRect();
    const at = { x: ((event.clientX - box.left) * width) / box.width, y: ((event.clientY - box.top) * height) / box.height };
    return { x: xs[0] + ((at.x - EDGE.left) / wide) * (xs[1] - xs[0]), y: ys[0] + ((EDGE.top + high - at.y) / high) * (ys[1] - ys[0]) };
  };
  return { x, y, width, height, root, plot, value };
}

/** @param {number} tick */
const short = (tick) => String(Number(tick.toPrecision(2)));

/** The `d` of a line through points. @param {Chart} axes @param {number[]} xs @param {(number | null)[]} ys */
export function line(axes, xs, ys) {
  let text = '';
  let pen = 'M';
  xs.forEach((x, index) => {
    const y = ys[index];
    if (y === null || y === undefined) { pen = 'M'; return; }
    text += `${pen}${axes.x(x).toFixed(2)} ${axes.y(y).toFixed(2)}`;
    pen = 'L';
  });
  return text;
}

/** Follow the pointer on a chart while it is pressed. @param {Chart} axes @param {(value: {x: number, y: number}) => void} act */
export function dragged(axes, act) {
  axes.root.addEventListener('pointerdown', (event) => { axes.root.setPointerCapture(event.pointerId); act(axes.value(event)); });
  axes.root.addEventListener('pointermove', (event) => { if (event.buttons & 1) act(axes.value(event)); });
}
