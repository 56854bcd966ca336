/** Images: drop, paste, choose or try a sample; all of this visit as a strip. */

import { address, blob, json } from '../http.js';
import { fill, h } from '../parts/dom.js';
import { problemBox } from '../parts/problem.js';

/** @typedef {import('../app.js').App} App */
/** @typedef {import('../images.js').Entry} Entry */

const SAMPLES = [
  { file: 'coffee.png', name: 'Espresso' },
  { file: 'chelsea.png', name: 'Cat' },
  { file: 'rocket.jpg', name: 'Rocket' },
  { file: 'ihc.png', name: 'Tissue' },
  { file: 'cell.png', name: 'Cell' },
  { file: 'retina.jpg', name: 'Retina' },
];

/** @type {import('./index.js').Panel} */
export const panel = { id: 'image', title: 'Images', place: 'left', mount };

/** @param {HTMLElement} root @param {App} app */
function mount(root, app) {
  const faults = h('div', { class: 'image-faults' });
  const sending = h('p', { class: 'small soft wrap sending', role: 'status' });
  const strip = h('ul', { class: 'strip', 'aria-label': 'Images of this visit' });
  const chooser = h('input', { type: 'file', multiple: true, class: 'hidden-file', id: 'choose', 'aria-label': 'Choose images', onchange: () => {
    if (chooser.files) void add(chooser.files);
    chooser.value = '';
  } });
  const add = (/** @type {Iterable<File>} */ files) => { fill(faults); return app.images.add([...files]); };
  fill(root,
    h('label', { class: 'drop', for: 'choose' }, h('strong', {}, 'Drop an image'), h('span', { class: 'soft small' }, 'or choose, or paste')), chooser,
    sending, h('h3', {}, 'Samples'), h('ul', { class: 'strip samples', 'aria-label': 'Samples' }, SAMPLES.map((each) => sample(each, add))),
    h('h3', {}, 'Your images'), strip, faults);
  app.images.addEventListener('change', () => fill(strip, app.images.list.map((entry) => item(entry, app))));
  app.images.addEventListener('sending', () => { sending.textContent = app.images.sending.length ? `Reading ${app.images.sending[0]} ...` : ''; });
  app.images.addEventListener('fault', (event) => {
    const { name, fault } = /** @type {CustomEvent} */ (event).detail;
    const box = h('div', { class: 'image-fault' }, h('p', { class: 'small wrap grow' }, name), h('button', { class: 'plain icon', 'aria-label': 'Close', onclick: () => box.remove() }, '✕'), problemBox(fault));
    faults.append(box);
  });
  hearFiles(add);
}

/** @param {{file: string, name: string}} one @param {(files: File[]) => Promise<void>} add */
function sample(one, add) {
  const path = `web/samples/${one.file}`;
  const use = async () => add([new File([await blob(path)], one.file)]);
  return h('li', {}, h('button', { class: 'thumb', onclick: () => void use() }, h('img', { src: address(path).href, alt: '', loading: 'lazy' }), h('span', { class: 'cut' }, one.name)));
}

/** @param {Entry} entry @param {App} app */
function item(entry, app) {
  const picture = h('img', { alt: '' });
  void thumbnail(entry).then((url) => { picture.src = url; }, () => {});
  const chosen = app.images.current?.id === entry.id;
  return h('li', {},
    h('button', { class: 'thumb', 'aria-pressed': String(chosen), title: entry.name, onclick: () => app.images.show(entry.id) }, picture, h('span', { class: 'cut' }, entry.name)),
    h('button', { class: 'plain icon remove', 'aria-label': `Remove ${entry.name}`, onclick: () => app.images.remove(entry.id) }, '✕'));
}

/** @type {Map<string, Promise<string>>} */
const thumbnails = new Map();

/** A small picture of an image, by the service: browsers know few formats. @param {Entry} entry */
function thumbnail({ id, width }) {
  const known = thumbnails.get(id) || firstPlane(id, width).then((picture) => URL.createObjectURL(picture));
  thumbnails.set(id, known);
  return known;
}

/** @param {string} id @param {number} width */
async function firstPlane(id, width) {
  const { selection, separate, channels } = await json(`images/${id}`);
  const one = separate && channels.length > 1 ? { channels: 0 } : {};
  return blob(`images/${id}/view`, { query: { page: selection.page, z: selection.z, t: selection.t, ...one, width: Math.min(width, 160), format: 'png' } });
}

/** Files that are dropped anywhere or pasted. @param {(files: Iterable<File>) => void} add */
function hearFiles(add) {
  const over = (/** @type {boolean} */ on) => document.body.classList.toggle('dropping', on);
  addEventListener('dragover', (event) => { event.preventDefault(); over(true); });
  addEventListener('dragleave', (event) => { if (!event.relatedTarget) over(false); });
  addEventListener('drop', (event) => {
    if (event.defaultPrevented) return;
    event.preventDefault();
    over(false);
    if (event.dataTransfer?.files.length) add(event.dataTransfer.files);
  });
  addEventListener('paste', (event) => {
    if (event.clipboardData?.files.length) add(event.clipboardData.files);
  });
}
