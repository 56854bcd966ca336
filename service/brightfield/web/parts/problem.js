/** An error in words, beside what caused it. */

import { Problem } from '../http.js';
import { h, prose } from './dom.js';

/**
 * A box with what went wrong and what to do; with `again` a button that tries it once more.
 * @param {unknown} fault
 * @param {(() => void) | null} [again]
 */
export function problemBox(fault, again = null) {
  const known = fault instanceof Problem;
  const title = known ? fault.title : 'This did not work';
  const detail = known ? fault.detail : fault instanceof Error ? fault.message : String(fault);
  const retry = again && (!known || fault.retryable) ? h('button', { onclick: again }, 'Try again') : null;
  const id = known && fault.code === 'internal_error' ? h('p', { class: 'small soft' }, `Request ${fault.requestId}`) : null;
  return h('div', { class: 'problem', role: 'alert' }, h('strong', {}, title), h('p', {}, prose(detail)), id, retry);
}

/** Whether a request was only given up. @param {unknown} fault */
export const gaveUp = (fault) => fault instanceof DOMException && fault.name === 'AbortError';

/** The warnings of a reply, as notes. @param {{code: string, detail: string}[] | undefined} warnings */
export function warningNotes(warnings) {
  return (warnings || []).map((each) => h('p', { class: 'note warn', 'data-code': each.code }, each.detail));
}
