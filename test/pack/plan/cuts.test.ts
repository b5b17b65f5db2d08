/** Trees and tar streams of them are cut into the same chunks, also where members fill a chunk exactly. */
import { createReadStream, mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openArchive, pack, packTar } from 'znip/internal';
import { znip } from '../../support/run.ts';
import { noise, temporaryDirectory } from '../../support/tree.ts';

const directory = temporaryDirectory();
const at = (name: string): string => join(directory, name);
const CHUNK_SIZE = 65536;

/** Whole seconds, so that a header is one record. */
function write(path: string, size: number): void {
  writeFileSync(at(path), noise(size, size));
  utimesSync(at(path), 1_700_000_000, 1_700_000_000);
}

async function chunkLengths(archive: string): Promise<number[]> {
  const opened = await openArchive(at(archive));
  try {
    return (await opened.frames()).map(({ streamLength }) => streamLength);
  } finally {
    opened.close();
  }
}

test.each([
  ['more files', 100],
  ['a long file', 200_000],
  ['nothing', undefined],
])('behind full chunks comes %s', async (behind, size) => {
  const root = behind.replaceAll(' ', '-');
  mkdirSync(at(root));
  // With the directory, the first takes 2 KiB, as each other does; 32 of them are a chunk.
  for (let i = 0; i < 256; i++) write(`${root}/${String(i).padStart(3, '0')}`, i === 0 ? 1000 : 1500);
  if (size !== undefined) write(`${root}/x`, size);
  utimesSync(at(root), 1_700_000_000, 1_700_000_000);
  const options = { chunkSize: CHUNK_SIZE, threads: 1 };
  await pack([{ directory, path: root }], { ...options, output: at(`${root}.znip`) });
  expect(znip(['unpack', '--tar', `${root}.tar`, `${root}.znip`], { cwd: directory }).status).toBe(0);
  await packTar(createReadStream(at(`${root}.tar`)), { ...options, output: at(`${root}.tar.znip`) });
  const lengths = await chunkLengths(`${root}.znip`);
  expect(await chunkLengths(`${root}.tar.znip`)).toEqual(lengths);
  // A full chunk ends where its ranks say, as others do: none of these is full.
  expect(Math.max(...lengths.slice(0, 8))).toBeLessThan(CHUNK_SIZE);
});
