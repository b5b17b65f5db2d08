/**
 * CPU time of the threads of one znip process that packs (Linux only): the main thread and the writer thread are
 * the serial part, which more cores do not make faster.
 *
 * The kernel counts for every thread what it ran (/proc/PID/task/TID/schedstat, nanoseconds) and what it wrote
 * (…/io): the main thread's TID is the PID, and the writer is the other thread that wrote the archive. The counters
 * are read while the process runs, so nothing has to be switched on in it, and what a thread does in its last few
 * milliseconds is missed.
 */
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

const SAMPLE_MS = 5;

/**
 * @typedef {object} ThreadTimes
 * @property {number} mainSeconds
 * @property {number} writerSeconds 0 where the main thread did its work
 * @property {number} otherSeconds workers, and V8's own threads
 */

/**
 * Runs a program with its output discarded. Rejects when it fails.
 *
 * @param {string[]} argv of one program that writes an archive
 * @param {{ cwd: string, signal: AbortSignal }} options
 * @returns {Promise<ThreadTimes>}
 */
export async function measureThreads([program = '', ...words], { cwd, signal }) {
  const child = spawn(program, words, { cwd, signal, stdio: 'ignore' });
  const { pid = 0 } = child;
  /** @type {Map<string, { seconds: number, written: number }>} */
  const threads = new Map();
  const timer = setInterval(() => readThreads(pid, threads), SAMPLE_MS);
  try {
    await new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('exit', (code) =>
        code === 0 ? resolve(undefined) : reject(new Error(`failed with ${code}: ${words.join(' ')}`)),
      );
    });
  } finally {
    clearInterval(timer);
  }
  const main = threads.get(String(pid));
  if (main === undefined)
    throw new Error('the times of threads cannot be read here: they need /proc of Linux');
  threads.delete(String(pid));
  const others = [...threads.values()].sort((a, b) => b.written - a.written);
  const writer = others[0] !== undefined && others[0].written > main.written ? others.shift() : undefined;
  return {
    mainSeconds: main.seconds,
    writerSeconds: writer?.seconds ?? 0,
    otherSeconds: others.reduce((sum, { seconds }) => sum + seconds, 0),
  };
}

/**
 * @param {number} pid
 * @param {Map<string, { seconds: number, written: number }>} threads
 */
function readThreads(pid, threads) {
  try {
    for (const id of readdirSync(`/proc/${pid}/task`)) {
      const task = `/proc/${pid}/task/${id}`;
      const seconds = Number(readFileSync(`${task}/schedstat`, 'utf8').split(' ')[0]) / 1e9;
      const written = Number(/wchar: (\d+)/.exec(readFileSync(`${task}/io`, 'utf8'))?.[1] ?? 0);
      threads.set(id, { seconds, written });
    }
  } catch {
    // The process or a thread has just ended: what was read before counts.
  }
}
