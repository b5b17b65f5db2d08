/**
 * A reader that stands still holds up whoever packs into its pipe, in bounded memory.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startZnip, ZNIP } from '../support/run.ts';
import { describeTree, noise, temporaryDirectory } from '../support/tree.ts';

const directory = temporaryDirectory();
const at = (name: string): string => join(directory, name);
const here = { cwd: directory };

test('a writer that is stalled does not fill the memory', async () => {
  // 192 MiB that do not compress, into a target on which nothing can be finished quickly.
  mkdirSync(at('stall'));
  for (let i = 0; i < 12; i++) writeFileSync(at(`stall/${i}`), noise(16 * 1024 * 1024, i + 3));
  const packer = spawn(process.execPath, [ZNIP, 'pack', '-q', 'stall', '-o', '-'], here);
  const reader = startZnip(['unpack', '-q', '-', '-C', at('stalled')]);
  packer.stdout.pipe(reader.stdin as NodeJS.WritableStream);
  await new Promise((resolve) => setTimeout(resolve, 300));
  // A consumer that stands still: the packer must stop too, its memory bounded by its ring.
  process.kill(reader.pid ?? 0, 'SIGSTOP');
  await new Promise((resolve) => setTimeout(resolve, 2500));
  const peak = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${packer.pid}/status`, 'utf8'))?.[1];
  process.kill(reader.pid ?? 0, 'SIGCONT');
  const status = await new Promise((resolve) => reader.once('exit', resolve));
  expect(status).toBe(0);
  expect(Number(peak) / 1024).toBeLessThan(400);
  expect(describeTree(at('stalled/stall')).size).toBe(12);
});
