/** The frame: places in the bar, tabs of panels, light and dark, the key, and whether the service is there. */

import { hasKey, service, useKey } from './http.js';
import { PANELS } from './panels/index.js';
import { ask } from './parts/dialog.js';
import { fill, h, refill } from './parts/dom.js';
import { problemBox } from './parts/problem.js';

/** @typedef {import('./app.js').App} App */
/** @typedef {import('./panels/index.js').Panel} Panel */
/** @typedef {import('./panels/index.js').Mounted} Mounted */

const BENCH = 'bench';
const THEME = 'brightfield-theme';

export class Frame {
  /** @type {Map<string, {root: HTMLElement, mounted: Mounted}>} */
  #mounted = new Map();
  /** @type {Set<string>} */
  #front = new Set();
  /** Why the models could not be read, below the panels. */
  #fault = h('div', { class: 'models-fault' });

  /** @param {App} app */
  constructor(app) {
    this.app = app;
  }

  /** Draw everything, and follow the address. */
  start() {
    theme(localStorage.getItem(THEME) || (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light'));
    this.#tools();
    this.#follow();
    part('panels').append(this.#fault);
    this.app.state.on(['place', 'panel'], () => this.#follow());
    service.addEventListener('away', () => outage('The service does not answer. The page goes on as soon as it is back.'));
    service.addEventListener('back', () => { outage(''); void this.#models(); });
    service.addEventListener('key', () => void this.#askKey());
    void this.#models();
  }

  /** Bring a panel to the front. @param {string} id */
  open(id) {
    const panel = PANELS.find((each) => each.id === id);
    if (!panel) return;
    this.app.state.set(panel.place === 'wide' ? { place: id } : { place: null, panel: id });
  }

  async #models() {
    try {
      await this.app.models.refresh();
      fill(this.#fault);
    } catch (fault) {
      fill(this.#fault, problemBox(fault, () => void this.#models()));
    }
  }

  #follow() {
    const wide = PANELS.find((each) => each.place === 'wide' && each.id === this.app.state.get('place'));
    part('bench').hidden = !!wide;
    part('wide').hidden = !wide;
    this.#places(wide ? wide.id : BENCH);
    const right = PANELS.filter((each) => each.place === 'right');
    const chosen = right.find((each) => each.id === this.app.state.get('panel', 'answer')) || right[0];
    const shown = wide ? [wide] : [...PANELS.filter((each) => each.place === 'left'), chosen];
    if (!wide) this.#tabs(right, chosen);
    for (const id of this.#front) if (!shown.some((each) => each.id === id)) this.#leave(id);
    for (const panel of shown) this.#show(panel);
  }

  /** @param {Panel} panel */
  #show(panel) {
    const known = this.#mounted.get(panel.id) || this.#mount(panel);
    known.root.hidden = false;
    if (!this.#front.has(panel.id)) known.mounted.shown?.();
    this.#front.add(panel.id);
  }

  /** @param {string} id */
  #leave(id) {
    const known = this.#mounted.get(id);
    this.#front.delete(id);
    if (!known) return;
    known.root.hidden = true;
    known.mounted.hidden?.();
  }

  /** @param {Panel} panel */
  #mount(panel) {
    const homes = { left: 'images', right: 'panels', wide: 'wide' };
    const named = panel.place === 'right' ? { role: 'tabpanel', 'aria-labelledby': `tab-${panel.id}` } : { role: 'region', 'aria-label': panel.title };
    const root = h('div', { class: 'panel-body', id: `panel-${panel.id}`, tabindex: panel.place === 'right' ? '0' : null, ...named });
    part(homes[panel.place]).append(root);
    const known = { root, mounted: /** @type {Mounted} */ ({}) };
    this.#mounted.set(panel.id, known);
    known.mounted = panel.mount(root, this.app) || {};
    return known;
  }

  /** @param {string} current */
  #places(current) {
    const places = [{ id: BENCH, title: 'Bench' }, ...PANELS.filter((each) => each.place === 'wide')];
    const go = (/** @type {string} */ id) => () => this.app.state.set({ place: id === BENCH ? null : id });
    refill(part('places'), places.length < 2 ? [] : places.map(({ id, title }) => h('button', { id: `place-${id}`, 'aria-current': current === id ? 'page' : null, onclick: go(id) }, title)));
  }

  /** @param {Panel[]} panels @param {Panel} chosen */
  #tabs(panels, chosen) {
    const home = part('panels');
    const list = home.querySelector('.tabs') || home.appendChild(h('div', { class: 'tabs', role: 'tablist', 'aria-label': 'Panels', onkeydown: alongTabs }));
    refill(list, panels.map(({ id, title }) => h('button', {
      id: `tab-${id}`, role: 'tab', 'aria-selected': String(id === chosen.id), tabindex: id === chosen.id ? '0' : '-1',
      'aria-controls': id === chosen.id ? `panel-${id}` : null, onclick: () => this.open(id),
    }, title)));
  }

  #tools() {
    const dark = () => document.documentElement.dataset.theme === 'dark';
    const button = h('button', { class: 'plain', id: 'theme', 'aria-label': 'Light or dark', title: 'Light or dark', onclick: () => {
      theme(dark() ? 'light' : 'dark');
      localStorage.setItem(THEME, dark() ? 'dark' : 'light');
    } }, '◐');
    fill(part('tools'), button, h('a', { class: 'button', href: 'docs' }, 'API'));
  }

  async #askKey() {
    const title = hasKey() ? 'The service does not know this key' : 'The service wants a key';
    const key = await ask(title, 'API key', { type: 'password', hint: 'It is kept until this tab is closed.' });
    if (key === null) return;
    useKey(key);
    location.reload();
  }
}

/** @param {string} id */
const part = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** Arrow keys go along the tabs. @param {KeyboardEvent} event */
function alongTabs(event) {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  const tabs = [.../** @type {Element} */ (event.currentTarget).querySelectorAll('button')];
  const next = tabs[(tabs.findIndex((each) => each === document.activeElement) + step + tabs.length) % tabs.length];
  next.focus();
  next.click();
}

/** @param {string} name */
function theme(name) {
  document.documentElement.dataset.theme = name;
}

/** @param {string} text */
function outage(text) {
  const line = part('outage');
  line.textContent = text;
  line.hidden = !text;
}
