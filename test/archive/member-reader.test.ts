/**
 * Single members: the right bytes, from the right blobs and no others, and never bytes that were not
 * verified.
 */
import { linkSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Archive, openArchive } from '../../src/archive/archive.ts';
import { type ByteRange, readMember } from '../../src/archive/member-reader.ts';
import { FileSource } from '../../src/io/source.ts';
import { type ForgedMember, forgeArchive, type ForgeOptions, hash } from '../support/forge.ts';
import { znip } from '../support/run.ts';
import { noise, prose, temporaryDirectory } from '../support/tree.ts';

const directory = temporaryDirectory();
const at = (name: string): string => join(directory, name);

const CHUNK = 65536;
const SMALL = prose(1000);
/** Spans five chunks. */
const LARGE = Buffer.concat([noise(3 * CHUNK), prose(CHUNK + 123)]);

/** A file that counts what is read of it. */
class CountingSource extends FileSource {
  reads: { offset: number; length: number }[] = [];

  override async read(offset: number, length: number): Promise<Uint8Array> {
    this.reads.push({ offset, length });
    return super.read(offset, length);
  }
}

beforeAll(() => {
  mkdirSync(at('t/sub'), { recursive: true });
  writeFileSync(at('t/empty'), '');
  writeFileSync(at('t/large'), LARGE);
  writeFileSync(at('t/small'), SMALL);
  writeFileSync(at('t/zz-last'), noise(CHUNK / 2, 5));
  symlinkSync('small', at('t/link'));
  linkSync(at('t/large'), at('t/sub/hard'));
  const pack = ['pack', '-q', 't', '-o', 't.znip', '--chunk-size', '64K'];
  expect(znip(pack, { cwd: directory }).status).toBe(0);
});

async function collect(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const collected: Uint8Array[] = [];
  for await (const piece of pieces) collected.push(piece);
  return Buffer.concat(collected);
}

async function withArchive<T>(work: (archive: Archive, source: CountingSource) => Promise<T>): Promise<T> {
  const source = new CountingSource(at('t.znip'));
  const archive = await openArchive(source);
  try {
    return await work(archive, source);
  } finally {
    archive.close();
  }
}

/** What a forged archive gives for a member: its bytes so far, and the code of the error that ended them. */
async function readForged(
  members: ForgedMember[],
  member: string,
  options: ForgeOptions = {},
): Promise<{ bytes: string; code: unknown; message: string }> {
  writeFileSync(at('forged.znip'), forgeArchive(members, options));
  const archive = await openArchive(at('forged.znip'));
  let bytes = '';
  try {
    for await (const piece of readMember(archive, member)) bytes += Buffer.from(piece).toString();
    return { bytes, code: undefined, message: '' };
  } catch (error) {
    const { code, message } = error as { code: unknown; message: string };
    return { bytes, code, message };
  } finally {
    archive.close();
  }
}

/** Numbers of the blobs that reading this range reads, in the order of the reads. */
async function blobsRead(name: string, range: ByteRange): Promise<number[]> {
  return withArchive(async (archive, source) => {
    const frames = await archive.frames();
    const blobs = new Map(frames.map(({ blobOffset }, blob) => [blobOffset, blob]));
    source.reads = [];
    await collect(readMember(archive, name, range));
    return source.reads.flatMap(({ offset, length }) => {
      const blob = blobs.get(offset);
      if (blob !== undefined) expect(length).toBe(frames[blob]?.blobLength);
      // Everything else that is read is index: it lies after the last blob.
      else expect(offset).toBeGreaterThan(frames.at(-1)?.blobOffset ?? 0);
      return blob === undefined ? [] : [blob];
    });
  });
}

/** A hard link. */
const link = (linkTarget: string): ForgedMember => ({ path: 'h', kind: 'hardlink', linkTarget });

