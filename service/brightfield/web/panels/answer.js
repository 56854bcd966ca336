/** Answer: what the model says of the image, in the way of its task. */

import { job, post } from '../http.js';
import { TASK_NAMES } from '../models.js';
import { fill, h } from '../parts/dom.js';
import { gaveUp, problemBox, warningNotes } from '../parts/problem.js';
import { progressLine } from '../parts/progress.js';
import { classes } from './answers/classes.js';
import { detected, segmented } from './answers/objects.js';
import { enlarged } from './answers/enlarged.js';
import { volume } from './answers/volume.js';

/** @typedef {import('../app.js').App} App */
/**
 * What is asked for a task, and how its answer is shown.
 * @typedef {object} View
 * @property {(app: App) => Record<string, string>} query beside the image and the model
 * @property {boolean} lengthy asked as a job
 * @property {(envelope: any, app: App, again: () => void) => Shown} show
 */
/** @typedef {{element: HTMLElement, draw: () => void}} Shown `draw` puts its layers on the viewer */

/** @type {import('./index.js').Panel} */
export const panel = { id: 'answer', title: 'Answer', place: 'right', mount };

const ASKED_BY = ['image', 'page', 'z', 't', 'channels', 'level', 'intensity', 'task', 'model', 'window', 'volume', 'enlarge'];

/** @param {App} app @returns {View} */
function viewOf(app) {
  const { task } = app.models;
  if (task === 'segment') return app.state.get('volume') ? volume : segmented;
  return { classify: classes, detect: detected, superresolve: enlarged }[task] || classes;
}

/** @param {HTMLElement} root @param {App} app @returns {import('./index.js').Mounted} */
function mount(root, app) {
  const panelOf = new AnswerPanel(root, app);
  app.images.addEventListener('change', () => panelOf.follow());
  app.models.addEventListener('change', () => panelOf.follow());
  app.state.on(ASKED_BY, () => panelOf.follow());
  panelOf.follow();
  return { shown: () => panelOf.front(true), hidden: () => panelOf.front(false) };
}

class AnswerPanel {
  #asked = '';
  #asking = new AbortController();
  #front = false;
  /** @type {Shown | null} */
  #shown = null;

  /** @param {HTMLElement} root @param {App} app */
  constructor(root, app) {
    this.app = app;
    this.head = h('div', { class: 'answer-head' });
    this.body = h('div', { class: 'answer-body' });
    fill(root, this.head, this.body);
  }

  /** Ask, if what the address says isn't what was asked. */
  follow() {
    const { app } = this;
    const image = app.images.current;
    if (!image) return this.#nothing();
    const model = app.models.chosen;
    const view = viewOf(app);
    /** @type {Record<string, string>} */
    const part = model ? { model: model.id } : {};
    const request = { path: app.models.task, query: { ...askedPart(app, view), ...part, ...view.query(app) } };
    const asked = JSON.stringify(request);
    this.#heading(model?.id || '');
    if (!app.models.list.length || asked === this.#asked || (model && unplaced(image, app))) return;
    this.#asked = asked;
    void this.#ask(request, view, asked);
  }

  /** Whether the panel is seen: only then are its layers. @param {boolean} on */
  front(on) {
    this.#front = on;
    if (on) this.#shown?.draw();
    else this.#clear();
  }

  #nothing() {
    this.#asking.abort();
    this.#asked = '';
    this.#shown = null;
    fill(this.head);
    fill(this.body, h('p', { class: 'empty' }, 'Drop an image, or choose a sample, to see what a model says of it.'));
  }

  /** @param {string} model */
  #heading(model) {
    const { app } = this;
    const choose = h('button', { class: 'plain', onclick: () => app.open('model') }, model || 'choose a model');
    fill(this.head, h('div', { class: 'row' }, h('h2', { class: 'grow' }, TASK_NAMES[app.models.task]), choose));
  }

  /** @param {import('../app.js').Request} request @param {View} view @param {string} asked */
  async #ask(request, view, asked) {
    const { app } = this;
    this.#asking.abort();
    this.#asking = new AbortController();
    const { signal } = this.#asking;
    const again = () => { this.#asked = ''; this.follow(); };
    const line = progressLine('Asking the model', () => { this.#asking.abort(); fill(this.body, h('p', { class: 'note' }, 'Cancelled. ', h('button', { onclick: again }, 'Ask again'))); });
    const waiting = setTimeout(() => fill(this.body, line.element), 120);
    try {
      const answer = view.lengthy ? await job(request.path, request.query, { signal, onprogress: line.move }) : await post(request.path, request.query, signal);
      clearTimeout(waiting);
      if (asked !== this.#asked) return;
      app.last = { request, pass: passOf(answer) };
      this.#clear();
      this.#shown = view.show(answer, app, again);
      fill(this.body, warningNotes(answer.warnings), this.#shown.element);
      if (this.#front) this.#shown.draw();
    } catch (fault) {
      clearTimeout(waiting);
      if (gaveUp(fault) || asked !== this.#asked) return;
      this.#clear();
      this.#shown = null;
      fill(this.body, problemBox(fault, again), volumeOffer(app));
    }
  }

  #clear() {
    for (const name of ['answer', 'objects']) this.app.viewer.layer(name, null);
    Object.assign(this.app.viewer, { onpick: null, onhover: null });
  }
}

/** How long the model took, and for how many pixels. @param {any} answer */
function passOf({ timing_ms: timing, image }) {
  return timing?.forward && image ? { seconds: timing.forward / 1000, pixels: image.width * image.height } : null;
}

/** The image and its plane; a volume has all planes. @param {App} app @param {View} view @returns {Record<string, string>} */
function askedPart(app, view) {
  const { page, z, ...rest } = app.images.query();
  return view === volume ? rest : app.images.query();
}

/** Whether the planes of an image are still to be found. @param {import('../images.js').Entry} image @param {App} app */
function unplaced(image, app) {
  if (image.facts) return false;
  return !['png', 'jpeg', 'bmp', 'webp'].includes(image.format) && !app.state.get('page') && !app.state.get('z');
}

/** A stack can be segmented as a whole. @param {App} app */
function volumeOffer(app) {
  if (!app.state.get('volume')) return null;
  return h('button', { onclick: () => app.state.set({ volume: null }) }, 'Segment this plane alone');
}
