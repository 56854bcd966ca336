/** Model: which one answers, and what its card says. */

import { fill, h } from '../parts/dom.js';

/** @type {import('./index.js').Panel} */
export const panel = { id: 'model', title: 'Model', place: 'right', mount };

/** @param {HTMLElement} root @param {import('../app.js').App} app */
function mount(root, app) {
  const show = () => fill(root, h('ul', {}, app.models.fitting(app.models.task).map((each) => h('li', {}, each.id))));
  app.models.addEventListener('change', show);
  show();
}