describe('contents', () => {
  test.each([
    ['t/empty', Buffer.alloc(0)],
    ['t/small', SMALL],
    ['t/large', LARGE],
    ['t/sub/hard', LARGE],
  ])('%s', async (name, content) => {
    await withArchive(async (archive) => {
      expect((await collect(readMember(archive, name))).equals(content)).toBe(true);
    });
  });

  test('by entry', async () => {
    await withArchive(async (archive) => {
      for (const ref of await archive.entries()) {
        if (ref.batch.path(ref.row) !== 't/sub/hard') continue;
        expect((await collect(readMember(archive, ref))).equals(LARGE)).toBe(true);
      }
    });
  });

  test('any range is what the content has there', async () => {
    const edge = fc.oneof(
      fc.nat(LARGE.length),
      fc.constantFrom(0, CHUNK - 1, CHUNK, CHUNK + 1, 4 * CHUNK, LARGE.length),
    );
    await withArchive(async (archive) => {
      const property = fc.asyncProperty(edge, edge, async (a, b) => {
        const range = { start: Math.min(a, b), end: Math.max(a, b) };
        const bytes = await collect(readMember(archive, 't/large', range));
        expect(bytes.equals(LARGE.subarray(range.start, range.end))).toBe(true);
      });
      await fc.assert(property, { numRuns: 60 });
    });
  });

  test.each<[ByteRange, number, number]>([
    [{ start: 10 }, 10, 1000],
    [{ end: 10 }, 0, 10],
    [{ start: 990, end: 5000 }, 990, 1000],
    [{ start: 1000 }, 1000, 1000],
    [{ start: 5, end: 5 }, 5, 5],
  ])('%j of 1,000 bytes', async (range, start, end) => {
    await withArchive(async (archive) => {
      const bytes = await collect(readMember(archive, 't/small', range));
      expect(bytes.equals(SMALL.subarray(start, end))).toBe(true);
    });
  });

  test.each([
    ['t/none', {}, 'no-match', /has no member 't\/none'/],
    ['t', {}, 'usage', /member 't' is a directory: expected a file/],
    ['t/link', {}, 'usage', /member 't\/link' is a symlink to 'small', which is not followed/],
    ['t/small', { start: 1001 }, 'usage', /has 1000 bytes: a range cannot start at 1001/],
    ['t/small', { start: 5, end: 4 }, 'usage', /from 5 to 4 is not a range/],
    ['t/small', { start: 0.5 }, 'usage', /is not a range/],
  ])('%s %j is refused', async (name, range, code, message) => {
    await withArchive(async (archive) => {
      await expect(collect(readMember(archive, name, range))).rejects.toMatchObject({
        code,
        message: expect.stringMatching(message) as string,
      });
    });
  });
});

describe('what is read', () => {
  test('only the blobs that hold the range, each once', async () => {
    const all = await blobsRead('t/large', {});
    expect(all).toHaveLength(5);
    expect(all).toEqual(all.toSorted((a, b) => a - b));
    const [first = 0] = all;
    expect(await blobsRead('t/large', { start: 0, end: 1 })).toEqual([first]);
    // The member's header takes the first record of its first chunk.
    const inFirst = CHUNK - 512;
    expect(await blobsRead('t/large', { start: inFirst - 1, end: inFirst })).toEqual([first]);
    expect(await blobsRead('t/large', { start: inFirst, end: inFirst + 1 })).toEqual([first + 1]);
    expect(await blobsRead('t/large', { start: inFirst - 1, end: inFirst + 1 })).toEqual([first, first + 1]);
    expect(await blobsRead('t/large', { start: LARGE.length - 1 })).toEqual([first + 4]);
    expect(await blobsRead('t/large', { start: 7, end: 7 })).toEqual([]);
    expect(await blobsRead('t/empty', {})).toEqual([]);
    expect(await blobsRead('t/small', {})).toHaveLength(1);
  });

  test('one blob at a time, and none before it is asked for', async () => {
    await withArchive(async (archive, source) => {
      const pieces = readMember(archive, 't/large');
      await archive.frames();
      source.reads = [];
      await pieces.next();
      const before = source.reads.length;
      await pieces.next();
      expect(source.reads.length).toBe(before + 1);
      await pieces.return();
      expect(source.reads.length).toBe(before + 1);
    });
  });
});

