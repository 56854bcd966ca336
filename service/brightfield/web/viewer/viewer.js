/**
 * A canvas on which an image and what is known about it lie in layers, in the image's own pixels.
 * Drag, wheel, two fingers and keys move it; it knows nothing of what the layers mean.
 */

import { h } from '../parts/dom.js';

/** @typedef {{x: number, y: number}} Point in pixels of the image */
/** @typedef {{x: number, y: number, width: number, height: number}} Rect in pixels of the image */
/** @typedef {{scale: number, seen: Rect}} View screen pixels per image pixel, and what is in sight */
/** @typedef {{draw: (context: CanvasRenderingContext2D, view: View) => void, order: number}} Layer lower orders are drawn first */

const LARGEST = 64;

/** Fires `hover` (detail: Point or null), `pick` (detail: Point) and `move` when the view changed. */
export class Viewer extends EventTarget {
  /** @type {Map<string, Layer>} */
  #layers = new Map();
  #x = 0;
  #y = 0;
  #scale = 1;
  #fitted = true;
  #asked = 0;
  /** @type {((rect: Rect | null) => void) | null} */
  #rectangle = null;
  /** What the panel in front does with a click. @type {((at: Point) => void) | null} */
  onpick = null;
  /** What the panel in front does with the cursor's place. @type {((at: Point | null) => void) | null} */
  onhover = null;

