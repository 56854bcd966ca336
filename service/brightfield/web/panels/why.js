/** Why: which parts of the image the answer rests on, by one method or by two beside each other. */

import { post } from '../http.js';
import { copyButton } from '../parts/copy.js';
import { fill, h, prose, refill } from '../parts/dom.js';
import { downloads } from '../parts/download.js';
import { legend } from '../parts/legend.js';
import { gaveUp, problemBox, warningNotes } from '../parts/problem.js';
import { progressLine } from '../parts/progress.js';
import { check, choice, slider } from '../parts/slider.js';
import { expected } from './why/duration.js';
import { Explanation } from './why/explanation.js';
import { named, short } from './why/grid.js';
import { METHODS, endpointOf, methodOf } from './why/methods.js';
import { targetOf } from './why/target.js';
import { verdict } from './why/verdict.js';

/** @typedef {import('../app.js').App} App */

/** @type {import('./index.js').Panel} */
export const panel = { id: 'why', title: 'Why', place: 'right', mount };

const ASKED_BY = ['image', 'page', 'z', 't', 'channels', 'level', 'intensity', 'task', 'model', 'method', 'beside', 'class', 'object', 'at', 'box'];

/** @param {HTMLElement} root @param {App} app @returns {import('./index.js').Mounted} */
function mount(root, app) {
  const why = new WhyPanel(root, app);
  app.images.addEventListener('change', () => void why.follow());
  app.models.addEventListener('change', () => void why.follow());
  app.state.on(ASKED_BY, () => void why.follow());
  return { shown: () => why.front(true), hidden: () => why.front(false) };
}

class WhyPanel {
  #asked = '';
  #front = false;
  #asking = new AbortController();
  /** @type {Explanation[]} */
  #found = [];
  #opacity = 0.65;
  /** null: as the maps suggest. @type {boolean | null} */
  #oneScale = null;
  #chosen = 0;
  /** How many maps were asked for. */
  #count = 1;

  /** @param {HTMLElement} root @param {App} app */
  constructor(root, app) {
    this.app = app;
    this.head = h('div', { class: 'stack' });
    this.hover = h('p', { class: 'hover-line number', role: 'status' }, ' ');
    this.work = h('div', { class: 'work' });
    this.body = h('div', { class: 'stack' });
    this.more = h('div', {});
    this.tried = h('div', { class: 'stage-note' });
    app.viewer.home.append(this.tried);
    this.notes = h('div', {});
    fill(root, this.head, this.hover, this.body, this.more, this.notes, this.work);
  }

