/**
 * Runs everything in turns: in each round, each operation by each contender. What comes out is compared with the
 * source the first time, so that nobody wins by leaving something out.
 */
import { mkdirSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { measure, run } from './measure.js';
import { OPERATIONS, pipelineOf, readsArchives, writesTree } from './operations.js';
import { medianOf, turnsOf, wallSeconds } from './statistics.js';
import { shellCommand } from './text.js';

/** Whoever takes at most so many times as long as the first contender takes part in every round. */
export const SLOW = 3;

/**
 * @typedef {import('./operations.js').Operation} Operation
 * @typedef {import('./operations.js').Job} Job
 * @typedef {import('./peers.js').Peer} Peer
 * @typedef {import('./statistics.js').Run} Run
 *
 * @typedef {{ contender: string, operation: Operation, message: string }} Failure
 *
 * @typedef {object} RoundsOptions
 * @property {number} rounds
 * @property {number} limitSeconds what all rounds of an operation may take by a contender that is SLOW; the first round always runs
 * @property {string} work
 * @property {AbortSignal} signal
 * @property {import('./tree.js').Selection} selection
 * @property {(run: Run) => void} onRun after each measurement
 */

/**
 * @param {string} directory the tree
 * @param {readonly Peer[]} contenders the first one must not fail
 * @param {RoundsOptions} options
 * @returns {Promise<{ runs: Run[], failures: Failure[] }>} failures: what was given up, and why
 */
export async function runRounds(directory, contenders, options) {
  const { rounds, work, signal, onRun } = options;
  const cwd = dirname(directory);
  const source = basename(directory);
  /** @type {Run[]} */
  const runs = [];
  /** @type {Failure[]} */
  const failures = [];

  // Into the page cache, so that the first one to read does not pay for the disk. Through a pipe:
  // GNU tar does not read what it would write to /dev/null.
  await measure([['tar', '-c', '-f', '-', source], ['cat']], { cwd, scratch: work, signal });

  for (let round = 1; round <= rounds; round += 1) {
    for (const operation of OPERATIONS) {
      for (const [index, contender] of contenders.entries()) {
        const { name } = contender;
        const hasFailed = failures.some(
          (failure) =>
            failure.contender === name && (failure.operation === operation || failure.operation === 'pack'),
        );
        const first = turnsOf(runs, operation, contenders[0]?.name ?? '');
        if (hasFailed || !hasTime(turnsOf(runs, operation, name), first, options.limitSeconds)) continue;
        const job = {
          source,
          archive: archiveOf(work, contender, index),
          target: join(work, 'unpacked'),
          selection: options.selection,
        };
        try {
          const measurement = await takeTurn(operation, contender, job, {
            ...options,
            cwd,
            check: round === 1,
          });
          if (measurement === undefined) continue;
          const measured = { round, operation, contender: name, ...measurement };
          runs.push(measured);
          onRun(measured);
        } catch (error) {
          signal.throwIfAborted();
          if (index === 0) throw error;
          const message = error instanceof Error ? error.message.trim() : String(error);
          failures.push({ contender: name, operation, message });
        }
      }
    }
  }
  await run(['rm', '-f', ...contenders.map((contender, index) => archiveOf(work, contender, index))]);
  return { runs, failures };
}

/**
 * @param {string} work
 * @param {Peer} contender
 * @param {number} index
 */
function archiveOf(work, { extension }, index) {
  return join(work, `${index}.${extension}`);
}

/**
 * @param {readonly Run[]} earlier of the same operation by this contender
 * @param {readonly Run[]} first of the same operation by the first contender
 * @param {number} limitSeconds
 */
export function hasTime(earlier, first, limitSeconds) {
  if (earlier.length === 0) return true;
  const spent = earlier.reduce((sum, run) => sum + wallSeconds(run), 0);
  const next = spent / earlier.length;
  return next <= SLOW * medianOf(first, wallSeconds) || spent + next <= limitSeconds;
}

/**
 * @param {Operation} operation
 * @param {Peer} contender
 * @param {Job} job
 * @param {RoundsOptions & { cwd: string, check: boolean }} options
 * @returns {Promise<import('./measure.js').Measurement & { archiveBytes: number } | undefined>}
 */
async function takeTurn(operation, contender, job, { cwd, work, signal, check }) {
  const pipeline = pipelineOf(operation, contender, job);
  if (pipeline === undefined) return undefined;
  const { archive, target } = job;
  if (operation === 'pack') await run(['rm', '-f', archive], { signal });
  if (writesTree(operation)) mkdirSync(target);
  try {
    await run(['sync', '-f', work], { signal }).catch(() => signal.throwIfAborted());
    const closesEarly = operation === 'range';
    const measurement = await measure(pipeline, { cwd, scratch: work, signal, closesEarly });
    if (check) await checkOutcome(operation, pipeline, job, { cwd, signal });
    return { archiveBytes: statSync(archive).size, ...measurement };
  } finally {
    if (writesTree(operation)) await run(['rm', '-rf', target]);
    if (!readsArchives(contender)) await run(['rm', '-f', archive]);
  }
}

/**
 * Throws when what was unpacked or read is not what the source holds.
 *
 * @param {Operation} operation
 * @param {import('./measure.js').Pipeline} pipeline
 * @param {Job} job
 * @param {{ cwd: string, signal: AbortSignal }} options
 */
async function checkOutcome(operation, pipeline, { source, target, selection }, options) {
  const { small = '', large = '', range } = selection;
  if (writesTree(operation)) {
    await run(['diff', '-r', '-q', '--no-dereference', source, join(target, source)], options);
  }
  const command = pipeline.map((stage) => shellCommand(stage)).join(' | ');
  if (operation === 'extract') {
    await run(['bash', '-c', `cmp <(${command}) ${shellCommand([small])}`], options);
  }
  if (operation === 'range') {
    const expected = `tail -c +${range.start + 1} ${shellCommand([large])} | head -c ${range.length}`;
    await run(['bash', '-c', `cmp <(${command}) <(${expected})`], options);
  }
}
