/** Items as pictures in lists: what the lasso took, neighbours, duplicates, suspected labels. */

import { json } from '../http.js';
import { fill, h } from '../parts/dom.js';
import { picture } from '../parts/picture.js';
import { problemBox, warningNotes } from '../parts/problem.js';
import { counted } from '../parts/text.js';

/** @typedef {{id: string, note?: string}} Item */

const SHOWN = 60;

/**
 * Items as a grid of pictures, the first ones.
 * @param {string} collection @param {Item[]} items @param {(id: string) => void} choose
 */
export function grid(collection, items, choose) {
  const cells = items.slice(0, SHOWN).map(({ id, note }) => h('li', {}, h('button', { class: 'thumb', title: id, onclick: () => choose(id) }, picture(`collections/${collection}/thumbnail`, { id }, { class: 'item' }), h('span', { class: 'cut' }, id), note ? h('span', { class: 'cut soft' }, note) : null)));
  const more = items.length > SHOWN ? h('p', { class: 'small soft' }, `and ${items.length - SHOWN} more`) : null;
  return h('div', {}, h('ul', { class: 'strip items' }, cells), more);
}

/** Ask about the neighbours of an item, or of an image. @param {string} collection @param {{id?: string, image?: string}} what */
export async function neighbours(collection, what) {
  const body = JSON.stringify(what.id === undefined ? { image: { id: what.image } } : { id: what.id });
  const found = await json(`collections/${collection}/neighbors`, { method: 'POST', query: { k: 12 }, body, headers: { 'Content-Type': 'application/json' } });
  return { items: found.neighbors.map((/** @type {any} */ each) => ({ id: each.id, note: each.distance.toFixed(4) })), warnings: found.warnings };
}

/** Groups of items that are nearly the same. @param {string} collection @param {HTMLElement} root @param {(ids: string[]) => void} mark @param {(id: string) => void} choose */
export async function duplicates(collection, root, mark, choose) {
  await asked(root, async () => {
    const found = await json(`collections/${collection}/duplicates`, { method: 'POST' });
    mark(found.groups.flat().map((/** @type {any} */ each) => each.id));
    const groups = found.groups.slice(0, 20).map((/** @type {any[]} */ group) => h('div', { class: 'group' }, grid(collection, group.map((each) => ({ id: each.id, note: each.distance.toFixed(4) })), choose)));
    return [h('p', { class: 'small' }, found.groups.length ? `${counted(found.groups.length, 'group')} closer than ${found.threshold}` : `No two items are closer than ${found.threshold}.`), warningNotes(found.warnings), groups];
  });
}

/** Items whose label is not that of their neighbours. @param {string} collection @param {string} by @param {HTMLElement} root @param {(ids: string[]) => void} mark @param {(id: string) => void} choose */
export async function disputed(collection, by, root, mark, choose) {
  await asked(root, async () => {
    const found = await json(`collections/${collection}/disagreements`, { method: 'POST', query: { by } });
    const others = found.disagreements.filter((/** @type {any} */ each) => each.label !== each.suggested);
    mark(others.map((/** @type {any} */ each) => each.id));
    const items = others.map((/** @type {any} */ each) => ({ id: each.id, note: `${each.label} → ${each.suggested}?` }));
    return [h('p', { class: 'small' }, items.length ? `${counted(items.length, 'label')} that the neighbours do not share` : 'Every label is that of the neighbours.'), warningNotes(found.warnings), grid(collection, items, choose)];
  });
}

/** What was asked, or what is wrong, in the root. @param {HTMLElement} root @param {() => Promise<(Node | Node[])[]>} ask */
export async function asked(root, ask) {
  root.setAttribute('aria-busy', 'true');
  try {
    fill(root, (await ask()).flat());
  } catch (fault) {
    fill(root, problemBox(fault, () => void asked(root, ask)));
  } finally {
    root.removeAttribute('aria-busy');
  }
}

/** Save the items as CSV with their metadata. @param {string} collection @param {{id: string, metadata: Record<string, unknown>}[]} items */
export function download(collection, items) {
  const fields = [...new Set(items.flatMap((each) => Object.keys(each.metadata)))];
  const cell = (/** @type {unknown} */ value) => { const text = String(value ?? ''); return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text; };
  const rows = [['id', ...fields], ...items.map((each) => [each.id, ...fields.map((name) => each.metadata[name])])];
  const url = URL.createObjectURL(new Blob([rows.map((row) => row.map(cell).join(',')).join('\r\n')], { type: 'text/csv' }));
  h('a', { href: url, download: `${collection}.csv` }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
