/**
 * The tables of bench/compare.js: one for each operation, and whether znip is ahead of every peer.
 */
import { frontier } from './frontier.js';
import { OPERATIONS, TITLES } from './operations.js';
import {
  archiveBytes,
  cpuSeconds,
  formatMemory,
  formatSpread,
  medianOf,
  peakMemory,
  ratioOf,
  turnsOf,
  wallSeconds,
} from './statistics.js';
import { formatBytes, formatCount, formatSeconds } from './text.js';

/**
 * @typedef {import('./operations.js').Operation} Operation
 * @typedef {import('./sections.js').Section} Section
 * @typedef {import('./statistics.js').Run} Run
 *
 * @typedef {{ name: string, family: string, label: string, about: string }} Contender
 *
 * @typedef {object} CorpusResult
 * @property {string} directory
 * @property {number} members
 * @property {number} bytes
 * @property {import('./tree.js').Selection} selection
 * @property {Contender[]} contenders the first one is what the others are compared with
 * @property {Run[]} runs
 * @property {import('./rounds.js').Failure[]} failures
 */

/**
 * @param {CorpusResult} corpus
 * @returns {Section[]}
 */
export function reportCorpus(corpus) {
  const { contenders, runs, failures } = corpus;
  const own = contenders.filter(({ family }) => family === 'znip').map(({ name }) => name);
  const peers = contenders.filter(({ family }) => family !== 'znip').map(({ name }) => name);
  const sections = OPERATIONS.filter((operation) => runs.some((run) => run.operation === operation)).map(
    (operation) => operationSection(operation, corpus),
  );
  if (peers.length > 0) sections.push(frontierSection(runs, own, peers));
  if (failures.length > 0) {
    sections.push({
      title: 'Failed, and left out',
      rows: [
        ['', 'operation', 'what it said'],
        ...failures.map(({ contender, operation, message }) => [
          contender,
          TITLES[operation],
          message.replaceAll(/\s+/g, ' ').slice(0, 160),
        ]),
      ],
      notes: [],
    });
  }
  return sections;
}

/**
 * @param {Operation} operation
 * @param {CorpusResult} corpus
 * @returns {Section}
 */
function operationSection(operation, { contenders, runs, bytes, selection }) {
  const isPack = operation === 'pack';
  const first = turnsOf(runs, operation, contenders[0]?.name ?? '');
  const rows = contenders.flatMap(({ name }) => {
    const turns = turnsOf(runs, operation, name);
    if (turns.length === 0) return [];
    const wall = medianOf(turns, wallSeconds);
    const size = medianOf(turns, archiveBytes);
    const packing = [
      (bytes / wall / 1e6).toFixed(bytes / wall < 1e7 ? 1 : 0),
      formatBytes(size),
      formatShare(size / bytes),
      ratioOf(turns, first, archiveBytes)?.median.toFixed(3) ?? '',
    ];
    return [
      [
        name,
        formatSeconds(wall),
        formatSpread(ratioOf(turns, first, wallSeconds)),
        ...(isPack ? packing : []),
        formatSeconds(medianOf(turns, cpuSeconds)),
        formatMemory(peakMemory(turns)),
        String(turns.length),
      ],
    ];
  });
  const packHeader = isPack ? ['MB/s', 'size', 'of content', 'size ×'] : [];
  const { small = '', large = '', range } = selection;
  const notes = {
    extract: [`The member is ${small}.`],
    range: [`${formatCount(range.length)} bytes from byte ${formatCount(range.start)} of ${large}.`],
  };
  return {
    title: TITLES[operation].replace(/^./, (letter) => letter.toUpperCase()),
    rows: [['', 'wall', 'time × (min–max)', ...packHeader, 'CPU', 'peak memory', 'rounds'], ...rows],
    notes: operation === 'extract' || operation === 'range' ? notes[operation] : [],
  };
}

/**
 * @param {readonly Run[]} runs
 * @param {readonly string[]} own
 * @param {readonly string[]} peers
 * @returns {Section}
 */
function frontierSection(runs, own, peers) {
  const verdicts = frontier(runs, own, peers);
  const ahead = verdicts.filter((verdict) => verdict.ahead !== undefined).length;
  return {
    title: 'Ahead in speed and size',
    rows: [
      ['', 'znip is faster and smaller with', 'time ×', 'size ×', 'or it misses'],
      ...verdicts.map(({ peer, ahead, smaller, faster }) =>
        ahead === undefined
          ? [peer, 'none', '', '', formatMiss(smaller, faster)]
          : [peer, ahead.setting, ahead.time.toFixed(2), ahead.size.toFixed(3), ''],
      ),
    ],
    notes: [
      `${ahead} of ${verdicts.length} settings of peers have one of znip that packs faster and smaller; here, time and size are znip's over the peer's.`,
    ],
  };
}

/**
 * @param {import('./frontier.js').Comparison | undefined} smaller
 * @param {import('./frontier.js').Comparison | undefined} faster
 */
function formatMiss(smaller, faster) {
  const bySize = smaller && `${smaller.setting} is as small and ${excess(smaller.time)} slower`;
  const byTime = faster && `${faster.setting} is as fast and ${excess(faster.size)} larger`;
  return [bySize ?? 'none is as small', byTime ?? 'none is as fast'].join('; ');
}

/** @param {number} ratio from 1 */
function excess(ratio) {
  return ratio < 10 ? `${((ratio - 1) * 100).toFixed(1)} %` : `${ratio.toFixed(0)} times`;
}

/** @param {number} share */
function formatShare(share) {
  return Number.isFinite(share) ? `${(share * 100).toFixed(2)} %` : '';
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
