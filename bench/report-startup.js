/**
 * The table of bench/startup.js.
 */
import {
  cpuSeconds,
  formatMemory,
  formatSpread,
  medianOf,
  peakMemory,
  ratioOf,
  wallSeconds,
} from './statistics.js';
import { formatContention } from './report.js';
import { formatCount, formatSeconds } from './text.js';

/**
 * @typedef {{ round: number, command: string } & import('./measure.js').Measurement} StartupRun
 *
 * @typedef {object} StartupResult
 * @property {number} members of the archive that is listed
 * @property {string[]} commands the first one is what the others are compared with
 * @property {StartupRun[]} runs
 */

/**
 * @param {StartupResult} result
 * @returns {Omit<import('./result.js').Chapter, 'key'>}
 */
export function reportStartup({ members, commands, runs }) {
  const base = runs.filter(({ command }) => command === commands[0]);
  const rows = commands.flatMap((name) => {
    const turns = runs.filter(({ command }) => command === name);
    if (turns.length === 0) return [];
    return [
      [
        name,
        formatSeconds(medianOf(turns, wallSeconds)),
        formatSpread(ratioOf(turns, base, wallSeconds)),
        formatSeconds(medianOf(turns, cpuSeconds)),
        formatMemory(peakMemory(turns)),
        String(turns.length),
      ],
    ];
  });
  return {
    heading: `Start-up: commands on an archive of ${formatCount(members)} members, and on 100 small files`,
    sections: [
      {
        title: 'Start-up',
        rows: [['', 'wall', `times ${commands[0]}`, 'CPU', 'peak memory', 'rounds'], ...rows],
        notes: [],
      },
    ],
    closing: formatContention(runs),
  };
}
