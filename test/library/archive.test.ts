/**
 * An open archive: what can be asked of it, from every kind of source.
 */
import { mkdirSync, openAsBlob, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pathToFileURL } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Archive, Entry, open, pack, type Source, ZnipError } from 'znip';
import { znip } from '../support/run.ts';
import { describeTree, makeTree, noise, temporaryDirectory } from '../support/tree.ts';

const directory = temporaryDirectory();
const at = (name: string): string => join(directory, name);
const CHUNK = 65_536;
let bytes: Buffer;

beforeAll(async () => {
  makeTree(at('tree'), CHUNK, 200_000);
  writeFileSync(at('tree/long'), noise(3 * CHUNK));
  await pack([{ path: 'tree', directory }], { output: at('tree.znip'), chunkSize: CHUNK, owner: true });
  bytes = readFileSync(at('tree.znip'));
});

const SOURCES: [kind: string, source: () => Source | Promise<Source>][] = [
  ['a path', () => at('tree.znip')],
  ['a file: URL', () => pathToFileURL(at('tree.znip'))],
  ['a Blob', () => new Blob([bytes])],
  ['a Blob of a file', () => openAsBlob(at('tree.znip'))],
  [
    'an object',
    () => ({ size: bytes.byteLength, read: (offset, length) => bytes.subarray(offset, offset + length) }),
  ],
];

async function text(archive: Archive, ...args: Parameters<Archive['stream']>): Promise<string> {
  return new Response(archive.stream(...args)).text();
}

describe.each(SOURCES)('from %s', (_, source) => {
  test('lists, reads, unpacks', async () => {
    await using archive = await open(await source());
    const listed = new Map<string, Entry>();
    for await (const entry of archive.entries()) listed.set(entry.path, entry);
    const stats = statSync(at('tree/bin/run'), { bigint: true });
    expect(listed.get('tree/bin/run')).toMatchObject({
      kind: 'file',
      size: 19,
      mode: 0o755,
      mtimeNs: stats.mtimeNs,
      mtime: new Date(Number(stats.mtimeMs)),
      linkTarget: null,
      linkTargetBytes: null,
      uid: Number(stats.uid),
      gid: Number(stats.gid),
      packageType: 'plain',
      repo: '',
      changed: false,
    });
    expect(listed.get('tree/links/run')).toMatchObject({
      kind: 'symlink',
      linkTarget: '../bin/run',
      checksum: null,
    });
    expect(await text(archive, 'tree/bin/run')).toBe('#!/bin/sh\necho run\n');
    const long = await new Response(archive.stream(listed.get('tree/long') as Entry)).arrayBuffer();
    expect(Buffer.from(long).equals(readFileSync(at('tree/long')))).toBe(true);
    const target = at(`from-${SOURCES.findIndex(([kind]) => kind === _)}`);
    const result = await archive.extract(target);
    expect(result).toMatchObject({ members: listed.size, events: 0, lost: 0, kept: 0 });
    expect(describeTree(join(target, 'tree'))).toEqual(describeTree(at('tree')));
  });
});

test('names that are not UTF-8 are text, with their bytes beside them', async () => {
  await using archive = await open(at('tree.znip'));
  const found = [];
  for await (const entry of archive.entries()) if (entry.path.includes('\ufffd')) found.push(entry);
  expect(found.map(({ pathBytes }) => Buffer.from(pathBytes).toString('latin1'))).toContain(
    'tree/f\xff\xfe.b',
  );
});

test('entries are chosen by group and by name', async () => {
  await using archive = await open(at('tree.znip'));
  const names = async (options: Parameters<Archive['entries']>[0]): Promise<string[]> => {
    const all = [];
    for await (const { path } of archive.entries(options)) all.push(path);
    return all;
  };
  expect(await names({ packageTypes: ['npm'] })).toEqual(['tree/package-1.0.0.tgz']);
  expect(await names({ packageTypes: ['npm', 'maven'] })).toHaveLength(2);
  expect(await names({ repos: ['none'] })).toEqual([]);
  expect(await names({ patterns: ['tree/a/*'], exclude: ['zero', 'b'] })).toEqual([
    'tree/a/one',
    'tree/a/zz-hard-large',
  ]);
  expect(await names({ patterns: ['nothing'] })).toEqual([]);
  expect(archive.groups.map(({ packageType, members }) => [packageType, members])).toContainEqual(['npm', 1]);
});

test('a member is found by its name', async () => {
  await using archive = await open(at('tree.znip'));
  const entry = await archive.find('tree/日本語.txt');
  expect(entry?.size).toBe(22);
  expect(entry?.checksum).toMatch(/^[0-9a-f]{64}$/);
  expect(entry).toBeInstanceOf(Entry);
  expect(await archive.find('tree/absent')).toBeUndefined();
});

