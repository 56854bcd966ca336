/** What the checks of a map say, in words. */

import { h } from '../../parts/dom.js';
import { facts } from '../../parts/table.js';
import { figure } from '../../parts/text.js';

/** @typedef {{steps: number, deletion: {area: number | null, scores: (number | null)[]}, insertion: {area: number | null, scores: (number | null)[]}, sanity: {rank_correlation: number | null, randomised: string} | null, completeness_gap?: number, seconds: number}} Checks */

const SIMILAR = 0.7;

/** @param {Checks} checks */
export function verdict(checks) {
  const { deletion, insertion, sanity } = checks;
  const kept = insertion.area !== null && deletion.area !== null && insertion.area > deletion.area;
  const same = sanity && sanity.rank_correlation !== null && Math.abs(sanity.rank_correlation) > SIMILAR;
  const lines = [
    kept ? 'The pixels that the map calls important matter to the model: without them the score falls sooner than it rises with them alone.'
      : 'The pixels that the map calls important do not matter more than others: don’t rest a conclusion on this map.',
    !sanity || sanity.rank_correlation === null ? 'Whether the map depends on what the model has learned could not be measured.'
      : same ? `The map hardly changes when the weights of ${sanity.randomised} are random, so it shows the image more than what the model has learned.`
        : `The map changes when the weights of ${sanity.randomised} are random, so it depends on what the model has learned.`,
  ];
  const good = kept && !same;
  return h('div', { class: 'verdict' }, h('p', { class: good ? 'good' : 'doubt' }, good ? 'The map passes both checks.' : 'Read this map with care.'), lines.map((each) => h('p', { class: 'small' }, each)),
    facts([['Deletion', figure(deletion.area, 4)], ['Insertion', figure(insertion.area, 4)], ['Rank correlation', sanity ? figure(sanity.rank_correlation, 3) : null], ['Completeness gap', checks.completeness_gap === undefined ? null : figure(checks.completeness_gap, 3)]]));
}
