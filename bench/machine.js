/**
 * What the numbers were measured on: without it they mean nothing.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, release, totalmem, type } from 'node:os';
import { formatBytes } from './text.js';

/**
 * @typedef {object} Machine
 * @property {string} cpu
 * @property {number} cores that this process may use
 * @property {number} memoryBytes
 * @property {string} system
 * @property {string} node
 * @property {string} fileSystem of the working directory
 */

/**
 * @param {string} directory
 * @returns {Machine}
 */
export function describeMachine(directory) {
  const stat = spawnSync('stat', ['-f', '-c', '%T', directory], { encoding: 'utf8' });
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown CPU',
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    system: `${type()} ${release()}`,
    node: process.version,
    fileSystem: stat.status === 0 ? stat.stdout.trim() : 'unknown',
  };
}

/**
 * @param {Machine} machine
 * @returns {string} one line
 */
export function formatMachine({ cpu, cores, memoryBytes, system, node, fileSystem }) {
  const memory = `${formatBytes(memoryBytes)} of memory`;
  return [cpu, `${cores} cores`, memory, system, `Node ${node}`, `working on ${fileSystem}`].join(', ');
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
