/**
 * What the numbers were measured on: without it they mean nothing.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, release, totalmem, type } from 'node:os';
import { formatBytes } from './text.js';

/**
 * @typedef {object} Conditions
 * @property {string} date when it began, ISO 8601
 * @property {string} machine
 * @property {Record<string, string>} versions by program
 * @property {string[]} notInstalled programs
 */

/**
 * @param {string} directory that is worked in
 * @returns {Pick<Conditions, 'date' | 'machine'>}
 */
export function measuredOn(directory) {
  const stat = spawnSync('stat', ['-f', '-c', '%T', directory], { encoding: 'utf8' });
  const fileSystem = stat.status === 0 ? stat.stdout.trim() : 'unknown';
  const machine = [
    cpus()[0]?.model.trim() ?? 'unknown CPU',
    `${availableParallelism()} cores`,
    `${formatBytes(totalmem())} of memory`,
    `${type()} ${release()}`,
    `Node ${process.version}`,
    `working on ${fileSystem}`,
  ].join(', ');
  return { date: new Date().toISOString(), machine };
}

/**
 * What was measured with what, what is missing, and how far to trust it.
 *
 * @param {Conditions} conditions
 * @param {readonly import('./measure.js').Measurement[]} runs
 * @returns {string} Markdown
 */
export function formatConditions({ machine, versions, notInstalled }, runs) {
  const programs = Object.entries(versions).map((pair) => pair.join(' '));
  const missing =
    notInstalled.length === 0 ? 'nothing is missing' : `not installed: ${notInstalled.join(', ')}`;
  return [machine, programs.join(', '), missing, ...contention(runs)].map((line) => `- ${line}`).join('\n');
}

/**
 * The first thing that looks like a version in what a program prints about itself.
 *
 * @param {string[]} argv a command that prints it
 * @returns {string | undefined} undefined when the program does not run
 */
export function programVersion([program = '', ...words]) {
  const { status, stdout } = spawnSync(program, words, { encoding: 'utf8' });
  return status === 0 ? (/\d+\.\d+(\.\d+)?/.exec(stdout)?.[0] ?? 'of unknown version') : undefined;
}

/**
 * Watches how much of the cores goes elsewhere while something is measured: to other processes, or to
 * the host of a virtual machine. A parallel program that gets one core of two looks no faster than a
 * serial one, and nothing else in its numbers shows why.
 *
 * @returns {(ownCpuSeconds: number) => number | null} ends it; the share of the cores, or null where the
 *   system does not tell (it is Linux's /proc/stat). Counted in ticks of 10 ms: average it over many.
 */
export function watchCores() {
  const before = readCoreTicks();
  return (ownCpuSeconds) => {
    const after = readCoreTicks();
    if (before === null || after === null || after.total === before.total) return null;
    const total = after.total - before.total;
    return (total - (after.free - before.free) - ownCpuSeconds * TICKS_PER_SECOND) / total;
  };
}

/** USER_HZ, the unit of /proc/stat (proc_stat(5)); 100 on every common architecture. */
const TICKS_PER_SECOND = 100;

/** @returns {{ total: number, free: number } | null} */
function readCoreTicks() {
  try {
    // user nice system idle iowait irq softirq steal; guest time, which follows, is part of user
    const [line = ''] = readFileSync('/proc/stat', 'utf8').split('\n');
    const ticks = line.trim().split(/\s+/).slice(1, 9).map(Number);
    return { total: ticks.reduce((sum, value) => sum + value, 0), free: (ticks[3] ?? 0) + (ticks[4] ?? 0) };
  } catch {
    return null;
  }
}

/** Above this share of the cores gone elsewhere, measurements of parallel programs mislead. */
const CONTENDED = 0.1;

/**
 * @param {readonly import('./measure.js').Measurement[]} runs
 * @returns {string[]} how much of the cores went elsewhere, where that is known
 */
function contention(runs) {
  const known = runs.filter(({ otherCpuShare }) => otherCpuShare !== null);
  if (known.length === 0) return [];
  const wall = known.reduce((sum, { wallSeconds }) => sum + wallSeconds, 0);
  const lost = known.reduce((sum, run) => sum + (run.otherCpuShare ?? 0) * run.wallSeconds, 0);
  const share = Math.max(0, lost / wall);
  const verdict = share > CONTENDED ? ': do not rely on these numbers, run it again on an idle machine' : '';
  return [`other work had ${(share * 100).toFixed(0)} % of the cores meanwhile${verdict}`];
}
