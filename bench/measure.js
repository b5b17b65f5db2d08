/**
 * Runs one command, a pipeline of programs, and measures it as a whole.
 *
 * Times come from bash's `time`, which is right for pipelines: it reports wall time from the first start
 * to the last exit and the CPU time of every process it waited for, in milliseconds; its clock gives the wall time in
 * microseconds. Peak memory comes from GNU time in front of every stage. A small program must be the one that forks: Linux
 * counts the memory of the forking process into the child's peak, and Node's own 40 MB would hide a small tool.
 */
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { watchCores } from './machine.js';
import { shellCommand } from './text.js';

/**
 * @typedef {string[][]} Pipeline the words of each program; one's stdout is the next one's stdin
 *
 * @typedef {object} Measurement
 * @property {number} wallSeconds
 * @property {number} userSeconds of all processes together
 * @property {number} systemSeconds of all processes together
 * @property {number} peakMemoryBytes resident, the stages' peaks added up; 0 where GNU time is missing
 * @property {number | null} otherCpuShare of the cores' time meanwhile that went elsewhere; null where unknown
 *
 * @typedef {object} RunOptions
 * @property {string} [cwd]
 * @property {AbortSignal} [signal] ends the command and everything it started
 */

/**
 * Where this is set, Node.js 20 reads certificates at every start, which takes twice as long as the start itself:
 * nothing here needs any, and nobody's start-up would be measured but theirs.
 */
const { NODE_EXTRA_CA_CERTS: _certificates, ...environment } = process.env;

const GNU_TIME = '/usr/bin/time';

const hasGnuTime = /^\d+\s*$/.test(
  spawnSync(GNU_TIME, ['-f', '%M', 'true'], { encoding: 'utf8' }).stderr ?? '',
);

/**
 * Runs a pipeline to its end; its stdout is discarded. Rejects with the command and its stderr when any
 * stage fails.
 *
 * @param {Pipeline} pipeline
 * @param {RunOptions & { scratch: string, closesEarly?: boolean }} options scratch: a directory for a temporary file;
 *   closesEarly: the last stage takes what it needs and ends, so the others may fail to write
 * @returns {Promise<Measurement>}
 */
export async function measure(pipeline, { scratch, closesEarly = false, ...options }) {
  const memoryFile = join(scratch, 'peak-memory');
  rmSync(memoryFile, { force: true });
  const prefix = hasGnuTime ? [GNU_TIME, '-q', '-a', '-o', memoryFile, '-f', '%M'] : [];
  const stages = pipeline.map((argv) => shellCommand([...prefix, ...argv]));
  // The report of `time` goes to descriptor 3, what the programs say to descriptor 2.
  const script = [
    ...(closesEarly ? [] : ['set -o pipefail']),
    'exec 4>&2 2>&3',
    "TIMEFORMAT='%3R %3U %3S'",
    'begin=$EPOCHREALTIME',
    `time { ${stages.join(' | ')}; } 2>&4`,
    'status=$? end=$EPOCHREALTIME',
    'echo "$begin $end" >&3',
    'exit $status',
  ].join('\n');

  const stopWatching = watchCores();
  const report = await execute(['bash', '-c', script], pipeline, options);
  // Both write the locale's comma.
  const times = report.replaceAll(',', '.').trim().split(/\s+/).map(Number);
  const [real = Number.NaN, userSeconds = Number.NaN, systemSeconds = Number.NaN, begin = 0, end = real] =
    times;
  return {
    wallSeconds: Math.round((end - begin) * 1e6) / 1e6,
    userSeconds,
    systemSeconds,
    peakMemoryBytes: hasGnuTime ? sumLines(readFileSync(memoryFile, 'utf8')) * 1024 : 0,
    otherCpuShare: stopWatching(userSeconds + systemSeconds),
  };
}

/**
 * Runs one program to its end, unmeasured; its stdout is discarded. Rejects when it fails.
 *
 * @param {string[]} argv
 * @param {RunOptions} [options]
 * @returns {Promise<void>}
 */
export async function run(argv, options = {}) {
  await execute(argv, [argv], options);
}

/**
 * @param {string[]} argv what to start
 * @param {Pipeline} pipeline what to call it when it fails
 * @param {RunOptions} options
 * @returns {Promise<string>} what came on descriptor 3
 */
async function execute(argv, pipeline, { cwd, signal }) {
  signal?.throwIfAborted();
  const [program = '', ...words] = argv;
  // A process group of its own, so that an interrupt ends every stage and no other process.
  const child = spawn(program, words, {
    cwd,
    env: environment,
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
  });
  const kill = () => child.pid !== undefined && process.kill(-child.pid, 'SIGTERM');
  signal?.addEventListener('abort', kill);

  let message = '';
  let report = '';
  child.stderr?.setEncoding('utf8').on('data', (text) => (message += text));
  const reportStream = child.stdio[3];
  if (reportStream instanceof Readable) {
    reportStream.setEncoding('utf8').on('data', (text) => (report += text));
  }
  try {
    const status = await new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code, killedBy) => resolve(code ?? killedBy));
    });
    signal?.throwIfAborted();
    if (status !== 0) {
      throw new Error(
        `failed with ${status}: ${pipeline.map((stage) => shellCommand(stage)).join(' | ')}\n${message}`,
      );
    }
    return report;
  } finally {
    signal?.removeEventListener('abort', kill);
  }
}

/** @param {string} text */
function sumLines(text) {
  return text.split('\n').reduce((sum, line) => sum + Number(line), 0);
}
