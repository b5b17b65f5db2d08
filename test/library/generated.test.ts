/**
 * Files that are made while packing.
 */
import { mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import {
  type GeneratedMember,
  open,
  pack,
  type PackInput,
  type PackOptions,
  verify,
  type ZnipEvent,
} from 'znip';
import { noise, temporaryDirectory } from '../support/tree.ts';

const directory = temporaryDirectory();
const at = (name: string): string => join(directory, name);
mkdirSync(at('dist'));
writeFileSync(at('dist/app.js'), 'app();\n');
writeFileSync(at('dist/zone.js'), 'zone();\n');

interface Made {
  names: string[];
  text: (path: string) => Promise<string>;
}

async function make(inputs: Parameters<typeof pack>[0], options: Partial<PackOptions> = {}): Promise<Made> {
  const output = at('made.znip');
  await pack(inputs, { directory, ...options, output });
  expect(await verify(output)).toMatchObject({ ok: true });
  const archive = await open(new Blob([readFileSync(output)]));
  const names = [];
  for await (const { path } of archive.entries()) names.push(path);
  return { names, text: (path) => new Response(archive.stream(path)).text() };
}

test('every kind of content, in the order of the inputs', async () => {
  const contents: [name: string, content: GeneratedMember['content']][] = [
    ['text', 'été'],
    ['bytes', Buffer.from('été')],
    ['readable', Readable.from([Buffer.from('é'), Buffer.from('té')])],
    ['web', new Blob(['été']).stream()],
    [
      'generator',
      (async function* () {
        yield Buffer.from('été');
      })(),
    ],
  ];
  const { names, text } = await make([
    { path: 'first', content: '' },
    'dist',
    ...contents.map(([path, content]) => ({ path: `made/${path}`, content, size: 5 })),
  ]);
  expect(names).toEqual([
    'first',
    'dist',
    'dist/app.js',
    'dist/zone.js',
    ...contents.map(([name]) => `made/${name}`),
  ]);
  expect(await text('first')).toBe('');
  for (const [name] of contents) expect(await text(`made/${name}`)).toBe('été');
});

test('one input alone, an iterator, an endless one with a signal', async () => {
  expect((await make({ path: 'a', content: 'x' })).names).toEqual(['a']);
  expect((await make('dist/app.js')).names).toEqual(['dist/app.js']);
  expect(
    (
      await make(
        (function* (): Generator<PackInput> {
          yield 'dist/app.js';
          yield { path: 'b', content: 'x' };
        })(),
      )
    ).names,
  ).toEqual(['dist/app.js', 'b']);
  expect((await make([])).names).toEqual([]);
  let ended = false;
  const endless = async function* (): AsyncGenerator<PackInput> {
    try {
      for (let i = 0; ; i++) yield { path: `${i}`, content: noise(1000) };
    } finally {
      ended = true;
    }
  };
  const signal = AbortSignal.timeout(200);
  await expect(pack(endless(), { output: at('endless.znip'), signal })).rejects.toMatchObject({
    name: 'TimeoutError',
  });
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(ended).toBe(true);
});

test('mode and time are given, or always the same', async () => {
  const members = [
    { path: 'plain', content: '' },
    { path: 'tool', content: '', mode: 0o755, mtime: new Date('2020-02-02T02:02:02.5Z') },
    { path: 'exact', content: '', mtime: 1_600_000_000_123_456_789n },
  ];
  const listed = async (options: Partial<PackOptions>): Promise<[string, number, bigint][]> => {
    await pack(members, { output: at('attributes.znip'), ...options });
    await using archive = await open(at('attributes.znip'));
    const all: [string, number, bigint][] = [];
    for await (const { path, mode, mtimeNs } of archive.entries()) all.push([path, mode, mtimeNs]);
    return all;
  };
  const fixed = 315_532_800_000_000_000n;
  expect(await listed({})).toEqual([
    ['plain', 0o644, fixed],
    ['tool', 0o755, 1_580_608_922_500_000_000n],
    ['exact', 0o644, 1_600_000_000_123_456_789n],
  ]);
  expect(await listed({ reproducible: true })).toEqual([
    ['plain', 0o644, fixed],
    ['tool', 0o755, fixed],
    ['exact', 0o644, fixed],
  ]);
  expect((await listed({ mtime: new Date(1000) }))[1]).toEqual(['tool', 0o755, 1_000_000_000n]);
  await expect(
    pack([{ path: 'a', content: '', mtime: new Date('?') }], { output: at('no.znip') }),
  ).rejects.toMatchObject({ code: 'usage' });
});

test('the archive is the one of such files, byte for byte, whatever the pieces and the threads', async () => {
  const contents = Array.from({ length: 40 }, (_, i) => noise(i * 9000, i + 1));
  mkdirSync(at('files'));
  contents.forEach((content, i) => {
    writeFileSync(at(`files/${i}`), content, { mode: 0o644 });
    utimesSync(at(`files/${i}`), 1e9, 1e9);
  });
  const options = { chunkSize: 65_536, threads: 2 };
  const output = at('files.znip');
  await pack(
    contents.map((_, i) => `files/${i}`),
    { directory, output, ...options },
  );
  const expected = readFileSync(output);
  for (const threads of [1, 2]) {
    const members = contents.map((content, i) => ({
      path: `files/${i}`,
      content: Readable.from(pieces(content, 1000 + 977 * threads)),
      mtime: new Date(1e12),
    }));
    await pack(members, { output, ...options, threads });
    expect(readFileSync(output).equals(expected)).toBe(true);
  }
});

function* pieces(content: Buffer, length: number): Generator<Buffer> {
  for (let offset = 0; offset < content.byteLength; offset += length)
    yield content.subarray(offset, offset + length);
}

test('thousands of them take one descriptor', async () => {
  const count = 3000;
  const inputs = async function* (): AsyncGenerator<PackInput> {
    for (let i = 0; i < count; i++) yield { path: `many/${i}`, content: `content ${i}` };
  };
  const { names, text } = await make(inputs(), { threads: 2, chunkSize: 65_536 });
  expect(names).toHaveLength(count);
  expect(await text('many/2999')).toBe('content 2999');
});

test('a name counts once: what comes later is named', async () => {
  const told: ZnipEvent[] = [];
  const onEvent = (event: ZnipEvent): number => told.push(event);
  const { names, text } = await make(
    [
      { path: 'dist/app.js', content: 'made' },
      'dist',
      { path: 'dist/zone.js', content: 'late' },
      { path: 'dist/app.js', content: 'later' },
    ],
    { onEvent },
  );
  expect(names).toEqual(['dist/app.js', 'dist', 'dist/zone.js']);
  expect(await text('dist/app.js')).toBe('made');
  expect(await text('dist/zone.js')).toBe('zone();\n');
  expect(told.map((event) => event.type === 'warning' && event.failed)).toEqual([true, true, true]);
});

test('names go through prefix and transform, and not through what leaves out', async () => {
  const { names } = await make([{ path: 'x.map', content: '' }, 'dist'], {
    exclude: ['*.map', 'zone.js'],
    prefix: 'release',
    transform: ['s,^x,y,'],
  });
  expect(names).toEqual(['release/y.map', 'release/dist', 'release/dist/app.js']);
});

test.each(['', '/a', '../a', 'a/', 'a//b', './a', 'a\0b'])('%j is no name', async (path) => {
  await expect(pack([{ path, content: '' }], { output: at('no.znip') })).rejects.toMatchObject({
    code: 'usage',
  });
});

async function* failing(): AsyncGenerator<Uint8Array> {
  yield noise(10);
  throw new Error('the source ran dry');
}

test('a content of another size than it should have, and one that fails, leave nothing', async () => {
  const output = at('failed.znip');
  writeFileSync(output, 'before');
  for (const [member, code] of [
    [{ path: 'a', content: 'abc', size: 4 }, 'truncated'],
    [{ path: 'a', content: 'abc', size: 2 }, 'usage'],
    [{ path: 'a', content: failing() }, 'io'],
    [{ path: 'a', content: Readable.from(['text']) }, 'usage'],
  ] as const) {
    await expect(pack([member], { output })).rejects.toMatchObject({ code });
    expect(readFileSync(output, 'utf8')).toBe('before');
  }
});
