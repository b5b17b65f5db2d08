/**
 * The table of bench/limits.js: what packing and unpacking consist of, beside what they take.
 */
import { formatContention } from './report.js';
import { cpuSeconds, medianOf, wallSeconds } from './statistics.js';
import { formatBytes, formatCount, formatSeconds, median } from './text.js';

/**
 * @typedef {object} Part
 * @property {string} part
 * @property {number} userSeconds
 * @property {number} systemSeconds
 * @property {number} bytes that it went over
 *
 * @typedef {{ round: number, command: string } & import('./measure.js').Measurement} LimitRun
 *
 * @typedef {object} LimitsResult
 * @property {string} name of the tree
 * @property {number} members
 * @property {number} bytes
 * @property {Part[][]} parts of each round
 * @property {LimitRun[]} runs
 */

/** Which command has which parts; copying memory is for comparison. */
const PARTS_OF = {
  'znip pack': [
    'open, read and close files',
    'BLAKE3 of every content',
    'BLAKE3 of every chunk',
    'zstd, compression',
  ],
  'znip unpack': [
    'zstd, decompression',
    'BLAKE3 of every chunk',
    'BLAKE3 of every content',
    'create, write and close files',
  ],
};

/**
 * @param {LimitsResult} result
 * @returns {Omit<import('./result.js').Chapter, 'key'>}
 */
export function reportLimits({ name, members, bytes, parts, runs }) {
  /** @param {string} part */
  const timesOf = (part) => {
    const found = parts.flatMap((round) => round.filter((candidate) => candidate.part === part));
    return {
      user: median(found.map(({ userSeconds }) => userSeconds)),
      system: median(found.map(({ systemSeconds }) => systemSeconds)),
      bytes: found[0]?.bytes ?? 0,
    };
  };
  const names = [...new Set(parts.flatMap((round) => round.map(({ part }) => part)))];
  const partRows = names.map((part) => {
    const { user, system, bytes: length } = timesOf(part);
    return [part, formatSeconds(user), formatSeconds(system), (length / (user + system) / 1e6).toFixed(0)];
  });
  const totals = Object.entries(PARTS_OF).flatMap(([command, of]) => {
    const turns = runs.filter((run) => run.command === command);
    if (turns.length === 0) return [];
    const needed = of.reduce((sum, part) => sum + timesOf(part).user + timesOf(part).system, 0);
    const cpu = medianOf(turns, cpuSeconds);
    return [
      [
        command,
        formatSeconds(medianOf(turns, wallSeconds)),
        formatSeconds(cpu),
        formatSeconds(needed),
        `${((needed / cpu) * 100).toFixed(0)} %`,
      ],
    ];
  });
  return {
    heading: `${name}: ${formatCount(members)} members, ${formatBytes(bytes)}`,
    sections: [
      {
        title: 'The parts, each alone on one thread',
        rows: [['', 'user', 'system', 'MB/s'], ...partRows],
        notes: [],
      },
      {
        title: 'What they come to',
        rows: [['', 'wall', 'CPU', 'CPU of its parts', 'of all'], ...totals],
        notes: [],
      },
    ],
    closing: formatContention(runs),
  };
}
