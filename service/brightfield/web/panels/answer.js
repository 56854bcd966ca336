/** Answer: what the model says of the image. */

import { post } from '../http.js';
import { bars } from '../parts/bars.js';
import { fill, h } from '../parts/dom.js';
import { gaveUp, problemBox, warningNotes } from '../parts/problem.js';

/** @type {import('./index.js').Panel} */
export const panel = { id: 'answer', title: 'Answer', place: 'right', mount };

/** @param {HTMLElement} root @param {import('../app.js').App} app */
function mount(root, app) {
  let asking = new AbortController();
  const ask = async () => {
    asking.abort();
    if (!app.images.current) return void fill(root, h('p', { class: 'empty' }, 'Drop an image to see what a model says of it.'));
    asking = new AbortController();
    const request = { path: 'classify', query: app.images.query() };
    try {
      const answer = await post(request.path, request.query, asking.signal);
      app.last.request = request;
      const rows = answer.result.predictions.map((/** @type {{label: string, score: number, class_id: number}} */ each) => ({ label: each.label, score: each.score, id: String(each.class_id) }));
      fill(root, warningNotes(answer.warnings), bars(rows));
    } catch (fault) {
      if (!gaveUp(fault)) fill(root, problemBox(fault, ask));
    }
  };
  app.images.addEventListener('change', () => void ask());
  void ask();
}
