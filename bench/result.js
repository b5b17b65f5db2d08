/**
 * What a benchmark writes as JSON, and the tables made of that alone: the same for a run that has just ended and for
 * one that is read from a file (bench/render.js).
 */
import { basename } from 'node:path';
import { formatMachine } from './machine.js';
import { reportIncompressible } from './report-incompressible.js';
import { reportLimits } from './report-limits.js';
import { reportStartup } from './report-startup.js';
import { formatContention, reportCorpus } from './report.js';
import { formatBytes, formatCount } from './text.js';

/**
 * @typedef {object} Conditions
 * @property {string} date when it began, ISO 8601
 * @property {import('./machine.js').Machine} machine
 * @property {Record<string, string>} versions by program
 * @property {string[]} notInstalled programs
 * @property {number} rounds
 *
 * @typedef {Conditions & { benchmark: 'compare', limitSeconds: number, corpora: import('./report.js').CorpusResult[] }} ComparisonResult
 * @typedef {Conditions & { benchmark: 'startup' } & import('./report-startup.js').StartupResult} StartupResult
 * @typedef {Conditions & { benchmark: 'incompressible' } & import('./report-incompressible.js').IncompressibleResult} IncompressibleResult
 * @typedef {Conditions & { benchmark: 'limits' } & import('./report-limits.js').LimitsResult} LimitsBenchmark
 * @typedef {ComparisonResult | StartupResult | IncompressibleResult | LimitsBenchmark} Result
 *
 * @typedef {object} Chapter
 * @property {string} key a corpus' name, or the benchmark's
 * @property {string} heading
 * @property {import('./sections.js').Section[]} sections
 * @property {string} closing how far to trust it
 */

/**
 * What was measured with what, and what is missing.
 *
 * @param {Conditions} conditions
 * @returns {string[]} lines
 */
export function formatConditions({ machine, versions, notInstalled }) {
  const programs = Object.entries(versions).map((pair) => pair.join(' '));
  return [
    formatMachine(machine),
    programs.join(', '),
    notInstalled.length === 0 ? 'nothing is missing' : `not installed: ${notInstalled.join(', ')}`,
  ];
}

/**
 * @param {Result} result
 * @returns {Chapter[]}
 */
export function chaptersOf(result) {
  if (result.benchmark === 'startup') return [{ key: 'startup', ...reportStartup(result) }];
  if (result.benchmark === 'incompressible') {
    return [{ key: 'incompressible', ...reportIncompressible(result) }];
  }
  if (result.benchmark === 'limits') return [{ key: `limits-${result.name}`, ...reportLimits(result) }];
  return result.corpora.map((corpus) => {
    const { directory, members, bytes, runs } = corpus;
    const name = basename(directory);
    return {
      key: name,
      heading: `${name}: ${formatCount(members)} members, ${formatBytes(bytes)}`,
      sections: reportCorpus(corpus),
      closing: formatContention(runs),
    };
  });
}
