/** What the page itself reads of CSV: which classes there are, so it can ask which one is positive. */

/** The values of the column `truth`, each once, at most twenty; none without such a column. @param {string} text */
export function classesOf(text) {
  const rows = records(text);
  const column = rows.next().value?.findIndex((/** @type {string} */ name) => name.trim() === 'truth') ?? -1;
  /** @type {Set<string>} */
  const found = new Set();
  if (column < 0) return [];
  for (const row of rows) {
    if (row[column]?.trim()) found.add(row[column].trim());
    if (found.size > 20) break;
  }
  return [...found].sort();
}

/** Rows of fields, as RFC 4180 has them. @param {string} text @returns {Generator<string[], void>} */
function* records(text) {
  let row = [];
  for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^,\r\n]*))(,|\r?\n|$)/g)) {
    row.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
    if (end === ',') continue;
    if (row.length > 1 || row[0]) yield row;
    row = [];
  }
}
