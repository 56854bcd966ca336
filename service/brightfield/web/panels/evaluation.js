/** Evaluation: how good predictions are. Paste or drop CSV, or open a run; drag the threshold. */

import { classesOf } from '../evaluation/csv.js';
import { live, slides } from '../evaluation/live.js';
import { plain } from '../evaluation/plain.js';
import { differencesTable, worstTable } from '../evaluation/tables.js';
import { json } from '../http.js';
import { fill, h } from '../parts/dom.js';
import { picture } from '../parts/picture.js';
import { problemBox, warningNotes } from '../parts/problem.js';
import { counted } from '../parts/text.js';

/** @typedef {import('../app.js').App} App */

const EXAMPLE = 'truth,score,id\nhealthy,0.08,smear-01\nhealthy,0.31,smear-02\ninfected,0.42,smear-03\nhealthy,0.55,smear-04\ninfected,0.91,smear-05\ninfected,0.77,smear-06\n';
const POINTS = 100_000;

/** @type {import('./index.js').Panel} */
export const panel = { id: 'evaluation', title: 'Evaluation', place: 'wide', mount };

/** @param {HTMLElement} root @param {App} app */
function mount(root, app) {
  const sheet = new Evaluation(app);
  fill(root, sheet.root);
  return { shown: () => void sheet.refresh() };
}

