/** Elements made of text and other elements; nothing here ever reads markup. */

/** @typedef {Node | string | number | null | undefined | false} Child */

/**
 * An element with attributes, handlers (`onclick`) and children. Strings become text.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, unknown>} [props] `class`, `onclick`, `value`, `aria-...`; null and false leave one out
 * @param {...(Child | Child[])} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function h(tag, props = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on') && typeof value === 'function') made.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
    else if (name === 'value' || name === 'checked' || name === 'disabled' || name === 'hidden') Reflect.set(made, name, value);
    else made.setAttribute(name, value === true ? '' : String(value));
  }
  made.append(...kept(children.flat()));
  return made;
}

/**
 * Put these children into the element in the place of what it holds.
 * @template {Element} E
 * @param {E} element
 * @param {...(Child | Child[])} children
 * @returns {E}
 */
export function fill(element, ...children) {
  element.replaceChildren(...kept(children.flat()));
  return element;
}

/**
 * As `fill`, with the focus on the child that has the id of the one that had it.
 * @param {Element} element @param {...(Child | Child[])} children
 */
export function refill(element, ...children) {
  const focused = element.contains(document.activeElement) ? document.activeElement?.id : '';
  fill(element, ...children);
  if (focused) document.getElementById(focused)?.focus();
}

/** @param {Child[]} children @returns {(Node | string)[]} */
function kept(children) {
  return children.flatMap((each) => (each === null || each === undefined || each === false ? [] : [each instanceof Node ? each : String(each)]));
}

/** A text whose parts between backticks are code. @param {string} text */
export const prose = (text) => text.split('`').map((part, index) => (index % 2 ? h('code', {}, part) : part));

let count = 0;

/** A name for an element that no other one has. @param {string} stem */
export function fresh(stem) {
  count += 1;
  return `${stem}-${count}`;
}
