/**
 * Runs znip and stops it after a chosen system call, so that somebody else can act in the target before the next one.
 * strace delivers SIGSTOP with the call: the moment is exact, and no machine is too slow or too fast for it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { lacks, run, ZNIP } from '../../support/run.ts';

/** Calls that reach a file by its name or change what a descriptor stands for. */
const CALLS = [
  'openat',
  'mkdir',
  'mkdirat',
  'rename',
  'renameat',
  'renameat2',
  'link',
  'linkat',
  'symlink',
  'symlinkat',
  'unlink',
  'unlinkat',
  'rmdir',
  'fchmod',
  'fchmodat',
  'fchown',
  'fchownat',
  'lchown',
  'utimensat',
  'statx',
  'newfstatat',
  'ftruncate',
];

/** Debian: strace. Containers may forbid ptrace. */
export const CANNOT_TRACE = lacks('strace') || run('strace', ['-qq', '-o', '/dev/null', 'true']).status !== 0;

/** A run that has not ended by then hangs. */
const DEADLINE_MS = 12_000;
/** What hangs must hear a signal within this time. */
const SIGNAL_MS = 5_000;

export interface TracedRun {
  cwd: string;
  args: readonly string[];
  /** File that standard input comes from. */
  input?: string;
  /** Who runs it; default: whoever runs the test. */
  user?: number;
}

/** A moment: after the `nth` call of this name of the main thread. */
export interface Moment {
  call: string;
  nth: number;
  /** The call that would be the next one, as strace writes it. */
  next: string;
}

export interface Outcome {
  status: number | null;
  stderr: string;
  /** It did not end by itself. */
  hangs: boolean;
  /** It hung, and did not hear SIGINT. */
  deaf: boolean;
  stopped: boolean;
}

interface Tracing extends TracedRun {
  inject?: Moment;
  onStop?: () => void;
}

async function trace({
  cwd,
  args,
  input,
  user,
  inject,
  onStop,
}: Tracing): Promise<Outcome & { log: string }> {
  const tracing =
    inject === undefined ? [] : ['-e', `inject=${inject.call}:signal=SIGSTOP:when=${inject.nth}`];
  const strace = ['-f', '-qq', '-o', '|cat >&3', '-s', '80', '-e', `trace=${CALLS.join(',')}`, ...tracing];
  const stdin = input === undefined ? ('ignore' as const) : openSync(input, 'r');
  const child = spawn('strace', [...strace, process.execPath, ZNIP, ...args], {
    cwd,
    stdio: [stdin, 'ignore', 'pipe', 'pipe'],
    ...(user === undefined ? {} : { uid: user, gid: user }),
    detached: true,
  });
  if (typeof stdin === 'number') closeSync(stdin);
  const outcome: Outcome & { log: string } = {
    status: null,
    stderr: '',
    hangs: false,
    deaf: false,
    stopped: false,
    log: '',
  };
  child.stderr?.on('data', (piece: Buffer) => (outcome.stderr += piece.toString()));
  let failure: Error | undefined;
  let rest = '';
  child.stdio[3]?.on('data', (piece: Buffer) => {
    const lines = (rest + piece.toString()).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      outcome.log += `${line}\n`;
      const pid = /^(\d+) +--- stopped by SIGSTOP/.exec(line)?.[1];
      if (pid === undefined) continue;
      try {
        if (!outcome.stopped) onStop?.();
      } catch (error) {
        failure = error as Error;
      }
      outcome.stopped = true;
      signal(Number(pid), 'SIGCONT');
    }
  });
  const traced = (): number => Number(/^(\d+) /.exec(outcome.log)?.[1] ?? 0);
  const patience = setTimeout(() => {
    outcome.hangs = true;
    signal(traced(), 'SIGINT');
  }, DEADLINE_MS);
  const end = setTimeout(() => {
    outcome.deaf = true;
    signal(-(child.pid ?? 0), 'SIGKILL');
    signal(traced(), 'SIGKILL');
  }, DEADLINE_MS + SIGNAL_MS);
  outcome.status = await ended(child);
  clearTimeout(patience);
  clearTimeout(end);
  if (failure !== undefined) throw failure;
  return outcome;
}

function ended(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => child.once('close', (status) => resolve(status)));
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    if (pid !== 0) process.kill(pid, name);
  } catch {
    // It has ended.
  }
}

/** The moments of a run from when it opens the target `directory`, which it is to reach but once, to its end. */
export async function momentsOf(tracedRun: TracedRun, directory: string): Promise<Moment[]> {
  const { status, stderr, log } = await trace(tracedRun);
  if (status !== 0) throw new Error(`status ${status}: ${stderr}`);
  const counts = new Map<string, number>();
  const calls: { call: string; nth: number; text: string }[] = [];
  const main = /^(\d+) /.exec(log)?.[1];
  let inTarget = false;
  for (const line of log.split('\n')) {
    const [, pid, call, text] = /^(\d+) +((?:[a-z0-9]+))(\(.*)$/.exec(line) ?? [];
    if (pid !== main || call === undefined || text === undefined) continue;
    const nth = (counts.get(call) ?? 0) + 1;
    counts.set(call, nth);
    if (text.includes(`"${directory}"`) && text.includes('O_DIRECTORY')) inTarget = true;
    if (inTarget) calls.push({ call, nth, text: `${call}${text}` });
  }
  return calls.map(({ call, nth }, i) => ({ call, nth, next: calls[i + 1]?.text ?? 'exit' }));
}

/** Runs znip; `act` is called once, at that moment, when it stands still. */
export async function runStopped(tracedRun: TracedRun, moment: Moment, act: () => void): Promise<Outcome> {
  return trace({ ...tracedRun, inject: moment, onStop: act });
}
