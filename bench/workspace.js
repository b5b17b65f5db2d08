/**
 * What the benchmarks and the scripts have in common as programs: options, errors, and a temporary directory that does
 * not outlive them: it is removed when the work is done, when it fails, and on SIGINT or SIGTERM, after the command that was
 * running has ended.
 */
import { mkdtempSync, statfsSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { run } from './measure.js';

/** The program was told to stop by a signal. */
export class Interrupted extends Error {
  /** @param {'SIGINT' | 'SIGTERM'} name */
  constructor(name) {
    super(`interrupted by ${name}`);
    this.exitCode = 128 + constants.signals[name];
  }
}

/**
 * A RAM disk where there is one with room: it measures programs and not the disk. Containers often have
 * a /dev/shm of 64 MB, so its free space counts, not only that it exists.
 *
 * @param {number} neededBytes
 * @returns {string}
 */
export function chooseBase(neededBytes) {
  try {
    const { bavail, bsize } = statfsSync('/dev/shm');
    if (bavail * bsize > neededBytes) return '/dev/shm';
  } catch {
    // No RAM disk on this system.
  }
  return tmpdir();
}

/**
 * Runs `work` with a fresh directory inside `base`, and a signal that aborts when the user interrupts.
 * Commands that `work` starts must take the signal, so that nothing writes to the directory any more
 * when it is removed.
 *
 * @template T
 * @param {string} base
 * @param {(directory: string, signal: AbortSignal) => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withWorkspace(base, work) {
  const directory = mkdtempSync(join(base, 'znip-'));
  const controller = new AbortController();
  /** @param {NodeJS.Signals} name */
  const interrupt = (name) => controller.abort(new Interrupted(name === 'SIGINT' ? 'SIGINT' : 'SIGTERM'));
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  try {
    return await work(directory, controller.signal);
  } finally {
    await run(['rm', '-rf', directory]);
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', interrupt);
  }
}

/**
 * Runs a program's main function: errors become one line on stderr and an exit status.
 *
 * @param {() => Promise<void>} main
 * @returns {Promise<void>}
 */
export async function runMain(main) {
  try {
    await main();
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = error instanceof Interrupted ? error.exitCode : 1;
  }
}

/**
 * The command line, with `--help`.
 *
 * @param {string} help
 * @param {{ options: import('node:util').ParseArgsConfig['options'], operands?: [least: number, most: number] }} config
 * @returns {{ values: any, positionals: string[] } | undefined} undefined when help was given instead
 */
export function parseOptions(help, { options, operands: [least, most] = [0, 0] }) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { ...options, help: { type: 'boolean', short: 'h', default: false } },
  });
  const { length } = positionals;
  if (!values.help && length >= least && length <= most) return { values, positionals };
  (values.help ? console.log : console.error)(help.trimEnd());
  process.exitCode = values.help ? 0 : 2;
  return undefined;
}
