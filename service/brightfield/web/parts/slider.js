/** A slider with its value in words. */

import { fresh, h } from './dom.js';

/**
 * @param {string} label
 * @param {{min: number, max: number, step: number, value: number, shown?: (value: number) => string, oninput: (value: number) => void, id?: string}} options
 */
export function slider(label, options) {
  const shown = options.shown || String;
  const id = options.id || fresh('slider');
  const output = h('output', { for: id }, shown(options.value));
  const input = h('input', { type: 'range', id, min: options.min, max: options.max, step: options.step, oninput: () => {
    output.textContent = shown(Number(input.value));
    options.oninput(Number(input.value));
  } });
  input.value = String(options.value);
  return h('div', { class: 'slider' }, h('label', { class: 'label', for: id }, label), output, input);
}

/** A box to tick. @param {string} label @param {boolean} checked @param {(on: boolean) => void} onchange @param {HTMLElement | null} [mark] */
export function check(label, checked, onchange, mark = null) {
  const input = h('input', { type: 'checkbox', checked, onchange: () => onchange(input.checked) });
  return h('label', { class: 'check' }, input, mark, h('span', { class: 'wrap' }, label));
}

/** A list to choose from. @param {string} label @param {{value: string, text: string}[]} choices @param {string} value @param {(value: string) => void} onchange @param {string} [id] */
export function choice(label, choices, value, onchange, id = fresh('choice')) {
  const select = h('select', { id, onchange: () => onchange(select.value) }, choices.map((each) => h('option', { value: each.value }, each.text)));
  select.value = value;
  return h('div', { class: 'field' }, h('label', { class: 'label', for: id }, label), select);
}
