/**
 * Every panel, in the order of the page.
 *
 * A panel is a file with `export const panel`. `mount` fills its root, once, when it is first shown.
 * It keeps what can be chosen in `app.state` and follows that by `app.state.on`, draws on
 * `app.viewer`, and asks by `http.js`. It may return `{shown, hidden}`, which are called whenever it
 * comes to the front or leaves it.
 */

import { panel as answer } from './answer.js';
import { panel as evaluation } from './evaluation.js';
import { panel as image } from './image.js';
import { panel as inside } from './inside.js';
import { panel as load } from './load.js';
import { panel as model } from './model.js';
import { panel as space } from './space.js';
import { panel as why } from './why.js';

/**
 * @typedef {object} Panel
 * @property {string} id a word of the address
 * @property {string} title
 * @property {'left' | 'right' | 'wide'} place beside the viewer, or a place of its own
 * @property {(root: HTMLElement, app: import('../app.js').App) => Mounted | void} mount
 */
/** @typedef {{shown?: () => void, hidden?: () => void}} Mounted */

/** @type {readonly Panel[]} */
export const PANELS = [image, model, answer, why, inside, evaluation, space, load];
