/** The page: its state, its images and models, its viewer, and a frame with the panels. */

import { Frame } from './frame.js';
import { Images } from './images.js';
import { Models } from './models.js';
import { State } from './state.js';
import { Stage } from './viewer/stage.js';
import { Viewer } from './viewer/viewer.js';

/**
 * What every panel is given.
 * @typedef {object} App
 * @property {State} state the address: what is shown, as words
 * @property {Images} images
 * @property {Models} models
 * @property {Viewer} viewer
 * @property {{request: Request | null, pass: {seconds: number, pixels: number} | null}} last the request whose answer is shown, and how long the model took for so many pixels
 * @property {(id: string) => void} open bring a panel to the front
 */
/** @typedef {{path: string, query: Record<string, string>}} Request as it can be copied */

const state = new State();
const viewer = new Viewer(/** @type {HTMLElement} */ (document.getElementById('stage')));
/** @type {App} */
const app = { state, viewer, images: new Images(state), models: new Models(state), last: { request: null, pass: null }, open: (id) => frame.open(id) };
const frame = new Frame(app);
new Stage(app);
frame.start();
