/**
 * A reader of standard output that stands still: the command waits, with no more memory than its ring and what it
 * has read ahead, and goes on when the reader does.
 */
import type { ChildProcess } from 'node:child_process';
import { createReadStream, readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { beforeAll, expect, test } from 'vitest';
import { packTar } from 'znip/internal';
import { startZnip } from '../support/run.ts';
import { END_OF_TAR, tarMember } from '../support/tar.ts';
import { noise, temporaryDirectory } from '../support/tree.ts';

const MiB = 1024 * 1024;
const CHUNK = ['--chunk-size', '4M'];
/** Four slots of 4 MiB, in and out, what is read ahead, and the program itself with its four threads. */
const BOUND_MIB = 250;
const LENGTH = 384 * MiB;
const POLL_MS = 100;

const directory = temporaryDirectory();
const here = { cwd: directory };
/** No chunk is large enough to see that it comes again. */
const piece = noise(64 * MiB);
const header = tarMember({ name: 'large', size: LENGTH });

function* content(): Generator<Buffer> {
  for (let sent = 0; sent < LENGTH; sent += piece.length) yield piece;
}

function* tar(): Generator<Buffer> {
  yield header;
  yield* content();
  yield END_OF_TAR;
}

/** The most memory that a process has had, in MiB. */
function peakOf({ pid }: ChildProcess): number {
  return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
}

/** Waits until a process has neither read nor written anything for a second. */
async function untilIdle({ pid }: ChildProcess): Promise<void> {
  for (let last = '', same = 0; same < 10;) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    const bytes = /rchar: \d+\nwchar: \d+/.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))?.[0] ?? '';
    same = bytes === last ? same + 1 : 0;
    last = bytes;
  }
}

beforeAll(async () => {
  await packTar(Readable.from(tar()), { output: `${directory}/large.znip`, threads: 2, chunkSize: 4 * MiB });
});

test.each<[string, string[], () => Readable]>([
  ['pack --tar', ['pack', '-q', '--tar', '-', '-o', '-', '-j2', ...CHUNK], () => Readable.from(tar())],
  [
    'pack --name',
    ['pack', '-q', '--name', 'large', '-o', '-', '-j2', ...CHUNK, '-'],
    () => Readable.from(content()),
  ],
  [
    'unpack --tar',
    ['unpack', '-q', '--tar', '-', '-', '-j2'],
    () => createReadStream(`${directory}/large.znip`),
  ],
])('%s, from a pipe into a pipe', async (_, args, input) => {
  const child = startZnip(args, here);
  const ended = new Promise((resolve) => child.once('close', resolve));
  const feeding = pipeline(input(), child.stdin as NodeJS.WritableStream);
  // The first bytes are taken, so that everything is on its way, and then no more.
  await new Promise((resolve) => child.stdout?.once('readable', resolve));
  await untilIdle(child);
  expect(peakOf(child)).toBeLessThan(BOUND_MIB);
  let received = 0;
  child.stdout?.on('data', (data: Buffer) => (received += data.length));
  await feeding;
  expect(await ended).toBe(0);
  expect(received).toBeGreaterThan(LENGTH);
});
