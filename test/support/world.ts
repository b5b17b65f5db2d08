/**
 * The program as a function, in this process: for what it says and its status. What is about a process, its signals,
 * pipes, threads and closed outputs, needs one (`run.ts`).
 */
import { openSync } from 'node:fs';
import type { World } from '../../src/cli/process/world.ts';

const nothing = openSync('/dev/null', 'r+');

/** No input, nobody who reads it, no signals. */
export function testWorld(parts: Partial<World> = {}): World {
  return {
    stdin: nothing,
    stdout: nothing,
    stderr: nothing,
    env: process.env,
    interruption: () => new AbortController().signal,
    curbGarbage() {},
    ...parts,
  };
}