  /** @param {boolean} on */
  front(on) {
    this.#front = on;
    if (on) { void this.follow(); this.#draw(); } else { this.app.viewer.giveUp(); this.#clear(); }
  }

  /** Explain what the address says, if it is looked at and isn't what is shown. */
  async follow() {
    const { app } = this;
    if (!this.#front) return;
    const model = app.models.chosen;
    if (!app.images.current || !model) return this.#nothing('Drop an image first.');
    if (app.models.task === 'superresolve') return this.#nothing('The pixels of an enlarged image have no score to explain. Choose another task.');
    const card = await app.models.card(model.id).catch(() => null);
    this.#choices(card?.methods || []);
    const target = targetOf(app);
    if (!target) return this.#nothing('Click an object in the image, or draw a rectangle: the map says why it is there.');
    const methods = [app.state.get('method', 'grad_cam'), app.state.get('beside')].filter(Boolean);
    const query = { ...app.images.query(), model: model.id, ...target.query };
    const asked = JSON.stringify([query, methods]);
    if (asked === this.#asked) return;
    this.#asked = asked;
    this.#chosen = 0;
    this.#oneScale = null;
    void this.#ask(methods, query, asked);
  }

  /** @param {string} text */
  #nothing(text) {
    this.#asking.abort();
    this.#asked = '';
    this.#found = [];
    this.#clear();
    if (!this.app.images.current) fill(this.head);
    fill(this.work, h('p', { class: 'empty' }, text));
    this.#empty();
    if (this.#front) this.#hear();
  }

  #empty() {
    for (const each of [this.body, this.more, this.notes]) fill(each);
  }

  /** @param {string[]} known the methods that fit the model */
  #choices(known) {
    const { state } = this.app;
    const drawn = JSON.stringify([known, state.get('method'), state.get('beside'), this.app.models.task]);
    if (this.head.dataset.drawn === drawn) return;
    this.head.dataset.drawn = drawn;
    const methods = METHODS.filter((each) => known.includes(each.name)).map(({ name, title }) => ({ value: name, text: title }));
    const rectangle = this.app.models.task !== 'classify';
    refill(this.head,
      h('div', { class: 'row even' }, choice('Method', methods, state.get('method', 'grad_cam'), (method) => state.set({ method }), 'method'),
        choice('Beside it', [{ value: '', text: 'nothing' }, ...methods], state.get('beside'), (beside) => state.set({ beside }), 'beside')),
      h('div', { class: 'row' }, h('button', { onclick: () => void this.#whatIf() }, 'Hide a rectangle'), rectangle ? h('button', { onclick: () => void this.#box() }, 'Explain a rectangle') : null));
  }

  /** @param {string[]} methods @param {Record<string, string>} query @param {string} asked */
  async #ask(methods, query, asked) {
    this.#asking.abort();
    this.#asking = new AbortController();
    const { signal } = this.#asking;
    const { state } = this.app;
    const again = () => { this.#asked = ''; void this.follow(); };
    this.#found = [];
    this.#count = methods.length;
    this.#clear();
    this.#hear();
    this.#empty();
    try {
      for (const method of methods) {
        const explanation = new Explanation(this.app, method, query);
        const line = progressLine(methodOf(method).title, () => { this.#asking.abort(); state.set({ job: null }); fill(this.work, h('p', { class: 'note' }, 'Cancelled. ', h('button', { onclick: again }, 'Explain again'))); }, expected(this.app, method, query));
        fill(this.work, line.element);
        const first = method === methods[0];
        const [running, of] = state.get('job').split('.');
        await explanation.run({ signal, onprogress: line.move, onjob: (id) => { if (first) state.set({ job: `${id}.${digest(asked)}` }); }, onpartial: () => this.#partial(explanation) }, first && of === digest(asked) ? running : '');
        if (asked !== this.#asked) return;
        this.#found.push(explanation);
        fill(this.work);
        this.#show();
      }
    } catch (fault) {
      if (gaveUp(fault) || asked !== this.#asked) return;
      state.set({ job: null });
      fill(this.work, problemBox(fault, again));
    }
  }

  /** Some windows have come. @param {Explanation} explanation */
  #partial(explanation) {
    if (!this.#front || !explanation.live) return;
    performance.mark('partial', { detail: explanation.live.share });
    this.app.viewer.layer('why', explanation.live.layer(this.#opacity));
    this.app.viewer.onhover = (at) => { this.hover.textContent = explanation.live?.words(at) || ' '; };
  }

  #show() {
    const first = this.#found[0];
    const { result } = first.envelope;
    const target = result.target || result.targets?.[0];
    const score = result.score ?? result.base?.[0];
    const seen = new Map(this.#found.flatMap((each) => each.envelope.warnings).map((/** @type {{code: string, detail: string}} */ each) => /** @type {const} */ ([each.code, each])));
    fill(this.body, h('p', { class: 'small' }, `For ${target?.label}: ${result.output || 'score'} ${short(score)}`),
      this.#maps(), slider('Opacity of the map', { min: 0, max: 1, step: 0.05, value: this.#opacity, shown: (value) => `${Math.round(100 * value)} %`, oninput: (value) => { this.#opacity = value; this.#draw(); } }));
    if (!this.more.childElementCount) fill(this.more, this.#tools(first));
    fill(this.notes, warningNotes([...seen.values()]), this.#found.map((each) => h('p', { class: 'note' }, h('strong', {}, `${methodOf(each.method).title} cannot say: `), prose(methodOf(each.method).cannot))));
    this.#draw();
  }

  /** The maps with their scale or scales; the one that is pressed lies on the image. */
  #maps() {
    const figures = h('div', { class: 'maps' });
    const draw = () => {
      fill(figures, this.#found.map((each, index) => {
        const scale = this.#scale(index);
        const picture = h('canvas', { width: 168, height: 126, 'aria-hidden': 'true' });
        const small = each.thumbnail(scale);
        if (small) contained(picture, small);
        return h('button', { class: 'figure', 'aria-pressed': String(index === this.#chosen), onclick: () => { this.#chosen = index; draw(); this.#draw(); } }, picture, h('span', {}, methodOf(each.method).title), legend(scale, unit(each)));
      }));
      if (this.#count > this.#found.length) figures.append(h('p', { class: 'figure soft small' }, 'The second map is on its way.'));
    };
    draw();
    figures.classList.toggle('two', this.#count > 1);
    const same = this.#count > 1 ? check('One scale for both', this.#shared, (on) => { this.#oneScale = on; draw(); this.#draw(); }) : null;
    return h('div', { class: 'stack' }, figures, same);
  }

  /** Whether both maps have one scale: by themselves, where neither would be pale on it. */
  get #shared() {
    const highs = this.#found.map((each) => each.scale.high);
    return this.#oneScale ?? Math.max(...highs) < 2 * Math.min(...highs);
  }

  /** @param {number} index */
  #scale(index) {
    const own = this.#found[index].scale;
    if (this.#found.length < 2 || !this.#shared) return own;
    const high = Math.max(...this.#found.map((each) => each.scale.high));
    const signed = this.#found.some((each) => each.scale.signed);
    return { low: signed ? -high : 0, high, signed };
  }

  /** @param {Explanation} first */
  #tools(first) {
    const request = first.request;
    const result = h('div', {});
    const cut = request.path === 'saliency' ? h('button', { onclick: () => void this.#more(first, { mask: 'grabcut' }, result, 'Cutting the object out') }, 'Outline by GrabCut') : null;
    const judge = h('button', { onclick: () => void this.#more(first, { checks: 'true' }, result, 'Checking the map') }, 'Check this map');
    const formats = first.method === 'occlusion' ? ['overlay', 'png', 'tiff', 'npy', 'csv'] : ['overlay', 'png', 'tiff', 'npy'];
    return h('div', { class: 'stack' }, h('div', { class: 'row' }, judge, cut), downloads(this.app, () => request, formats, () => request), result);
  }

  /** Ask the same once more, for something beside the map. @param {Explanation} first @param {Record<string, string>} extra @param {HTMLElement} home @param {string} label */
  async #more(first, extra, home, label) {
    const given = new AbortController();
    const line = progressLine(label, () => { given.abort(); fill(home); });
    fill(home, line.element);
    try {
      const other = await new Explanation(this.app, first.method, { ...first.request.query, ...extra }).run({ signal: given.signal, onprogress: line.move });
      const { result } = other.envelope;
      if (extra.checks) {
        fill(home, result.checks ? verdict(result.checks) : null);
        return home.scrollIntoView({ block: 'nearest' });
      }
      this.app.viewer.layer('cut', other.cutOut);
      fill(home, other.cutOut ? h('div', { class: 'row' }, h('p', { class: 'small grow' }, `The outline holds ${result.mask.area_px} pixels.`), h('button', { onclick: () => { this.app.viewer.layer('cut', null); fill(home); } }, 'Remove')) : warningNotes(other.envelope.warnings));
    } catch (fault) {
      if (!gaveUp(fault)) fill(home, problemBox(fault, () => void this.#more(first, extra, home, label)));
    }
  }

  /** Hide a rectangle that is drawn, and say what happens. */
  async #whatIf() {
    const rect = await this.#drawn();
    const target = targetOf(this.app);
    if (!rect || !target) return;
    const asked = this.#asked;
    fill(this.tried, progressLine('Hiding the rectangle').element);
    try {
      /** @type {Record<string, string>} */
      const output = this.app.models.task === 'classify' ? { output: 'probability' } : {};
      const hide = [rect.x, rect.y, rect.width, rect.height].join(',');
      const query = { ...this.app.images.query(), model: this.app.models.chosen?.id || '', ...target.query, ...output, hide };
      const { result } = await post('occlusion', query);
      if (asked === this.#asked && this.#front) this.#told(result, rect, query);
    } catch (fault) {
      fill(this.tried, problemBox(fault));
    }
  }

  /** @param {any} result @param {import('../viewer/viewer.js').Rect} rect @param {Record<string, string>} query */
  #told(result, rect, query) {
    const { before, after, targets } = result.what_if;
    const back = h('button', { onclick: () => { this.app.viewer.layer('hidden', null); fill(this.tried); } }, 'Show it again');
    fill(this.tried, h('p', { class: 'what-if number', role: 'status' }, `Hide this: ${named(result.output, targets[0].label)} ${short(before[0])} → ${short(after[0])}`), h('div', { class: 'row' }, back, copyButton(this.app, () => ({ path: 'occlusion', query }))));
    this.app.viewer.layer('hidden', hiddenLayer(rect));
  }

  /** A rectangle that is drawn in the image; null: it was given up. */
  async #drawn() {
    this.app.viewer.layer('hidden', null);
    fill(this.tried, h('p', { role: 'status' }, 'Draw a rectangle in the image. Escape gives up.'));
    const rect = await this.app.viewer.rectangle();
    fill(this.tried);
    return rect;
  }

  /** Explain what is in a rectangle that is drawn. */
  async #box() {
    const rect = await this.#drawn();
    if (rect) this.app.state.set({ box: [rect.x, rect.y, rect.width, rect.height].join(','), at: null, object: null });
  }

  #draw() {
    if (!this.#front) return;
    const shown = this.#found[Math.min(this.#chosen, this.#found.length - 1)];
    if (shown) this.app.viewer.layer('why', shown.layer(this.#scale(this.#found.indexOf(shown)), this.#opacity));
    this.#hear();
    if (shown?.live) this.app.viewer.onhover = (at) => { this.hover.textContent = shown.live?.words(at) || ' '; };
  }

  /** A click explains what is there. */
  #hear() {
    this.app.viewer.onpick = this.app.models.task === 'classify' ? null : (at) => this.app.state.set({ at: `${Math.floor(at.x) + 0.5},${Math.floor(at.y) + 0.5}`, object: null, box: null });
  }

  #clear() {
    for (const name of ['why', 'cut', 'hidden']) this.app.viewer.layer(name, null);
    fill(this.tried);
    Object.assign(this.app.viewer, { onpick: null, onhover: null });
    this.hover.textContent = ' ';
  }
}

/** A rectangle that is grey, as the model sees it. @param {import('../viewer/viewer.js').Rect} rect @returns {import('../viewer/viewer.js').Layer} */
function hiddenLayer({ x, y, width, height }) {
  return { order: 60, draw: (context, { scale }) => {
    context.fillStyle = '#808080';
    context.fillRect(x, y, width, height);
    context.lineWidth = 2 / scale;
    context.strokeStyle = '#ffffff';
    context.strokeRect(x, y, width, height);
  } };
}

/** A short word for a request, so a job of an earlier visit is followed for the same request alone. @param {string} text */
function digest(text) {
  let sum = 2166136261;
  for (const character of text) sum = Math.imul(sum ^ (character.codePointAt(0) || 0), 16777619);
  return (sum >>> 0).toString(36);
}

/** What a map's values are. @param {Explanation} each */
const unit = (each) => (each.live ? 'Drop of the score when hidden' : endpointOf(each.method) === 'occlusion' ? 'Share of the score' : 'Attribution');

/** @param {HTMLCanvasElement} canvas @param {OffscreenCanvas} picture */
function contained(canvas, picture) {
  const share = Math.min(canvas.width / picture.width, canvas.height / picture.height);
  const [width, height] = [picture.width * share, picture.height * share];
  canvas.getContext('2d')?.drawImage(picture, (canvas.width - width) / 2, (canvas.height - height) / 2, width, height);
}