  /** @param {HTMLElement} home */
  constructor(home) {
    super();
    this.home = home;
    this.width = 0;
    this.height = 0;
    this.canvas = h('canvas', { class: 'view', tabindex: '0', role: 'application', 'aria-label': 'Image. Arrow keys move it, plus and minus zoom, 0 fits it, 1 shows its own pixels.' });
    home.append(this.canvas);
    this.#hear();
    new ResizeObserver(() => this.#resized()).observe(home);
  }

  /** Show an image of this size from now on; layers go. @param {number} width @param {number} height */
  open(width, height) {
    this.#layers.clear();
    this.width = width;
    this.height = height;
    this.fit();
  }

  /** Put a layer in; null takes it away. @param {string} name @param {Layer | null} layer */
  layer(name, layer) {
    if (layer) this.#layers.set(name, layer);
    else this.#layers.delete(name);
    this.draw();
  }

  /** The whole image in the middle. */
  fit() {
    const { clientWidth, clientHeight } = this.home;
    if (!this.width || !clientWidth) return;
    const border = Math.min(24, clientWidth / 20);
    this.#scale = Math.min((clientWidth - 2 * border) / this.width, (clientHeight - 2 * border) / this.height, LARGEST);
    this.#x = (clientWidth - this.width * this.#scale) / 2;
    this.#y = (clientHeight - this.height * this.#scale) / 2;
    this.#fitted = true;
    this.draw();
  }

  /** Another scale, with a point of the screen in its place. @param {number} scale @param {Point} [at] from the canvas' corner */
  zoom(scale, at = { x: this.home.clientWidth / 2, y: this.home.clientHeight / 2 }) {
    const smallest = Math.min(1, 40 / Math.max(1, this.width, this.height));
    const next = Math.min(LARGEST, Math.max(smallest, scale));
    this.#x = at.x - ((at.x - this.#x) * next) / this.#scale;
    this.#y = at.y - ((at.y - this.#y) * next) / this.#scale;
    this.#scale = next;
    this.#moved();
  }

  /** @param {number} dx @param {number} dy screen pixels */
  pan(dx, dy) {
    this.#x += dx;
    this.#y += dy;
    this.#moved();
  }

  /** Bring a part of the image into sight. @param {Rect} part */
  show(part) {
    const { clientWidth, clientHeight } = this.home;
    this.#scale = Math.min(LARGEST, clientWidth / part.width, clientHeight / part.height);
    this.#x = clientWidth / 2 - (part.x + part.width / 2) * this.#scale;
    this.#y = clientHeight / 2 - (part.y + part.height / 2) * this.#scale;
    this.#moved();
  }

  /** @returns {View} */
  get view() {
    const { clientWidth, clientHeight } = this.home;
    const x = Math.max(0, -this.#x / this.#scale);
    const y = Math.max(0, -this.#y / this.#scale);
    const right = Math.min(this.width, (clientWidth - this.#x) / this.#scale);
    const bottom = Math.min(this.height, (clientHeight - this.#y) / this.#scale);
    return { scale: this.#scale, seen: { x, y, width: Math.max(0, right - x), height: Math.max(0, bottom - y) } };
  }

  /** Where a place of the screen lies in the image. @param {{clientX: number, clientY: number}} event @returns {Point} */
  place(event) {
    const box = this.canvas.getBoundingClientRect();
    return { x: (event.clientX - box.left - this.#x) / this.#scale, y: (event.clientY - box.top - this.#y) / this.#scale };
  }

  /** Where a point of the image lies on the screen, from the canvas' corner. @param {Point} point @returns {Point} */
  seat(point) {
    return { x: point.x * this.#scale + this.#x, y: point.y * this.#scale + this.#y };
  }

  /** Let a rectangle be drawn; null: it was given up. @returns {Promise<Rect | null>} */
  rectangle() {
    this.giveUp();
    this.canvas.classList.add('drawing');
    this.canvas.focus();
    return new Promise((resolve) => {
      this.#rectangle = (rect) => {
        this.#rectangle = null;
        this.canvas.classList.remove('drawing');
        this.layer('rectangle', null);
        resolve(rect);
      };
    });
  }

  /** Let no rectangle be drawn any more. */
  giveUp() {
    this.#rectangle?.(null);
  }

  /** Draw with the next picture of the screen. */
  draw() {
    this.#asked ||= requestAnimationFrame(() => { this.#asked = 0; this.#paint(); });
  }

  #paint() {
    const context = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext('2d'));
    const dense = devicePixelRatio;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    const { view } = this;
    for (const layer of [...this.#layers.values()].sort((a, b) => a.order - b.order)) {
      context.save();
      context.setTransform(dense * this.#scale, 0, 0, dense * this.#scale, dense * this.#x, dense * this.#y);
      context.imageSmoothingEnabled = this.#scale < 1;
      layer.draw(context, view);
      context.restore();
    }
  }

  #moved() {
    this.#fitted = false;
    this.draw();
    this.dispatchEvent(new Event('move'));
  }

  #resized() {
    this.canvas.width = Math.round(this.home.clientWidth * devicePixelRatio);
    this.canvas.height = Math.round(this.home.clientHeight * devicePixelRatio);
    if (this.#fitted) this.fit();
    this.draw();
    this.dispatchEvent(new Event('move'));
  }

  /** @param {string} name @param {unknown} detail */
  #tell(name, detail) {
    if (name === 'pick') this.onpick?.(/** @type {Point} */ (detail));
    if (name === 'hover') this.onhover?.(/** @type {Point | null} */ (detail));
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  #hear() {
    const { canvas } = this;
    canvas.addEventListener('wheel', (event) => {
      event.preventDefault();
      const box = canvas.getBoundingClientRect();
      this.zoom(this.#scale * Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0016)), { x: event.clientX - box.left, y: event.clientY - box.top });
    }, { passive: false });
    canvas.addEventListener('keydown', (event) => this.#key(event));
    canvas.addEventListener('pointerleave', () => this.#tell('hover', null));
    canvas.addEventListener('dblclick', () => this.fit());
    this.#pointers();
  }

  #pointers() {
    const { canvas } = this;
    /** @type {Map<number, PointerEvent>} */
    const down = new Map();
    let travel = 0;
    /** @type {Point | null} */
    let corner = null;
    canvas.addEventListener('pointerdown', (event) => {
      canvas.setPointerCapture(event.pointerId);
      down.set(event.pointerId, event);
      travel = 0;
      corner = this.#rectangle ? this.place(event) : null;
    });
    canvas.addEventListener('pointermove', (event) => {
      const before = down.get(event.pointerId);
      if (before) {
        travel += Math.abs(event.clientX - before.clientX) + Math.abs(event.clientY - before.clientY);
        if (corner) this.#stretch(between(corner, this.place(event), this));
        else this.#drag(before, event, [...down.values()].find((each) => each.pointerId !== event.pointerId));
        down.set(event.pointerId, event);
      }
      const at = this.place(event);
      this.#tell('hover', at.x >= 0 && at.y >= 0 && at.x < this.width && at.y < this.height ? at : null);
    });
    const up = (/** @type {PointerEvent} */ event) => {
      if (!down.delete(event.pointerId)) return;
      if (corner) this.#rectangle?.(travel > 4 ? between(corner, this.place(event), this) : null);
      else if (travel < 5 && event.type === 'pointerup') this.#tell('pick', this.place(event));
      corner = null;
    };
    canvas.addEventListener('pointerup', up);
    canvas.addEventListener('pointercancel', up);
  }

  /** One finger moves, two zoom. @param {PointerEvent} before @param {PointerEvent} after @param {PointerEvent} [other] */
  #drag(before, after, other) {
    this.pan((after.clientX - before.clientX) / (other ? 2 : 1), (after.clientY - before.clientY) / (other ? 2 : 1));
    if (!other) return;
    const box = this.canvas.getBoundingClientRect();
    const apart = (/** @type {PointerEvent} */ each) => Math.hypot(each.clientX - other.clientX, each.clientY - other.clientY) || 1;
    this.zoom((this.#scale * apart(after)) / apart(before), { x: (after.clientX + other.clientX) / 2 - box.left, y: (after.clientY + other.clientY) / 2 - box.top });
  }

  /** @param {Rect} rect */
  #stretch(rect) {
    this.layer('rectangle', { order: 90, draw: (context, { scale }) => {
      context.lineWidth = 2 / scale;
      context.strokeStyle = '#ffffff';
      context.strokeRect(rect.x, rect.y, rect.width, rect.height);
      context.lineWidth = 1 / scale;
      context.setLineDash([4 / scale, 3 / scale]);
      context.strokeStyle = '#000000';
      context.strokeRect(rect.x, rect.y, rect.width, rect.height);
    } });
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    /** @type {Record<string, () => void>} */
    const acts = {
      ArrowLeft: () => this.pan(40, 0), ArrowRight: () => this.pan(-40, 0), ArrowUp: () => this.pan(0, 40), ArrowDown: () => this.pan(0, -40),
      '+': () => this.zoom(this.#scale * 1.25), '=': () => this.zoom(this.#scale * 1.25), '-': () => this.zoom(this.#scale / 1.25),
      0: () => this.fit(), 1: () => this.zoom(1 / devicePixelRatio), Escape: () => this.giveUp(),
    };
    const act = event.ctrlKey || event.metaKey || event.altKey ? null : acts[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }
}

/** The rectangle of whole pixels between two points, within the image. @param {Point} a @param {Point} b @param {{width: number, height: number}} image @returns {Rect} */
function between(a, b, image) {
  const inside = (/** @type {number} */ value, /** @type {number} */ end) => Math.min(end, Math.max(0, value));
  const x = Math.min(image.width - 1, Math.floor(inside(Math.min(a.x, b.x), image.width)));
  const y = Math.min(image.height - 1, Math.floor(inside(Math.min(a.y, b.y), image.height)));
  const width = Math.max(1, Math.ceil(inside(Math.max(a.x, b.x), image.width)) - x);
  return { x, y, width, height: Math.max(1, Math.ceil(inside(Math.max(a.y, b.y), image.height)) - y) };
}
