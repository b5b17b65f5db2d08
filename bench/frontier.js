/**
 * Whether znip is ahead of every peer at any setting: for each point of a peer, the setting of znip that packs both
 * faster and smaller; where there is none, by how much it is missed.
 */
import { archiveBytes, ratioOf, turnsOf, wallSeconds } from './statistics.js';

/**
 * @typedef {import('./statistics.js').Run} Run
 *
 * @typedef {object} Comparison
 * @property {string} setting of znip
 * @property {number} time its time to pack over the peer's, the median of the ratios of each round
 * @property {number} size of its archive over the peer's
 *
 * @typedef {object} Verdict
 * @property {string} peer
 * @property {Comparison | undefined} ahead the setting that is faster and smaller by most in both; undefined: none
 * @property {Comparison | undefined} smaller where none is ahead: the fastest of those that are at most as large
 * @property {Comparison | undefined} faster where none is ahead: the smallest of those that are at most as slow
 */

/**
 * @param {readonly Run[]} runs
 * @param {readonly string[]} settings names of znip's contenders
 * @param {readonly string[]} peers names of the others
 * @returns {Verdict[]} one for each peer that was packed with
 */
export function frontier(runs, settings, peers) {
  return peers.flatMap((peer) => {
    const packs = turnsOf(runs, 'pack', peer);
    if (packs.length === 0) return [];
    const comparisons = settings.flatMap((setting) => {
      const own = turnsOf(runs, 'pack', setting);
      const time = ratioOf(own, packs, wallSeconds)?.median;
      const size = ratioOf(own, packs, archiveBytes)?.median;
      return time === undefined || size === undefined ? [] : [{ setting, time, size }];
    });
    return [{ peer, ...judge(comparisons) }];
  });
}

/**
 * @param {readonly Comparison[]} comparisons
 * @returns {Omit<Verdict, 'peer'>}
 */
export function judge(comparisons) {
  const ahead = least(
    comparisons.filter(({ time, size }) => time < 1 && size < 1),
    ({ time, size }) => Math.max(time, size),
  );
  if (ahead !== undefined) return { ahead, smaller: undefined, faster: undefined };
  return {
    ahead,
    smaller: least(
      comparisons.filter(({ size }) => size <= 1),
      ({ time }) => time,
    ),
    faster: least(
      comparisons.filter(({ time }) => time <= 1),
      ({ size }) => size,
    ),
  };
}

/**
 * @template T
 * @param {readonly T[]} values
 * @param {(value: T) => number} measure
 * @returns {T | undefined}
 */
function least(values, measure) {
  return values.toSorted((a, b) => measure(a) - measure(b))[0];
}
