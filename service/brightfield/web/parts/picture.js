/** Pictures that the service makes, asked for as everything else is: with the key, and waited for. */

import { blob } from '../http.js';
import { h } from './dom.js';

/**
 * @param {string} path @param {import('../http.js').Query} [query]
 * @param {Record<string, unknown>} [props] of the element
 */
export function picture(path, query = {}, props = {}) {
  const made = h('img', { alt: '', ...props });
  blob(path, { query }).then((bytes) => show(made, bytes), () => made.classList.add('missing'));
  return made;
}

/** Show bytes in an image. @param {HTMLImageElement} made @param {Blob} bytes */
export function show(made, bytes) {
  const url = URL.createObjectURL(bytes);
  made.addEventListener('load', () => URL.revokeObjectURL(url), { once: true });
  made.src = url;
}

/** Base64 of a PNG, as replies have it, as an image. @param {string} data @param {Record<string, unknown>} [props] */
export const encoded = (data, props = {}) => h('img', { alt: '', src: `data:image/png;base64,${data}`, ...props });
