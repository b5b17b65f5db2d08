/**
 * Runs of znip in which threads die or stand still, and pipes stand still, under a deadline.
 */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ZNIP } from '../support/run.ts';

const HOOK = fileURLToPath(new URL('thread-faults.cjs', import.meta.url));

/** A run that has not ended by then hangs. Sound runs of the tests' trees take a second or two. */
const DEADLINE_MS = 30_000;

/** See thread-faults.cjs. */
export interface Fault {
  thread: 'main' | 'writer' | 'pack-worker' | 'read-worker';
  call: string;
  nth: number;
  act: 'throw' | 'exit' | 'heap' | 'stall' | 'EIO' | 'ENOSPC';
  once?: string;
}

export interface FaultyRun {
  cwd: string;
  args: readonly string[];
  faults?: readonly Fault[];
  /** A FIFO in `cwd` that standard output goes to; nobody reads from it. */
  stalledOutput?: string;
  /** A FIFO in `cwd` that standard input comes from: the first `length` bytes of a file, and no end. */
  stalledInput?: { fifo: string; file: string; length: number };
  input?: string;
  /** Megabytes of heap. */
  heap?: number;
  /** Sent once a file of this name is there, or the process does next to nothing, these milliseconds long. */
  signal?: { name: NodeJS.Signals; when: string | number };
}

export interface FaultyOutcome {
  status: number | null;
  signal: NodeJS.Signals | null;
  hangs: boolean;
  stderr: string;
}

/**
 * Whether a process has, in the last `period` milliseconds, used less than a tenth of a core: it waits. On a
 * busy machine a process may take seconds to get that far.
 */
function standsStill(pid: number, period: number): () => boolean {
  let since = Date.now();
  let used = 0;
  return () => {
    const fields = /\) (.*)/s.exec(statOf(pid))?.[1]?.split(' ') ?? [];
    // proc(5): utime and stime, in hundredths of a second, are the fourteenth and fifteenth field.
    const now = Number(fields[11] ?? 0) + Number(fields[12] ?? 0);
    if (now - used > period / 100) {
      used = now;
      since = Date.now();
    }
    // Node.js alone takes three hundredths or more to start.
    return now > 2 && Date.now() - since >= period;
  };
}

function statOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return '';
  }
}

export async function runFaulty(run: FaultyRun): Promise<FaultyOutcome> {
  const { cwd, args, faults = [], stalledOutput, stalledInput, input, heap, signal } = run;
  const options = [`--require ${HOOK}`, ...(heap === undefined ? [] : [`--max-old-space-size=${heap}`])];
  // A FIFO that is open for reading and writing gives no end of file and no broken pipe.
  const script = [
    ...(stalledOutput === undefined ? [] : [`exec 3<>'${stalledOutput}'`]),
    ...(stalledInput === undefined
      ? []
      : [`exec 4<>'${stalledInput.fifo}'`, `head -c ${stalledInput.length} '${stalledInput.file}' >&4 &`]),
    `exec "$0" "$@" ${stalledOutput === undefined ? '' : '>&3 3>&-'} ${
      stalledInput === undefined ? (input === undefined ? '</dev/null' : `<'${input}'`) : '<&4 4<&-'
    }`,
  ].join('\n');
  const child = spawn('bash', ['-c', script, process.execPath, ZNIP, ...args], {
    cwd,
    env: {
      ...process.env,
      // Faults are put into calls of node:fs, which the native core does without. How threads end is the same; what a system
      // call that fails does to the core is in system-calls.slow.test.ts.
      ZNIP_CORE: 'portable',
      NODE_OPTIONS: options.join(' '),
      ZNIP_TEST_FAULTS: JSON.stringify(faults),
    },
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  });
  let stderr = '';
  child.stderr?.on('data', (piece: Buffer) => (stderr += piece.toString()));
  let hangs = false;
  const deadline = setTimeout(() => {
    hangs = true;
    child.kill('SIGKILL');
  }, DEADLINE_MS);
  const ended = new Promise((resolve) => child.once('exit', resolve));
  // What it wrote may arrive after it has ended.
  const heard = new Promise<[number | null, NodeJS.Signals | null]>((resolve) => {
    child.once('close', (status, by) => resolve([status, by]));
  });
  if (signal !== undefined) {
    const { when } = signal;
    const isTime = typeof when === 'string' ? () => existsSync(when) : standsStill(child.pid ?? 0, when);
    while (!isTime() && child.exitCode === null && child.signalCode === null)
      await new Promise((resolve) => setTimeout(resolve, 20));
    child.kill(signal.name);
  }
  await ended;
  clearTimeout(deadline);
  // What feeds a FIFO may be left: it goes with the group.
  try {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  } catch {
    // Nothing is left of it.
  }
  const [status, by] = await heard;
  return { status, signal: by, hangs, stderr };
}
