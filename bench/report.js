/**
 * What bench/compare.js prints of one tree: a table for each operation.
 */
import { basename } from 'node:path';
import { OPERATIONS, TITLES } from './operations.js';
import {
  archiveBytes,
  cpuSeconds,
  medianOf,
  peakMemory,
  ratioOf,
  turnsOf,
  wallSeconds,
} from './statistics.js';
import { formatBytes, formatCount, formatMemory, formatSeconds, formatSpread, formatTable } from './text.js';

/**
 * @typedef {import('./operations.js').Operation} Operation
 *
 * @typedef {object} TreeResult
 * @property {string} directory
 * @property {number} members
 * @property {number} bytes
 * @property {import('./tree.js').Selection} selection
 * @property {string[]} contenders the first one is what the others are compared with
 * @property {import('./statistics.js').Run[]} runs
 * @property {import('./rounds.js').Failure[]} failures
 */

/**
 * @param {TreeResult} tree
 * @param {string} conditions
 * @returns {string} Markdown
 */
export function reportTree(tree, conditions) {
  const { directory, members, bytes, runs, failures } = tree;
  const measured = OPERATIONS.filter((operation) => runs.some((run) => run.operation === operation));
  const failed = failures.map(({ contender, operation, message }) => {
    return `- ${contender} failed to ${TITLES[operation]}: ${message.replaceAll(/\s+/g, ' ').slice(0, 160)}`;
  });
  const parts = [
    `${basename(directory)}: ${formatCount(members)} members, ${formatBytes(bytes)}.`,
    [conditions, ...failed].join('\n'),
    ...measured.map((operation) => reportOperation(operation, tree)),
  ];
  return `${parts.join('\n\n')}\n`;
}

/**
 * @param {Operation} operation
 * @param {TreeResult} tree
 * @returns {string}
 */
function reportOperation(operation, { contenders, runs, bytes, selection }) {
  const isPack = operation === 'pack';
  const first = turnsOf(runs, operation, contenders[0] ?? '');
  const rows = contenders.flatMap((name) => {
    const turns = turnsOf(runs, operation, name);
    if (turns.length === 0) return [];
    const wall = medianOf(turns, wallSeconds);
    const size = medianOf(turns, archiveBytes);
    const packing = [
      (bytes / wall / 1e6).toFixed(bytes / wall < 1e7 ? 1 : 0),
      formatBytes(size),
      bytes === 0 ? '' : `${((size / bytes) * 100).toFixed(2)} %`,
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
  const header = ['', 'wall', 'time × (min–max)', ...packHeader, 'CPU', 'peak memory', 'rounds'];
  const title = TITLES[operation].replace(/^./, (letter) => letter.toUpperCase());
  const { small = '', large = '', range } = selection;
  /** @type {Partial<Record<Operation, string>>} */
  const notes = {
    extract: `\n\nThe member is ${small}.`,
    range: `\n\n${formatCount(range.length)} bytes from byte ${formatCount(range.start)} of ${large}.`,
  };
  return `#### ${title}\n\n${formatTable([header, ...rows])}${notes[operation] ?? ''}`;
}
