/**
 * A map of many points on a canvas: one typed array of places, one of colours, drawn into the pixels
 * of a picture, so that 100,000 of them follow the pointer. Thumbnails and the lasso lie above it.
 */

/** @typedef {{x: Float32Array, y: Float32Array, colors: Uint32Array}} Points colours as 0xAABBGGRR */
/** @typedef {{hovered: (index: number) => void, clicked: (index: number) => void, lassoed: (indices: number[]) => void, thumbnail: (index: number) => CanvasImageSource | null}} Hooks */

const REACH = 12;
const TILE = 46;
const FEW = 500;

export class Cloud {
  #scale = 1;
  #left = 0;
  #top = 0;
  /** @type {Points} */
  #points = { x: new Float32Array(), y: new Float32Array(), colors: new Uint32Array() };
  /** @type {Set<number>} */
  #chosen = new Set();
  /** @type {number[][]} the places of the lasso, in pixels of the screen */
  #lasso = [];
  /** @type {{x: number, y: number, left: number, top: number, lasso: boolean, moved: boolean} | null} */
  #grip = null;
  #hover = -1;
  #waiting = 0;
  /** Whether a drag chooses points, and does not move the map. */
  choosing = false;
  /** How long the last drawing took, in milliseconds. */
  took = 0;

  /** @param {HTMLCanvasElement} canvas @param {Hooks} hooks */
  constructor(canvas, hooks) {
    this.canvas = canvas;
    this.hooks = hooks;
    this.context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
    canvas.addEventListener('wheel', (event) => this.#wheel(event), { passive: false });
    canvas.addEventListener('pointerdown', (event) => this.#press(event));
    canvas.addEventListener('pointermove', (event) => this.#moved(event));
    canvas.addEventListener('pointerup', (event) => this.#released(event));
    canvas.addEventListener('pointerleave', () => this.#over(-1));
    canvas.addEventListener('keydown', (event) => this.#key(event));
    new ResizeObserver(() => this.draw()).observe(canvas);
  }

  /** Show these points, all of them. @param {Points} points */
  show(points) {
    this.#points = points;
    this.#chosen = new Set();
    this.#hover = -1;
    this.fit();
  }

  /** Draw the points in other colours. @param {Uint32Array} colors */
  paint(colors) {
    this.#points.colors = colors;
    this.draw();
  }

  /** Let these points stand out. @param {Iterable<number>} indices */
  choose(indices) {
    this.#chosen = new Set(indices);
    this.draw();
  }

  /** Show the whole map. */
  fit() {
    const [xs, ys] = [bounds(this.#points.x), bounds(this.#points.y)];
    const { width, height } = this.#size();
    this.#scale = Math.min((width - 60) / (xs[1] - xs[0] || 1), (height - 60) / (ys[1] - ys[0] || 1));
    this.#left = width / 2 - (this.#scale * (xs[0] + xs[1])) / 2;
    this.#top = height / 2 - (this.#scale * (ys[0] + ys[1])) / 2;
    this.draw();
  }

  /** Draw once before the next frame. */
  draw() {
    if (this.#waiting) return;
    this.#waiting = requestAnimationFrame(() => { this.#waiting = 0; this.#draw(); });
  }

  #size() {
    return { width: this.canvas.clientWidth, height: this.canvas.clientHeight };
  }

  #draw() {
    const begun = performance.now();
    const ratio = devicePixelRatio;
    const { width, height } = this.#size();
    const [across, down] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (!across || !down) return;
    if (this.canvas.width !== across || this.canvas.height !== down) Object.assign(this.canvas, { width: across, height: down });
    const picture = this.context.createImageData(across, down);
    this.#dots(new Uint32Array(picture.data.buffer), across, down, ratio);
    this.context.putImageData(picture, 0, 0);
    this.context.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.#thumbnails(width, height);
    this.#marks();
    this.took = performance.now() - begun;
  }

  /** @param {Uint32Array} pixels @param {number} across @param {number} down @param {number} ratio */
  #dots(pixels, across, down, ratio) {
    const { x, y, colors } = this.#points;
    const radius = (x.length > 20_000 ? 1.5 : x.length > 2_000 ? 2.5 : 4.5) * ratio;
    const offsets = disc(radius);
    const faint = this.#chosen.size > 0;
    const [scale, left, top] = [this.#scale * ratio, this.#left * ratio, this.#top * ratio];
    for (let pass = 0; pass < (faint ? 2 : 1); pass += 1) {
      for (let index = 0; index < x.length; index += 1) {
        if (faint && this.#chosen.has(index) !== (pass === 1)) continue;
        const color = faint && pass === 0 ? (colors[index] & 0x00ffffff) | 0x40000000 : colors[index];
        const [px, py] = [Math.round(x[index] * scale + left), Math.round(y[index] * scale + top)];
        if (px < radius || py < radius || px >= across - radius - 1 || py >= down - radius - 1) continue;
        const at = py * across + px;
        for (let each = 0; each < offsets.length; each += 2) pixels[at + offsets[each] * across + offsets[each + 1]] = color;
      }
    }
  }

  /** Pictures where there is room: one for each cell of the screen, once few points are in view. @param {number} width @param {number} height */
  #thumbnails(width, height) {
    const seen = this.#inView(width, height);
    if (!seen.length || seen.length > FEW) return;
    const faint = this.#chosen.size > 0;
    const first = seen.filter((index) => this.#chosen.has(index));
    /** @type {Map<string, number>} */
    const places = new Map();
    for (const index of [...first, ...seen]) {
      const [px, py] = this.#place(index);
      const cell = `${Math.floor(px / (TILE + 4))},${Math.floor(py / (TILE + 4))}`;
      if (!places.has(cell)) places.set(cell, index);
    }
    for (const index of [...places.values()].reverse()) {
      const picture = this.hooks.thumbnail(index);
      if (!picture) continue;
      const [px, py] = this.#place(index);
      this.context.globalAlpha = faint && !this.#chosen.has(index) ? 0.25 : 1;
      this.context.drawImage(picture, px - TILE / 2, py - TILE / 2, TILE, TILE);
      this.context.strokeStyle = css(this.#points.colors[index]);
      this.context.lineWidth = 3;
      this.context.strokeRect(px - TILE / 2, py - TILE / 2, TILE, TILE);
    }
    this.context.globalAlpha = 1;
  }

  #marks() {
    const context = this.context;
    context.strokeStyle = context.fillStyle = getComputedStyle(this.canvas).color;
    if (this.#hover >= 0) {
      const [px, py] = this.#place(this.#hover);
      context.lineWidth = 2;
      context.beginPath();
      context.arc(px, py, 8, 0, 2 * Math.PI);
      context.stroke();
    }
    if (this.#lasso.length < 2) return;
    context.lineWidth = 1.5;
    context.setLineDash([5, 4]);
    context.beginPath();
    this.#lasso.forEach(([px, py], at) => (at ? context.lineTo(px, py) : context.moveTo(px, py)));
    context.closePath();
    context.stroke();
    context.setLineDash([]);
  }

  /** @param {number} index */
  #place(index) {
    return [this.#points.x[index] * this.#scale + this.#left, this.#points.y[index] * this.#scale + this.#top];
  }

  /** @param {number} width @param {number} height */
  #inView(width, height) {
    const found = [];
    for (let index = 0; index < this.#points.x.length && found.length <= FEW; index += 1) {
      const [px, py] = this.#place(index);
      if (px >= 0 && py >= 0 && px <= width && py <= height) found.push(index);
    }
    return found;
  }

  /** The nearest point within reach; -1 for none. @param {number} px @param {number} py */
  #at(px, py) {
    let [best, far] = [-1, REACH ** 2];
    for (let index = 0; index < this.#points.x.length; index += 1) {
      const distance = (this.#points.x[index] * this.#scale + this.#left - px) ** 2 + (this.#points.y[index] * this.#scale + this.#top - py) ** 2;
      if (distance < far) [best, far] = [index, distance];
    }
    return best;
  }

  /** @param {number} index */
  #over(index) {
    if (index === this.#hover) return;
    this.#hover = index;
    this.hooks.hovered(index);
    this.draw();
  }

  /** @param {WheelEvent} event */
  #wheel(event) {
    event.preventDefault();
    this.#zoom(1.0015 ** -event.deltaY, event.offsetX, event.offsetY);
  }

  /** @param {number} factor @param {number} px @param {number} py */
  #zoom(factor, px, py) {
    this.#scale *= factor;
    this.#left = px - factor * (px - this.#left);
    this.#top = py - factor * (py - this.#top);
    this.draw();
  }

  /** @param {PointerEvent} event */
  #press(event) {
    this.canvas.setPointerCapture(event.pointerId);
    this.#grip = { x: event.offsetX, y: event.offsetY, left: this.#left, top: this.#top, lasso: this.choosing || event.shiftKey, moved: false };
    this.#lasso = [];
  }

  /** @param {PointerEvent} event */
  #moved(event) {
    const grip = this.#grip;
    if (!grip) return this.#over(this.#at(event.offsetX, event.offsetY));
    grip.moved ||= Math.hypot(event.offsetX - grip.x, event.offsetY - grip.y) > 3;
    if (grip.lasso) this.#lasso.push([event.offsetX, event.offsetY]);
    else [this.#left, this.#top] = [grip.left + event.offsetX - grip.x, grip.top + event.offsetY - grip.y];
    this.draw();
  }

  /** @param {PointerEvent} event */
  #released(event) {
    const grip = this.#grip;
    this.#grip = null;
    if (!grip) return;
    if (grip.lasso && this.#lasso.length > 2) this.hooks.lassoed(this.#within(this.#lasso));
    else if (!grip.moved) this.hooks.clicked(this.#at(event.offsetX, event.offsetY));
    this.#lasso = [];
    this.draw();
  }

  /** The points in a polygon, by the even-odd rule. @param {number[][]} edge */
  #within(edge) {
    const found = [];
    for (let index = 0; index < this.#points.x.length; index += 1) {
      const [px, py] = this.#place(index);
      let inside = false;
      for (let a = 0, b = edge.length - 1; a < edge.length; b = a, a += 1) {
        const [[ax, ay], [bx, by]] = [edge[a], edge[b]];
        if ((ay > py) !== (by > py) && px < ((bx - ax) * (py - ay)) / (by - ay) + ax) inside = !inside;
      }
      if (inside) found.push(index);
    }
    return found;
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const { width, height } = this.#size();
    const moves = /** @type {Record<string, number[]>} */ ({ ArrowLeft: [40, 0], ArrowRight: [-40, 0], ArrowUp: [0, 40], ArrowDown: [0, -40] });
    if (moves[event.key]) {
      this.#left += moves[event.key][0];
      this.#top += moves[event.key][1];
    } else if (event.key === '+' || event.key === '=') this.#zoom(1.25, width / 2, height / 2);
    else if (event.key === '-') this.#zoom(0.8, width / 2, height / 2);
    else if (event.key === '0') this.fit();
    else return;
    event.preventDefault();
    this.draw();
  }
}

/** @param {Float32Array} values @returns {[number, number]} */
function bounds(values) {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return low <= high ? [low, high] : [0, 1];
}

/** Rows and columns of a disc's pixels from its centre. @param {number} radius */
function disc(radius) {
  const found = [];
  const reach = Math.floor(radius);
  for (let row = -reach; row <= reach; row += 1) {
    for (let column = -reach; column <= reach; column += 1) if (Math.hypot(row, column) <= radius) found.push(row, column);
  }
  return found;
}

/** @param {number} color */
const css = (color) => `rgb(${color & 255} ${(color >> 8) & 255} ${(color >> 16) & 255})`;