test('ranges of a content, across chunks', async () => {
  await using archive = await open(at('tree.znip'));
  const content = readFileSync(at('tree/long'));
  const read = async (start?: number, end?: number): Promise<Buffer> =>
    Buffer.from(await new Response(archive.stream('tree/long', { start, end })).arrayBuffer());
  for (const [start, end] of [
    [0, 1],
    [CHUNK - 1000, CHUNK + 1],
    [2 * CHUNK, undefined],
    [3 * CHUNK, undefined],
    [undefined, 5],
    [7, 1e12],
  ] as const) {
    expect((await read(start, end)).equals(content.subarray(start, end))).toBe(true);
  }
  await expect(read(3 * CHUNK + 1)).rejects.toMatchObject({ code: 'usage' });
  await expect(text(archive, 'tree/absent')).rejects.toMatchObject({ code: 'no-match' });
  await expect(text(archive, 'tree/bin')).rejects.toMatchObject({ code: 'usage' });
  expect(await text(archive, 'tree/links/hard')).toBe('x');
});

test('an entry is of its archive alone, however often that is open', async () => {
  await pack({ path: 'tree/private', content: 'another' }, { output: at('other.znip') });
  await using archive = await open(at('tree.znip'));
  await using again = await open(new Blob([bytes]));
  await using other = await open(at('other.znip'));
  const entry = (await archive.find('tree/private')) as Entry;
  expect(await text(again, entry)).toBe('secret');
  await expect(text(other, entry, { end: 3 })).rejects.toMatchObject({ code: 'usage' });
});

test('pieces are the caller’s: changing one changes nothing else', async () => {
  await using archive = await open(at('tree.znip'));
  for (let time = 0; time < 2; time++) {
    for await (const piece of archive.stream('tree/private')) {
      expect(piece.buffer.byteLength).toBe(6);
      expect(Buffer.from(piece).toString()).toBe('secret');
      piece.fill(0);
    }
  }
});

test('the tar stream, and what an archive is made of', async () => {
  await using archive = await open(at('tree.znip'));
  const tar = Buffer.from(await new Response(archive.tar()).arrayBuffer());
  expect(tar.equals(znip(['unpack', '--tar', '-', at('tree.znip')]).output)).toBe(true);
  const info = await archive.info();
  expect(info).toMatchObject({
    rootHash: archive.rootHash,
    streamBytes: tar.byteLength,
    archiveBytes: bytes.byteLength,
  });
});

test('only the archive with the root hash is opened', async () => {
  await using archive = await open(at('tree.znip'));
  await using again = await open(at('tree.znip'), { root: archive.rootHash.toUpperCase() });
  expect(again.rootHash).toBe(archive.rootHash);
  await expect(open(at('tree.znip'), { root: 'ab' })).rejects.toMatchObject({ code: 'root-mismatch' });
});

test('a closed archive says so, whatever is asked', async () => {
  const archive = await open(at('tree.znip'));
  const closed = { code: 'usage', message: expect.stringContaining('is closed') as string };
  await archive.close();
  await archive.close();
  await expect(archive.entries().next()).rejects.toMatchObject(closed);
  await expect(archive.find('a')).rejects.toMatchObject(closed);
  await expect(text(archive, 'tree/private')).rejects.toMatchObject(closed);
  await expect(archive.extract(at('never'))).rejects.toMatchObject(closed);
  await expect(archive.info()).rejects.toMatchObject(closed);
  expect(() => archive.groups).toThrow(ZnipError);
});

test('await using closes it', async () => {
  let kept: Archive;
  {
    await using archive = await open(at('tree.znip'));
    kept = archive;
  }
  await expect(kept.find('a')).rejects.toMatchObject({ code: 'usage' });
});

test('what is no source, and what is no archive', async () => {
  await expect(open(42 as unknown as string)).rejects.toMatchObject({ code: 'usage' });
  await expect(open(Readable.from([bytes]) as unknown as string)).rejects.toMatchObject({
    code: 'usage',
  });
  await expect(open(at('absent'))).rejects.toMatchObject({ code: 'io' });
  await expect(open(new Blob(['text']))).rejects.toMatchObject({ code: 'not-an-archive' });
  mkdirSync(at('folder'));
  await expect(open(at('folder'))).rejects.toMatchObject({ code: 'usage' });
});

test('every task ends with the reason of its signal', async () => {
  await using archive = await open(at('tree.znip'));
  const signal = AbortSignal.abort(new Error('enough'));
  await expect(open(at('tree.znip'), { signal })).rejects.toThrow('enough');
  await expect(archive.entries({ signal }).next()).rejects.toThrow('enough');
  await expect(archive.find('a', { signal })).rejects.toThrow('enough');
  await expect(text(archive, 'tree/private', { signal })).rejects.toThrow('enough');
  await expect(new Response(archive.tar({ signal })).text()).rejects.toThrow('enough');
  await expect(archive.extract(at('aborted'), { signal })).rejects.toThrow('enough');
  await expect(archive.info({ signal })).rejects.toThrow('enough');
  // The archive itself goes on.
  expect(await text(archive, 'tree/private')).toBe('secret');
});
