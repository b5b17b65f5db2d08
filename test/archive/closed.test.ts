/**
 * A closed archive says that it is closed, and never reads what got its descriptor.
 */
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import {
  type Archive,
  diff,
  list,
  openArchive,
  pack,
  readInfo,
  readMember,
  readTar,
  unpack,
} from 'znip/internal';
import { noise, temporaryDirectory } from '../support/tree.ts';

const directory = temporaryDirectory();
const at = (name: string): string => join(directory, name);
const CLOSED = {
  code: 'usage',
  message: expect.stringMatching(/is closed: open it again to read more of it$/),
};

beforeAll(async () => {
  mkdirSync(at('t'));
  writeFileSync(at('t/small'), 'small');
  writeFileSync(at('t/large'), noise(1_000_000));
  await pack(['t'], { directory, output: at('t.znip'), chunkSize: 65536 });
});

/** All of an iterator. */
async function drain(pieces: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of pieces);
}

const METHODS: Record<string, (archive: Archive) => unknown> = {
  entries: (archive) => archive.entries(),
  frames: (archive) => archive.frames(),
  remarks: (archive) => archive.remarks(),
  groups: async (archive) => archive.groups(),
  source: async (archive) => archive.source,
  readMember: (archive) => drain(readMember(archive, 't/small')),
  list: (archive) => drain(list(archive)),
  readInfo: (archive) => readInfo(archive),
  readTar: (archive) => drain(readTar(archive, { threads: 1 })),
  unpack: (archive) => unpack(archive, { directory: at('out') }),
  diff: (archive) => drain(diff(archive, directory)),
};

test.each(Object.keys(METHODS))('%s of a closed archive', async (name) => {
  const archive = await openArchive(at('t.znip'));
  // What is remembered is not given out either.
  await archive.frames();
  const { fd } = archive.source;
  archive.close();
  archive.close();
  const other = openSync(at('t/large'), 'r');
  try {
    expect(other).toBe(fd);
    await expect(METHODS[name]?.(archive)).rejects.toMatchObject(CLOSED);
  } finally {
    closeSync(other);
  }
});

test('a content that is being read ends with it', async () => {
  const archive = await openArchive(at('t.znip'));
  const pieces = readMember(archive, 't/large');
  const first = await pieces.next();
  expect(first.done).toBe(false);
  archive.close();
  const other = openSync(at('t/large'), 'r');
  await expect(pieces.next()).rejects.toMatchObject({ message: expect.stringContaining('is closed') });
  closeSync(other);
});

test('threads that read at that time keep the file, and what they write is of it', async () => {
  const archive = await openArchive(at('t.znip'));
  const { fd } = archive.source;
  let other: number | undefined;
  const unpacked = unpack(archive, {
    directory: at('threads'),
    threads: 2,
    onProgress: () => {
      if (other !== undefined) return;
      archive.close();
      other = openSync(at('t/large'), 'r');
    },
  });
  const outcome = await unpacked.then(
    () => 'done',
    (error: unknown) => error,
  );
  if (outcome !== 'done') expect(outcome).toMatchObject({ message: expect.stringContaining('is closed') });
  else expect(readFileSync(at('threads/t/large')).equals(noise(1_000_000))).toBe(true);
  if (other === undefined) throw new Error('nothing was told of');
  closeSync(other);
  // Nobody holds it any more: its number is free again.
  const next = openSync(at('t/large'), 'r');
  expect(next).toBeLessThanOrEqual(Math.max(fd ?? 0, other));
  closeSync(next);
});