class Evaluation {
  /** @param {App} app */
  constructor(app) {
    this.app = app;
    this.asked = 0;
    this.csv = '';
    this.positive = '';
    this.text = h('textarea', { rows: 5, id: 'csv', spellcheck: 'false', placeholder: 'truth,score,id\nhealthy,0.08,smear-01\ninfected,0.91,smear-02', 'aria-label': 'Predictions as CSV' });
    this.file = h('input', { type: 'file', id: 'csv-file', accept: '.csv,text/csv', class: 'hidden-file', 'aria-label': 'Choose a CSV file', onchange: () => void this.#opened(this.file.files?.[0]) });
    this.runs = h('select', { id: 'run', onchange: () => this.#choose({ run: this.runs.value, threshold: null }) });
    this.others = h('select', { id: 'compare', onchange: () => this.#choose({ compare: this.others.value }) });
    this.answer = h('div', { id: 'report' });
    this.root = h('div', { class: 'evaluation' }, this.#source(), this.answer);
    app.state.on(['run', 'compare'], () => void this.#run());
  }

  /** Read the list of runs anew, and show the run of the address. */
  async refresh() {
    try {
      const { runs } = await json('metrics/runs', { query: { limit: 200 } });
      const listed = (/** @type {string} */ first) => [h('option', { value: '' }, first), ...runs.map((/** @type {any} */ each) => h('option', { value: each.id }, `${each.name || each.id} (${counted(each.rows, 'row')})`))];
      fill(this.runs, listed(runs.length ? 'Choose a run' : 'No runs yet'));
      fill(this.others, listed('None'));
    } catch (fault) {
      fill(this.answer, problemBox(fault, () => void this.refresh()));
    }
    if (this.app.state.get('run') && !this.asked) await this.#run();
    this.#named();
  }

  #source() {
    const paste = h('div', { class: 'field' }, this.text, h('div', { class: 'row' },
      h('button', { class: 'main', id: 'evaluate', onclick: () => void this.#pasted(this.text.value) }, 'Evaluate'),
      h('label', { class: 'button', for: 'csv-file' }, 'Open a file'), this.file,
      h('button', { class: 'plain', onclick: () => { this.text.value = EXAMPLE; this.#example(); } }, 'Show an example')));
    const runs = h('div', { class: 'stack' }, h('label', { class: 'field' }, h('span', { class: 'label' }, 'Or open a run'), this.runs), h('label', { class: 'field' }, h('span', { class: 'label' }, 'Compared with'), this.others));
    const box = h('section', { class: 'card source', ondragover: (/** @type {Event} */ event) => event.preventDefault(), ondrop: (/** @type {DragEvent} */ event) => {
      event.preventDefault();
      event.stopPropagation();
      void this.#opened(event.dataTransfer?.files[0]);
    } }, h('div', { class: 'grow' }, h('h2', {}, 'Predictions'), h('p', { class: 'soft small' }, 'Paste or drop CSV with the columns truth and score; id and group if there are any.'), paste), runs);
    return box;
  }

  /** @param {Record<string, string | null>} changes */
  #choose(changes) {
    this.csv = '';
    this.app.state.set(changes);
  }

  #named() {
    this.runs.value = this.app.state.get('run');
    this.others.value = this.app.state.get('compare');
  }

  /** @param {File | undefined} file */
  async #opened(file) {
    if (!file) return;
    this.text.value = await file.text();
    await this.#pasted(this.text.value);
  }

  #example() {
    void this.#pasted(EXAMPLE, 'infected');
  }

  /** @param {string} csv @param {string} [positive] */
  async #pasted(csv, positive = '') {
    this.csv = csv.trim();
    this.positive = positive;
    if (!this.csv) return this.text.focus();
    this.app.state.set({ run: null, compare: null, threshold: null });
    this.#named();
    await this.#evaluate();
  }

  /** @param {Record<string, string | number>} [more] */
  #ask(more = {}) {
    const query = { curve_points: POINTS, positive: this.positive, ...more };
    return json('metrics', { method: 'POST', query, body: this.csv, headers: { 'Content-Type': 'text/csv' } });
  }

  /** Which of two classes is positive is for the person to say, unless they are 0 and 1. */
  #question() {
    const classes = classesOf(this.csv);
    if (this.positive || classes.length !== 2 || classes.join() === '0,1') return null;
    return h('section', { class: 'card' }, h('h2', {}, 'Which class is the positive one?'), h('p', { class: 'soft' }, 'A high score speaks for it.'),
      h('div', { class: 'row' }, classes.map((each) => h('button', { 'data-positive': each, onclick: () => { this.positive = each; void this.#evaluate(); } }, each))));
  }

  async #evaluate() {
    const question = this.#question();
    if (question) {
      fill(this.answer, question);
      return;
    }
    await this.#shown(async () => ({ report: { ...await this.#ask(), curve_points: POINTS }, other: null, difference: null }));
  }

  async #run() {
    const [run, other] = [this.app.state.get('run'), this.app.state.get('compare')];
    this.#named();
    if (!run) {
      if (!this.csv) fill(this.answer);
      return;
    }
    await this.#shown(async () => {
      const [report, second, difference] = await Promise.all([run, other].map((id) => (id ? json(`metrics/runs/${id}`) : null)).concat(
        other && other !== run ? [json('metrics/compare', { query: { a: run, b: other } })] : []));
      return { report, other: second, difference: difference || null };
    });
  }

  /** @param {() => Promise<{report: any, other: any, difference: any}>} ask */
  async #shown(ask) {
    this.asked += 1;
    const mine = this.asked;
    this.answer.setAttribute('aria-busy', 'true');
    try {
      const found = await ask();
      if (mine === this.asked) fill(this.answer, this.#report(found));
    } catch (fault) {
      if (mine === this.asked) fill(this.answer, problemBox(fault));
    } finally {
      this.answer.removeAttribute('aria-busy');
    }
  }

  /** @param {{report: any, other: any, difference: any}} found */
  #report({ report, other, difference }) {
    const groups = report.groups === null || report.groups === undefined ? '' : ` in ${counted(report.groups, 'group')}`;
    const head = h('div', { class: 'row heading' }, h('h2', {}, `${counted(report.n, 'row')}${groups}`), this.#positives(report));
    const start = this.app.state.get('threshold') ? Number(this.app.state.get('threshold')) : null;
    const exact = this.csv ? (/** @type {number} */ threshold) => this.#ask({ threshold }) : null;
    const body = slides(report) ? live(report, { start, other: other && slides(other) ? other : null, exact, moved: (threshold) => this.app.state.set({ threshold }) }) : plain(report);
    const both = difference ? h('section', { class: 'card' }, h('h2', {}, 'Two runs'), h('p', { class: 'small soft' }, 'The second run is dashed in the curves.'), h('div', { class: 'scrolls', tabindex: '0', role: 'region', 'aria-label': 'Differences' }, differencesTable(difference))) : null;
    const worst = h('section', { class: 'card' }, h('h2', {}, 'Worst cases'), h('div', { class: 'scrolls', tabindex: '0', role: 'region', 'aria-label': 'Worst cases' }, worstTable(report, (id) => this.#picture(id))));
    return h('div', {}, head, warningNotes(report.warnings), body, both, worst);
  }

  /** @param {any} report */
  #positives(report) {
    if (!this.csv || report.labels?.length !== 2 || !report.operating_point) return null;
    const choice = h('select', { id: 'positive', onchange: () => { this.positive = choice.value; this.app.state.set({ threshold: null }); void this.#evaluate(); } }, report.labels.map((/** @type {string} */ each) => h('option', { value: each }, each)));
    choice.value = report.operating_point.positive;
    return h('label', { class: 'row small soft' }, 'Positive', choice);
  }

  /** The picture of a case: an image of this visit by its name or id. @param {string} id */
  #picture(id) {
    const entry = this.app.images.list.find((each) => each.id === id || each.name === id || each.name.replace(/\.\w+$/, '') === id);
    const image = entry?.id || (/^sha256:[0-9a-f]{64}$/.test(id) ? id : null);
    if (!image) return null;
    return picture(`images/${image}/view`, { width: 96, format: 'webp' }, { class: 'tiny' });
  }
}