describe('what is damaged or lies', () => {
  const wrong = hash(Buffer.from('something else'));

  test('a blob with another hash yields nothing, and names the member', async () => {
    const result = await readForged([{ path: 'f', content: 'content' }], 'f', {
      blob: (blob, number) => {
        if (number === 0) blob[blob.byteLength - 512] = 0x21;
        return blob;
      },
    });
    expect(result).toMatchObject({ bytes: '', code: 'damaged-block' });
    expect(result.message).toContain("cannot read member 'f': blob 0 at byte ");
  });

  test('a content that is not what the index says, in one chunk: nothing is yielded', async () => {
    const member = { path: 'f', content: 'content', indexed: { checksum: wrong } };
    expect(await readForged([member], 'f')).toMatchObject({ bytes: '', code: 'damaged-member' });
    const empty = { path: 'f', content: '', indexed: { checksum: wrong } };
    expect(await readForged([empty], 'f')).toMatchObject({ bytes: '', code: 'damaged-member' });
  });

  test('in several chunks: an error at the end', async () => {
    // The end of the tar stream is a second chunk; a content that claims to reach into it spans two.
    const member = { path: 'f', content: 'c'.repeat(512), indexed: { size: 600, checksum: wrong } };
    const result = await readForged([member], 'f');
    expect(result.bytes).toHaveLength(600);
    expect(result).toMatchObject({ code: 'damaged-member' });
    expect(result.message).toContain("member 'f' is damaged");
  });

  test('a content outside the tar stream', async () => {
    const far = { path: 'f', content: 'c', indexed: { streamOffset: 1_000_000 } };
    expect(await readForged([far], 'f')).toMatchObject({ bytes: '', code: 'inconsistent' });
    const long = { path: 'f', content: 'c', indexed: { size: 1_000_000 } };
    expect(await readForged([long], 'f')).toMatchObject({ bytes: '', code: 'inconsistent' });
  });

  test('a blob that is longer than its chunk can need is not read', async () => {
    const result = await readForged([{ path: 'f', content: 'c' }], 'f', {
      blob: (blob, number) => (number === 0 ? Buffer.concat([blob, Buffer.alloc(5000)]) : blob),
    });
    expect(result).toMatchObject({ bytes: '', code: 'inconsistent' });
    expect(result.message).toContain('bytes for a chunk of 1024');
  });

  test('hard links that lead to no file', async () => {
    expect(await readForged([link('nothing')], 'h')).toMatchObject({ code: 'unsafe-link' });
    expect(await readForged([{ path: 'd', kind: 'directory' }, link('d')], 'h')).toMatchObject({
      code: 'unsafe-link',
    });
    expect(await readForged([link('h')], 'h')).toMatchObject({ code: 'unsafe-link' });
  });

  test('the later of two members counts, of whatever kinds they are', async () => {
    const twice = [
      { path: 'f', content: 'first' },
      { path: 'f', content: 'second' },
    ];
    expect(await readForged(twice, 'f')).toMatchObject({ bytes: 'second', code: undefined });
    const kinds: ForgedMember[] = [
      { path: 'f', content: 'first' },
      { path: 'f', kind: 'symlink', linkTarget: 'x' },
    ];
    expect(await readForged(kinds, 'f')).toMatchObject({ bytes: '', code: 'usage' });
    expect(await readForged(kinds.toReversed(), 'f')).toMatchObject({ bytes: 'first', code: undefined });
    const directory: ForgedMember[] = [
      { path: 'f', content: 'first' },
      { path: 'f', kind: 'directory' },
    ];
    expect(await readForged(directory, 'f')).toMatchObject({ bytes: '', code: 'usage' });
    expect(await readForged(directory.toReversed(), 'f')).toMatchObject({ bytes: 'first', code: undefined });
  });
});
