/** What the viewer shows of the chosen image: the picture itself, and the line below it. */

import { h } from '../parts/dom.js';

/** @typedef {import('../app.js').App} App */
/** @typedef {import('../images.js').Entry} Entry */

export class Stage {
  #shown = '';

  /** @param {App} app */
  constructor(app) {
    this.app = app;
    this.line = h('div', { class: 'reading', 'aria-hidden': 'true' });
    app.viewer.home.append(this.line);
    app.images.addEventListener('change', () => void this.#open());
    app.viewer.addEventListener('hover', (event) => this.#read(/** @type {CustomEvent} */ (event).detail));
    void this.#open();
  }

  async #open() {
    const entry = this.app.images.current;
    if ((entry?.id || '') === this.#shown) return;
    this.#shown = entry?.id || '';
    this.app.viewer.open(entry?.width || 0, entry?.height || 0);
    const picture = entry?.file ? await createImageBitmap(entry.file).catch(() => null) : null;
    if (!entry || entry.id !== this.#shown || !picture) return;
    this.app.viewer.layer('picture', { order: 0, draw: (context) => context.drawImage(picture, 0, 0, entry.width, entry.height) });
  }

  /** @param {import('./viewer.js').Point | null} at */
  #read(at) {
    this.line.textContent = at ? `x ${Math.floor(at.x)}  y ${Math.floor(at.y)}` : '';
  }
}
