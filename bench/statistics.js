/**
 * What a handful of noisy runs comes to. Ratios are taken between runs of the same round, which are neighbours in
 * time, and their median counts: a machine's speed drifts, so two medians of different moments do not compare.
 */
import { formatBytes, median } from './text.js';

/**
 * @typedef {import('./operations.js').Operation} Operation
 *
 * @typedef {object} Turn
 * @property {number} round from 1
 * @property {Operation} operation
 * @property {string} contender
 * @property {number} archiveBytes
 *
 * @typedef {Turn & import('./measure.js').Measurement} Run
 *
 * @typedef {{ median: number, min: number, max: number }} Spread
 */

/**
 * @param {readonly Run[]} runs
 * @param {Operation} operation
 * @param {string} contender
 * @returns {Run[]} one for each round that it took part in
 */
export function turnsOf(runs, operation, contender) {
  return runs.filter((run) => run.operation === operation && run.contender === contender);
}

/** @param {import('./measure.js').Measurement} run */
export function wallSeconds(run) {
  return run.wallSeconds;
}

/** @param {import('./measure.js').Measurement} run */
export function cpuSeconds({ userSeconds, systemSeconds }) {
  return userSeconds + systemSeconds;
}

/** @param {{ archiveBytes: number }} run */
export function archiveBytes(run) {
  return run.archiveBytes;
}

/**
 * @template T
 * @param {readonly T[]} runs at least one
 * @param {(run: T) => number} value
 * @returns {number}
 */
export function medianOf(runs, value) {
  return median(runs.map((run) => value(run)));
}

/**
 * How many times as much `runs` took as `others`, by the rounds that both took part in.
 *
 * @template {{ round: number }} T
 * @param {readonly T[]} runs
 * @param {readonly T[]} others
 * @param {(run: T) => number} value
 * @returns {Spread | undefined} undefined where they share no round
 */
export function ratioOf(runs, others, value) {
  const ratios = runs.flatMap((run) => {
    const other = others.find(({ round }) => round === run.round);
    return other === undefined ? [] : [value(run) / value(other)];
  });
  if (ratios.length === 0) return undefined;
  return { median: median(ratios), min: Math.min(...ratios), max: Math.max(...ratios) };
}

/**
 * @param {readonly import('./measure.js').Measurement[]} runs
 * @returns {number | undefined} bytes; undefined where the system does not tell
 */
export function peakMemory(runs) {
  const peak = Math.max(...runs.map(({ peakMemoryBytes }) => peakMemoryBytes ?? 0));
  return peak > 0 ? peak : undefined;
}

/**
 * @param {Spread | undefined} spread
 * @returns {string} `median (least–most)`
 */
export function formatSpread(spread) {
  if (spread === undefined) return '';
  const { median: middle, min, max } = spread;
  return min === max
    ? formatRatio(middle)
    : `${formatRatio(middle)} (${formatRatio(min)}–${formatRatio(max)})`;
}

/** @param {number} ratio */
function formatRatio(ratio) {
  return ratio.toFixed(ratio < 0.1 ? 3 : 2);
}

/** @param {number | undefined} bytes */
export function formatMemory(bytes) {
  return bytes === undefined ? 'unknown' : formatBytes(bytes);
}
