/**
 * `--memory`: the least that a command takes.
 */
import { expect } from 'vitest';
import { type RunOptions, znip } from './run.ts';

/** Bytes of memory with which `znip pack`, or another command, just works: it tells when there is less. */
export function leastMemory(args: readonly string[], options: RunOptions, command = 'pack'): number {
  const { status, stderr } = znip([command, ...args, '--memory', '1M'], options);
  const least = /^znip: --memory 1M is too little: \w+ing .* takes (\d+)M at least\n$/.exec(stderr)?.[1];
  expect({ status, stderr, least }).toEqual({ status: 2, stderr, least: expect.any(String) });
  return Number(least) * 1024 * 1024;
}
