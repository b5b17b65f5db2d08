/**
 * What `readTar` hands out is the caller's: a stream holds pieces until its other end has room for them.
 */
import { createWriteStream, closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { beforeAll, expect, test } from 'vitest';
import { openArchive, readTar } from '../../src/internal.ts';
import { znip } from '../support/run.ts';
import { tarStream } from '../support/tar.ts';
import { noise, temporaryDirectory } from '../support/tree.ts';

const place = temporaryDirectory();
const tar = tarStream(
  ...Array.from({ length: 40 }, (_, i) => ({ name: `f${i}`, content: noise(200_000 + i) })),
);
const [tarFile, archive] = [join(place, 'a.tar'), join(place, 'a.znip')];

beforeAll(() => {
  writeFileSync(tarFile, tar);
  expect(znip(['pack', '-q', '--chunk-size', '256K', '--tar', tarFile, '-o', archive]).status).toBe(0);
});

test.each([1, 3])('through a pipeline, by the index (-j %i)', async (threads) => {
  const opened = await openArchive(archive);
  const copy = join(place, 'copy.tar');
  await pipeline(Readable.from(readTar(opened, { threads })), createWriteStream(copy));
  opened.close();
  expect(readFileSync(copy).equals(tar)).toBe(true);
});

test.each([
  ['an archive', archive],
  ['a tar file', tarFile],
])('pieces of %s that arrives stay as they were', async (_what, file) => {
  const fd = openSync(file, 'r');
  const pieces: Uint8Array[] = [];
  for await (const piece of readTar(fd, { threads: 1 })) pieces.push(piece);
  closeSync(fd);
  expect(pieces.length).toBeGreaterThan(3);
  expect(Buffer.concat(pieces).equals(tar)).toBe(true);
  expect(pieces.some(({ buffer }) => buffer instanceof SharedArrayBuffer)).toBe(false);
});
