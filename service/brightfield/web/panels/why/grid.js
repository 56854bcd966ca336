/** A map of occlusion while it is computed: the windows whose scores have come. */

import { scaleOf } from '../../parts/colormap.js';
import { figure } from '../../parts/text.js';
import { cellAt, gridLayer, painted } from '../../viewer/maps.js';

/** @typedef {{x: number[][], y: number[][], rows: number, cols: number}} Grid */

export class LiveGrid {
  /** @type {Grid | null} */
  grid = null;
  /** @type {Float64Array} */
  scores = new Float64Array();
  base = 0;
  label = '';
  shown = false;
  hovered = -1;

  /** @param {import('../../viewer/viewer.js').Viewer} viewer @param {string} output what a score is */
  constructor(viewer, output) {
    this.viewer = viewer;
    this.output = output;
  }

  /** Windows that have come; the first of them say where all are. @param {any} part */
  add(part) {
    if (part.grid) this.#begin(part);
    part.places?.forEach((/** @type {number} */ place, /** @type {number} */ index) => { this.scores[place] = part.scores[0][index] ?? NaN; });
  }

  /** The whole result. @param {any} result */
  finish(result) {
    this.#begin(result);
    this.scores.set(result.scores[0].flat().map((/** @type {number | null} */ each) => each ?? NaN));
    this.output = result.output;
  }

  /** How much of the map is known. */
  get share() {
    return this.scores.filter(Number.isFinite).length / this.scores.length;
  }

  /** The drops: positive where hiding lowers the score. */
  get drops() {
    return this.scores.map((each) => this.base - each);
  }

  /** @param {number} opacity @param {import('../../parts/colormap.js').Scale} [scale] */
  layer(opacity, scale = this.scale) {
    const { grid } = this;
    return grid && gridLayer(painted(this.drops, grid.cols, grid.rows, scale), grid.x, grid.y, opacity, () => this.hovered);
  }

  get scale() {
    return scaleOf(this.drops, true);
  }

  /** What hiding the window at a point does. @param {import('../../viewer/viewer.js').Point | null} at */
  words(at) {
    this.hovered = this.grid ? cellAt(at, this.grid.x, this.grid.y) : -1;
    this.viewer.draw();
    const score = this.scores[this.hovered];
    return this.hovered < 0 || !Number.isFinite(score) ? '' : `Hide this: ${named(this.output, this.label)} ${short(this.base)} → ${short(score)}`;
  }

  /** @param {any} facts */
  #begin({ grid, base, targets }) {
    if (this.grid) return;
    this.grid = grid;
    [this.base] = base;
    this.label = targets[0]?.label ?? '';
    this.scores = new Float64Array(grid.rows * grid.cols).fill(NaN);
  }
}

/** @param {string} output @param {string} label */
export const named = (output, label) => (output === 'probability' ? `P(${label})` : `${output} of ${label}`);

/** A score as briefly as it is useful: .39, 11.4. @param {number} value */
export const short = (value) => (Math.abs(value) < 1 ? value.toFixed(2).replace('0.', '.') : figure(value, 3));
