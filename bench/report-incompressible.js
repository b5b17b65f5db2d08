/**
 * The table of bench/incompressible.js.
 */
import { formatContention } from './report.js';
import {
  archiveBytes,
  cpuSeconds,
  formatMemory,
  formatSpread,
  medianOf,
  peakMemory,
  ratioOf,
  wallSeconds,
} from './statistics.js';
import { formatBytes, formatCount, formatSeconds } from './text.js';

/**
 * @typedef {{ round: number, command: string, archiveBytes: number } & import('./measure.js').Measurement} CopyRun
 *
 * @typedef {object} IncompressibleResult
 * @property {number} files
 * @property {number} bytes of random content
 * @property {string[]} commands the first one is what the others are compared with
 * @property {CopyRun[]} runs
 */

/**
 * @param {IncompressibleResult} result
 * @returns {Omit<import('./result.js').Chapter, 'key'>}
 */
export function reportIncompressible({ files, bytes, commands, runs }) {
  const base = runs.filter(({ command }) => command === commands[0]);
  const rows = commands.flatMap((name) => {
    const turns = runs.filter(({ command }) => command === name);
    if (turns.length === 0) return [];
    const wall = medianOf(turns, wallSeconds);
    return [
      [
        name,
        formatSeconds(wall),
        formatSpread(ratioOf(turns, base, wallSeconds)),
        (bytes / wall / 1e6).toFixed(0),
        `${((medianOf(turns, archiveBytes) / bytes) * 100).toFixed(3)} %`,
        formatSeconds(medianOf(turns, cpuSeconds)),
        formatMemory(peakMemory(turns)),
        String(turns.length),
      ],
    ];
  });
  return {
    heading: `Already compressed: ${formatCount(files)} files of random bytes, ${formatBytes(bytes)}`,
    sections: [
      {
        title: 'Already compressed',
        rows: [
          ['', 'wall', `times ${commands[0]}`, 'MB/s', 'size of content', 'CPU', 'peak memory', 'rounds'],
          ...rows,
        ],
        notes: [],
      },
    ],
    closing: formatContention(runs),
  };
}
