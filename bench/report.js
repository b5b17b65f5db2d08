/**
 * The table of bench/compare.js: what all rounds on one tree come to, for znip and one peer.
 */
import { formatBytes, formatSeconds, formatTable, median } from './text.js';

/**
 * @typedef {'pack' | 'unpack' | 'list'} Operation
 *
 * @typedef {object} Turn
 * @property {number} round
 * @property {Operation} operation
 * @property {string} peer
 * @property {number} archiveBytes
 *
 * @typedef {Turn & import('./measure.js').Measurement} Run
 */

/** @type {readonly Operation[]} in the order of a round */
export const OPERATIONS = ['pack', 'unpack', 'list'];

/**
 * Ratios are znip / peer, taken within a round; below 1, znip is better.
 *
 * @param {readonly Run[]} runs
 * @param {string} peerName
 * @returns {string}
 */
export function formatReport(runs, peerName) {
  const rows = OPERATIONS.map((operation) => {
    const own = turnsOf(runs, operation, 'znip');
    const others = turnsOf(runs, operation, peerName);
    const wall = ratios(own, others, ({ wallSeconds }) => wallSeconds);
    const cpu = ratios(own, others, ({ userSeconds, systemSeconds }) => userSeconds + systemSeconds);
    return [
      operation,
      ...[own, others].map((turns) => formatSeconds(median(turns.map(({ wallSeconds }) => wallSeconds)))),
      ...[median(wall), Math.min(...wall), Math.max(...wall), median(cpu)].map(formatRatio),
      ...[own, others].map(peakMemory),
    ];
  });
  const sizes = ['znip', peerName].map((peer) =>
    median(turnsOf(runs, 'pack', peer).map(({ archiveBytes }) => archiveBytes)),
  );
  const [ownSize = Number.NaN, otherSize = Number.NaN] = sizes;
  const header = [
    '',
    'znip',
    peerName,
    'ratio',
    'min',
    'max',
    'CPU ratio',
    'znip memory',
    `${peerName} memory`,
  ];
  const size = ['size', ...sizes.map(formatBytes), formatRatio(ownSize / otherSize)];
  return formatTable([header, ...rows, size]);
}

/**
 * @param {readonly Run[]} runs
 * @param {Operation} operation
 * @param {string} peer
 */
function turnsOf(runs, operation, peer) {
  return runs.filter((candidate) => candidate.operation === operation && candidate.peer === peer);
}

/**
 * @param {readonly Run[]} own
 * @param {readonly Run[]} others of the same rounds
 * @param {(run: Run) => number} value
 */
function ratios(own, others, value) {
  return own.map((run, index) => {
    const other = others[index];
    return other === undefined ? Number.NaN : value(run) / value(other);
  });
}

/** @param {number} ratio */
function formatRatio(ratio) {
  return ratio.toFixed(ratio < 0.1 ? 3 : 2);
}

/** @param {readonly Run[]} runs */
function peakMemory(runs) {
  const peak = Math.max(...runs.map(({ peakMemoryBytes }) => peakMemoryBytes ?? 0));
  return peak === 0 ? 'unknown' : formatBytes(peak);
}

/** Above this share of the cores gone elsewhere, measurements of parallel programs mislead. */
const CONTENDED = 0.1;

/**
 * How much of the cores went elsewhere during the runs, and what that means for the numbers.
 *
 * @param {readonly import('./measure.js').Measurement[]} runs
 * @returns {string} one line, or nothing where it is unknown
 */
export function formatContention(runs) {
  const known = runs.filter(({ otherCpuShare }) => otherCpuShare !== null);
  if (known.length === 0) return '';
  const wall = known.reduce((sum, { wallSeconds }) => sum + wallSeconds, 0);
  const lost = known.reduce(
    (sum, { otherCpuShare, wallSeconds }) => sum + (otherCpuShare ?? 0) * wallSeconds,
    0,
  );
  const share = Math.max(0, lost / wall);
  const verdict = share > CONTENDED ? ': do not rely on these numbers, run it again on an idle machine' : '';
  return `other work had ${(share * 100).toFixed(0)} % of the cores meanwhile${verdict}`;
}
