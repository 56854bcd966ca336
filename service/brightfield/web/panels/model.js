/** Model: which one answers, what its card says, and what it needs to be used. */

import { Problem, post } from '../http.js';
import { TASKS, TASK_NAMES } from '../models.js';
import { fill, h, refill } from '../parts/dom.js';
import { problemBox, warningNotes } from '../parts/problem.js';
import { progressLine } from '../parts/progress.js';
import { choice } from '../parts/slider.js';
import { facts, table } from '../parts/table.js';
import { counted, figure, size } from '../parts/text.js';

/** @typedef {import('../app.js').App} App */
/** @typedef {import('../models.js').Card} Card */
/** @typedef {import('../models.js').Model} Model */

/** @type {import('./index.js').Panel} */
export const panel = { id: 'model', title: 'Model', place: 'right', mount };

/** @type {Record<string, string>} */
const STATES = { resident: 'in memory', loading: 'loading', available: 'not in memory', not_fetched: 'weights not here', failed: 'cannot be loaded', quarantined: 'stopped' };

/** @param {HTMLElement} root @param {App} app */
function mount(root, app) {
  const chooser = h('div', { class: 'stack' });
  const card = h('div', { class: 'model-card' });
  fill(root, chooser, card);
  let drawn = '';
  const show = () => {
    const { chosen, task } = app.models;
    const tasks = TASKS.map((each) => ({ value: each, text: TASK_NAMES[each] }));
    const models = app.models.fitting(task).map((each) => ({ value: each.id, text: `${each.id} (${STATES[each.state] || each.state})` }));
    refill(chooser, choice('Task', tasks, task, (value) => app.state.set({ task: value, model: null, ...NOTHING_CHOSEN }), 'task'),
      chosen ? choice('Model', models, chosen.id, (model) => app.state.set({ model, ...NOTHING_CHOSEN }), 'model') : h('p', { class: 'note' }, 'No model of the service does this. Add a card to its models folder.'));
    if (!chosen) return void fill(card, unusable(app.models.faults));
    if (drawn !== chosen.id) fill(card);
    drawn = chosen.id;
    app.models.card(chosen.id).then((found) => { if (drawn === found.id) fill(card, ...describe(found, app), unusable(app.models.faults)); }).catch((fault) => fill(card, problemBox(fault, show)));
  };
  app.models.addEventListener('change', show);
  app.state.on(['task', 'model'], show);
  show();
  return { shown: () => void app.models.refresh().catch((fault) => fill(card, problemBox(fault, show))) };
}

const NOTHING_CHOSEN = { class: null, object: null, at: null, box: null };

/** @param {Card} card @param {App} app */
function describe(card, app) {
  return [
    h('p', { class: 'description wrap' }, card.description),
    loading(card, app),
    ...warningNotes(card.examination?.warnings),
    facts([
      ['State', `${STATES[card.state] || card.state}${card.device ? ` on ${card.device}` : ''}${card.memory_bytes ? `, ${size(card.memory_bytes)}` : ''}`],
      ['Licence', card.licence], ['Input', input(card)], ['Objects', objects(card)], ['Version', card.version], ['Source', card.citation],
    ]),
    card.quality.length ? h('details', { open: true }, h('summary', {}, 'Measured quality'), quality(card)) : h('p', { class: 'soft small' }, 'Its card states no measured quality.'),
    h('details', {}, h('summary', {}, counted(card.labels.length, 'label')), labels(card)),
  ];
}

/** Cards that can't be used, and why. @param {Record<string, string>} faults */
function unusable(faults) {
  const folders = Object.keys(faults);
  if (!folders.length) return null;
  return h('details', {}, h('summary', {}, `${counted(folders.length, 'card')} cannot be used`), folders.map((each) => h('p', { class: 'note warn wrap' }, h('strong', {}, each), ` ${faults[each]}`)));
}

/** A button that loads the model, how far it is, and why it failed. @param {Card} card @param {App} app */
function loading(card, app) {
  const home = h('div', { class: 'loading' });
  const why = card.quarantine ? h('p', { class: 'note warn' }, typeof card.quarantine === 'string' ? card.quarantine : card.quarantine.reason || 'It stopped the service twice.') : null;
  const load = async () => {
    fill(home, progressLine(`Loading ${card.id}`).element);
    try {
      await post(`models/${encodeURIComponent(card.id)}/load`, card.quarantine ? { anew: true } : {});
      await app.models.refresh();
    } catch (fault) {
      fill(home, problemBox(fault instanceof Problem ? fault : new Error(String(fault)), load));
    }
  };
  const note = h('span', { class: 'soft small' }, 'It is loaded with the first question, too.');
  if (card.state === 'not_fetched') return fill(home, why, absent(card));
  return fill(home, why, card.state === 'resident' ? null : h('div', { class: 'row' }, h('button', { onclick: load }, 'Load now'), note));
}

/** Weights that are to be fetched first, and how. @param {Card} card */
function absent(card) {
  return h('div', { class: 'note warn' }, h('p', {}, 'Its weights are not on the machine of the service, so it cannot answer yet. Fetch them there once, with'), h('pre', { tabindex: '0' }, `brightfield models pull ${card.id}`));
}

/** @param {Card} card */
function input({ input: asked }) {
  const channels = asked.channels === 1 ? 'grey' : asked.channels === 3 ? 'colour' : counted(asked.channels, 'channel');
  const part = asked.crop ? `, the middle ${asked.crop} x ${asked.crop} of a resized image` : Array.isArray(asked.size) ? `, resized to ${asked.size.join(' x ')}` : ', any size';
  return `${channels}${part}${asked.pixel_size ? `, trained at ${figure(asked.pixel_size)} µm per pixel` : ''}`;
}

/** @param {Card} card */
const objects = (card) => card.input.objects && `${figure(card.input.objects.smallest)} to ${figure(card.input.objects.largest)} pixels across`;

/** @param {Card} card */
const quality = (card) => table(['Data', 'Metric', 'Value', 'n'], card.quality.map((each) => [`${each.data} ${each.split || ''}`, each.metric, figure(each.value, 4), each.n ?? '']));

/** @param {Card} card */
function labels(card) {
  const list = h('ul', { class: 'labels' });
  const search = h('input', { type: 'search', placeholder: 'Find a label', 'aria-label': 'Find a label', oninput: () => draw() });
  const draw = () => {
    const found = card.labels.filter((each) => each.name.toLowerCase().includes(search.value.toLowerCase()));
    fill(list, found.slice(0, 60).map((each) => h('li', {}, swatch(each.color), each.name)), found.length > 60 ? h('li', { class: 'soft' }, `and ${found.length - 60} more`) : null);
  };
  draw();
  return h('div', {}, card.labels.length > 12 ? search : null, list);
}

/** A patch of a class' colour. @param {number[]} color */
export function swatch(color) {
  const patch = h('span', { class: 'swatch', 'aria-hidden': 'true' });
  patch.style.backgroundColor = `rgb(${color.join(' ')})`;
  return patch;
}
