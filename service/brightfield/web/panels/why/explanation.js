/** One explanation: its request, its map on the viewer, its scale and its notes. */

import { Problem, follow, job } from '../../http.js';
import { maskOf, unpack } from '../../parts/arrays.js';
import { scaleOf } from '../../parts/colormap.js';
import { mapLayer, painted } from '../../viewer/maps.js';
import { outlineLayer } from '../../viewer/outline.js';
import { LiveGrid } from './grid.js';
import { endpointOf } from './methods.js';

/** @typedef {import('../../app.js').App} App */
/** @typedef {import('../../parts/colormap.js').Scale} Scale */

export class Explanation {
  /** @type {any} */
  envelope = null;
  /** @type {LiveGrid | null} */
  live = null;
  /** @type {Float32Array | ArrayLike<number>} */
  #values = [];

  /** @param {App} app @param {string} method @param {Record<string, string>} query */
  constructor(app, method, query) {
    this.app = app;
    this.method = method;
    /** @type {Record<string, string>} */
    const own = method === 'kernel_shap' ? { samples: '256' } : method === 'rise' ? { masks: '800' } : {};
    /** @type {Record<string, string>} */
    const output = endpointOf(method) === 'occlusion' && app.models.task === 'classify' ? { output: 'probability' } : {};
    this.request = { path: endpointOf(method), query: { ...query, method, ...own, ...output } };
    if (method === 'occlusion') this.live = new LiveGrid(app.viewer, output.output || 'score');
  }

  /** Ask for it, or follow a job that asks already. @param {import('../../http.js').Watch} watch @param {string} [running] */
  async run(watch, running = '') {
    const watching = { ...watch, onpartial: (/** @type {any} */ part) => { this.live?.add(part); watch.onpartial?.(part); } };
    this.envelope = await (running ? this.#again(running, watching) : job(this.request.path, this.request.query, watching));
    const { result } = this.envelope;
    this.live?.finish(result);
    if (result.map) this.#values = unpack(result.map);
    return this;
  }

  /** A job of an earlier visit; a new one if it is gone. @param {string} id @param {import('../../http.js').Watch} watch */
  async #again(id, watch) {
    try {
      return await follow(id, watch);
    } catch (fault) {
      if (!(fault instanceof Problem && ['unknown_job', 'job_cancelled'].includes(fault.code))) throw fault;
      return job(this.request.path, this.request.query, watch);
    }
  }

  /** @returns {Scale} */
  get scale() {
    if (this.live) return this.live.scale;
    return scaleOf(this.#values, !!this.envelope?.result.map?.signed);
  }

  /** The map on the viewer. @param {Scale} scale @param {number} opacity */
  layer(scale, opacity) {
    if (this.live) return this.live.layer(opacity, scale);
    const map = this.envelope?.result.map;
    if (!map) return null;
    const [x, y, width, height] = map.region;
    return mapLayer(painted(this.#values, map.shape.at(-1), map.shape.at(-2), scale), { x, y, width, height }, opacity);
  }

  /** A small picture of the map. @param {Scale} scale */
  thumbnail(scale) {
    const map = this.envelope?.result.map;
    return map ? painted(this.#values, map.shape.at(-1), map.shape.at(-2), scale) : null;
  }

  /** What GrabCut cut out, as a layer; null: nothing. */
  get cutOut() {
    const mask = this.envelope?.result.mask;
    if (!mask) return null;
    const [height, width] = mask.size;
    return outlineLayer(maskOf(mask), width, height);
  }
}
