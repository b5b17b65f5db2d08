/**
 * The program as a function, in this process: for what it says and its status. What is about a process, its signals,
 * pipes, threads and closed outputs, needs one (`run.ts`).
 */
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import type { World } from '../../src/cli/process/world.ts';
import { Session } from '../../src/cli/session.ts';

const nothing = openSync('/dev/null', 'r+');

/** No input, nobody who reads it, no signals. */
export function testWorld(parts: Partial<World> = {}): World {
  return {
    stdin: nothing,
    stdout: nothing,
    stderr: nothing,
    env: process.env,
    interruption: () => new AbortController().signal,
    tuneEngine() {},
    ...parts,
  };
}

/** Has the tests of a file run in this directory. Before other hooks of theirs. */
export function workIn(directory: string): void {
  const before = process.cwd();
  beforeAll(() => process.chdir(directory));
  afterAll(() => process.chdir(before));
}

export interface Ended {
  status: number;
  stdout: string;
  stderr: string;
}

/** Runs a command line to its end, in the working directory of this process. */
export async function runHere(args: readonly string[], env: World['env'] = {}): Promise<Ended> {
  const directory = mkdtempSync(join(tmpdir(), 'znip-run-'));
  const [out, err] = [join(directory, 'stdout'), join(directory, 'stderr')];
  const [stdout, stderr] = [openSync(out, 'wx'), openSync(err, 'wx')];
  try {
    const world = testWorld({ stdout, stderr, env: { ...process.env, ...env } });
    const status = await new Session(world).run(args);
    return { status, stdout: readFileSync(out, 'utf8'), stderr: readFileSync(err, 'utf8') };
  } finally {
    closeSync(stdout);
    closeSync(stderr);
    rmSync(directory, { recursive: true });
  }
}
