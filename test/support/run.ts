/**
 * Runs the program as a user does: another process, its exit status, its two outputs.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const ZNIP = fileURLToPath(new URL('../../bin/znip.cjs', import.meta.url));

export interface RunResult {
  status: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
  output: Buffer;
}

export interface RunOptions {
  cwd?: string;
  env?: Record<string, string>;
  input?: Buffer | string;
  timeout?: number;
}

function result(run: ReturnType<typeof spawnSync>): RunResult {
  if (run.error !== undefined) throw run.error;
  const output = run.stdout as Buffer;
  return {
    status: run.status,
    signal: run.signal,
    output,
    stdout: output.toString('utf8'),
    stderr: (run.stderr as Buffer).toString('utf8'),
  };
}

/** Runs another program to its end. */
export function run(command: string, args: readonly string[], options: RunOptions = {}): RunResult {
  const { cwd, env, input, timeout = 60_000 } = options;
  return result(
    spawnSync(command, args, {
      ...(cwd === undefined ? {} : { cwd }),
      ...(input === undefined ? {} : { input }),
      env: { ...process.env, ...env },
      timeout,
      maxBuffer: 1 << 30,
    }),
  );
}

/** Runs znip to its end. */
export function znip(args: readonly string[], options: RunOptions = {}): RunResult {
  return run(process.execPath, [ZNIP, ...args], options);
}

/** Starts znip and leaves it running. */
export function startZnip(
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): ChildProcess {
  return spawn(process.execPath, [ZNIP, ...args], { stdio: 'pipe', ...options });
}

/** Whether a program is there to check against. */
export function hasProgram(name: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${name}`]).status === 0;
}

/** Whether one of these programs is missing: the tests that compare with it are skipped then. */
export function lacks(...names: readonly string[]): boolean {
  return names.some((name) => !hasProgram(name));
}
