/** Make a collection of dropped files, with progress. */

import { follow, job, json } from '../http.js';
import { fill, h } from '../parts/dom.js';
import { gaveUp, problemBox } from '../parts/problem.js';
import { counted } from '../parts/text.js';

/** @typedef {import('../app.js').App} App */

/** @param {App} app @param {(name: string) => Promise<void>} made called with the name of a collection that was filled */
export function maker(app, made) {
  const name = h('input', { type: 'text', id: 'collection-name', value: 'my-images', pattern: '[A-Za-z0-9][A-Za-z0-9._\\-]*', maxlength: 128 });
  const model = h('select', { id: 'collection-model' });
  const outcome = h('div', { class: 'outcome', 'aria-live': 'polite' });
  const files = h('input', { type: 'file', id: 'collection-files', multiple: true, class: 'hidden-file', 'aria-label': 'Choose images', onchange: () => void add([...(files.files || [])]) });
  const add = (/** @type {File[]} */ chosen) => filled(name.value, model.value, chosen, outcome, made);
  const models = () => fill(model, h('option', { value: '' }, 'The default model'), app.models.list.filter((each) => each.task === 'classify' || each.task === 'embed').map((each) => h('option', { value: each.id }, each.id)));
  app.models.addEventListener('change', models);
  models();
  return h('details', { id: 'make' }, h('summary', {}, 'Make or extend a collection'), h('div', { class: 'stack' },
    h('label', { class: 'field' }, h('span', { class: 'label' }, 'Name'), name), h('label', { class: 'field' }, h('span', { class: 'label' }, 'Vectors by'), model),
    h('div', { ondragover: (/** @type {Event} */ event) => event.preventDefault(), ondrop: (/** @type {DragEvent} */ event) => {
      event.preventDefault();
      event.stopPropagation();
      void add([...(event.dataTransfer?.files || [])]);
    } }, h('label', { class: 'drop', for: 'collection-files' }, h('strong', {}, 'Drop images'), h('span', { class: 'soft small' }, 'or choose')), files), outcome));
}

/** @param {string} name @param {string} model @param {File[]} files @param {HTMLElement} outcome @param {(name: string) => Promise<void>} made */
async function filled(name, model, files, outcome, made) {
  if (!files.length) return;
  const stop = new AbortController();
  const bar = h('progress', { max: files.length, value: 0 });
  const words = h('span', { class: 'label' }, `0 of ${counted(files.length, 'image')}`);
  const faults = h('ul', { class: 'faults' });
  fill(outcome, h('div', { class: 'progress' }, words, bar, h('button', { onclick: () => stop.abort() }, 'Stop')), faults);
  try {
    await json(`collections/${name}`, { method: 'PUT', query: { model, keep_images: true } });
    for (const [at, file] of files.entries()) {
      await one(name, file, stop.signal, faults);
      bar.value = at + 1;
      fill(words, `${at + 1} of ${counted(files.length, 'image')}`);
    }
    await made(name);
  } catch (fault) {
    if (!gaveUp(fault)) return void fill(outcome, problemBox(fault));
    await made(name);
  }
  fill(outcome, h('p', { class: 'note' }, `${counted(bar.value - faults.children.length, 'image')} added to ${name}.`), faults);
}

/** A file that can't be read leaves the others be. @param {string} name @param {File} file @param {AbortSignal} signal @param {HTMLElement} faults */
async function one(name, file, signal, faults) {
  const folder = (file.webkitRelativePath || '').split('/').at(-2);
  const query = { ids: JSON.stringify([file.name]), metadata: JSON.stringify({ file: file.name, ...(folder ? { folder } : {}) }), replace: true };
  const refused = (/** @type {string} */ why) => faults.append(h('li', { class: 'small wrap' }, `${file.name}: ${why}`));
  try {
    const { items } = await json(`collections/${name}/items`, { method: 'POST', query, body: file, headers: { 'Content-Type': 'application/octet-stream' }, signal });
    for (const item of items) if (item.error) refused(item.error.detail);
  } catch (fault) {
    if (gaveUp(fault) || !(fault instanceof Error)) throw fault;
    refused(fault.message);
  }
}

/**
 * A new map of a collection, as a job with progress; or the one that runs already, after a reload.
 * @param {{name: string, method: string, running: string}} wanted
 * @param {HTMLElement} outcome @param {(id: string | null) => void} told called with the job's id, and with null at its end
 */
export async function mapped({ name, method, running }, outcome, told) {
  const stop = new AbortController();
  const bar = h('progress', {});
  fill(outcome, h('div', { class: 'progress' }, h('span', { class: 'label' }, `A map of ${name}`), bar, h('button', { onclick: () => stop.abort() }, 'Cancel')));
  const watch = { signal: stop.signal, onjob: told, onprogress: (/** @type {number} */ done, /** @type {number} */ total) => Object.assign(bar, { max: total, value: done }) };
  try {
    const found = await (running ? follow(running, watch) : job(`collections/${name}/projection`, { method }, watch));
    fill(outcome);
    return found;
  } catch (fault) {
    fill(outcome, gaveUp(fault) ? h('p', { class: 'note' }, 'The map was cancelled.') : problemBox(fault));
    return null;
  } finally {
    told(null);
  }
}
