/**
 * One meaning of a tar stream: what POSIX, GNU tar and bsdtar agree on is read as they read it, and silently; where
 * they do not, every way of reading names the member. Held against both programs on the same bytes.
 */
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { openArchive, packTar, recover, unpack, unpackStream, verify } from 'znip/internal';
import { TarReader } from '../../../src/format/tar/tar-reader.ts';
import { hasProgram, run } from '../../support/run.ts';
import { END_OF_TAR, type HandmadeMember, paxRecords, tarMember } from '../../support/tar.ts';
import { describeTree, inSeconds, noise, temporaryDirectory } from '../../support/tree.ts';

const directory = temporaryDirectory();
const at = (name: string): string => join(directory, name);
const A = 'hello\n';

const member = (name: string, more: Partial<HandmadeMember> = {}): Buffer =>
  tarMember({ name, content: A, ...more });
/** A header of this type that states a size; what follows it is up to the case. */
const bare = (name: string, typeFlag: string, size = 0, more: Partial<HandmadeMember> = {}): Buffer =>
  tarMember({ name, typeFlag, size, mode: 0o755, ...more });
const pax = (records: Record<string, string> | string, typeFlag = 'x'): Buffer =>
  tarMember({
    name: 'PaxHeaders/x',
    typeFlag,
    content: typeof records === 'string' ? Buffer.from(records, 'latin1') : paxRecords(records),
  });
const long = (name: string, typeFlag = 'L'): Buffer =>
  tarMember({ name: '././@LongLink', typeFlag, content: `${name}\0` });
const body = (): Buffer => Buffer.concat([Buffer.from(A), Buffer.alloc(512 - A.length)]);
/** A member that shows itself where somebody takes data for a header. */
const within = member('within');

const STREAM = Object.entries({
  'a pax path, then a GNU long name': [pax({ path: 'p' }), long('l'), member('h')],
  'a GNU long name, then pax records about something else': [long('l'), pax({ mtime: '5' }), member('h')],
  'pax records about something else, then a GNU long name': [pax({ mtime: '5' }), long('l'), member('h')],
  'two GNU long names': [long('l1'), long('l2'), member('h')],
  'a pax link target, then a GNU one': [
    pax({ linkpath: 'p' }),
    long('l', 'K'),
    bare('s', '2', 0, { linkName: 'h' }),
  ],
  'a header of Solaris, X': [pax({ path: 'p' }, 'X'), member('h')],
  'a pax header, then a global one': [pax({ path: 'p' }), pax({ comment: 'c' }, 'g'), member('h')],
  'a global header that ends the stream': [member('h'), pax({ comment: 'c' }, 'g')],
  'one keyword twice': [
    pax(Buffer.concat([paxRecords({ path: 'p1' }), paxRecords({ path: 'p2' })]).toString('latin1')),
    member('h'),
  ],
  'a keyword that nobody knows': [pax({ 'FOO.bar': 'x', 'GNU.sparse.foo': '1' }), member('h')],
  'GNU.sparse.name alone': [pax({ 'GNU.sparse.name': 'n' }), member('h')],
  'a link target for a file': [pax({ linkpath: 'p' }), long('l', 'K'), member('h')],
  'a size of NULs alone': [bare('h', '0', 0, { fields: { 124: '\0'.repeat(12) } })],
  'a size behind spaces': [member('h', { fields: { 124: '          6\0' } })],
  'a size without an end': [member('h', { fields: { 124: '000000000006' } })],
  'a size in base 256': [member('h', { fields: { 124: `\x80${'\0'.repeat(10)}\x06` } })],
  'a mode with the kind of file': [member('h', { fields: { 100: '0100644 ' } })],
  'a prefix of POSIX': [member('h', { prefix: 'pp' })],
  'no prefix under the magic of GNU tar': [member('h', { prefix: 'pp', fields: { 257: 'ustar  \0' } })],
  'no prefix in plain v7': [member('h', { prefix: 'pp', fields: { 257: '\0'.repeat(8) } })],
  'type 7': [member('h', { typeFlag: '7' })],
  'type 7 with a slash': [bare('d/', '7')],
  'type 0 with a slash and a size': [bare('d/', '0', 1024), within],
  'a size of a directory': [bare('d/', '5', 1024), within],
  'a size of a symlink': [bare('s', '2', 1024, { linkName: 'h' }), within],
  'a directory of an incremental dump': [bare('d', 'D', 1024), within],
  'a symlink with a slash': [pax({ path: 's/' }), bare('x', '2', 0, { linkName: 'h' })],
  'names that are not as entries have them': [
    member('.//d//a'),
    member('/d/./b'),
    bare('d/h', '1', 0, { linkName: './d/./a' }),
    bare('e/./', '5', 0, { mode: 0o755 }),
  ],
  'a signed checksum': [member('caf', { fields: { 3: '\xe9' } })],
}).map(([name, parts]) => ({ name, tar: Buffer.concat([...parts, member('last'), END_OF_TAR]) }));

interface Read {
  tree: ReturnType<typeof describeTree>;
  named: string[];
}

/** Unpacks an archive or a tar stream in one pass. */
async function readStream(file: string, target: string): Promise<Read> {
  const named: string[] = [];
  const name = (path: string): void => void named.push(path);
  const fd = openSync(at(file), 'r');
  try {
    await unpackStream(fd, { directory: at(target), onDoubt: name, onSkipped: name });
  } finally {
    closeSync(fd);
  }
  return { tree: describeTree(at(target)), named: unique(named) };
}

const unique = (names: readonly string[]): string[] => [...new Set(names)].sort();

let count = 0;

/** Reads a tar stream in every way there is: what is in the tree, and who is named. */
async function readAll(tar: Buffer, chunkSize = 65536): Promise<Record<string, Read>> {
  const run = `run-${(count += 1)}`;
  writeFileSync(at(`${run}.tar`), tar);
  const warned: string[] = [];
  await packTar(Readable.from([tar]), {
    output: at(`${run}.znip`),
    chunkSize,
    onWarning: ({ path, failed }) => {
      if (failed) warned.push(path);
    },
  });
  const ways: Record<string, Read> = {
    tar: await readStream(`${run}.tar`, `${run}-tar`),
    pipe: await readStream(`${run}.znip`, `${run}-pipe`),
  };
  const archive = await openArchive(at(`${run}.znip`));
  try {
    await unpack(archive, { directory: at(`${run}-index`) });
    const named = (await archive.remarks()).map(({ path }) => path);
    ways['index'] = { tree: describeTree(at(`${run}-index`)), named: unique(named) };
  } finally {
    archive.close();
  }
  const recovered: string[] = [];
  await recover(at(`${run}.znip`), {
    directory: at(`${run}-recover`),
    onDoubt: (path) => void recovered.push(path),
  });
  ways['recover'] = { tree: describeTree(at(`${run}-recover`)), named: unique(recovered) };
  const { tree } = ways['tar'] as Read;
  ways['pack'] = { tree, named: unique(warned) };
  for (const quick of [false, true]) {
    const report = await verify(at(`${run}.znip`), { quick });
    expect(report.damage).toEqual([]);
    ways[quick ? 'verify --quick' : 'verify'] = {
      tree,
      named: unique(report.differing.map(({ member }) => member)),
    };
  }
  return ways;
}

const PROGRAMS = ['tar', 'bsdtar'].filter(hasProgram);

describe('what tar programs agree on', () => {
  test.each(STREAM)('$name', async ({ tar }) => {
    const ways = await readAll(tar);
    for (const [way, { named, tree }] of Object.entries(ways)) {
      expect(named, way).toEqual([]);
      expect([...tree.keys()], way).toContain('last');
    }
    for (const program of PROGRAMS) {
      const target = `run-${count}-by-${program}`;
      mkdirSync(at(target));
      const { status } = run(program, ['-xf', at(`run-${count}.tar`), '-C', at(target)], {
        env: { LC_ALL: 'C.UTF-8' },
      });
      expect(status, program).toBe(0);
      const theirs = inSeconds(describeTree(at(target)));
      for (const [way, { tree }] of Object.entries(ways)) {
        expect(files(inSeconds(tree)), `${way} and ${program}`).toEqual(files(theirs));
      }
    }
  });
});

/** Times of directories that no member names are those of the run. */
function files(tree: ReturnType<typeof describeTree>): unknown[] {
  return [...tree].map(([path, { kind, content, mtime }]) => [
    path,
    kind,
    content,
    kind === 'directory' ? null : mtime,
  ]);
}

/** What is read, by name, and the one that is named; `absent`: it is in no tree. */
const DOUBTS = Object.entries<{ parts: Buffer[]; named: string; files?: string[] }>({
  'a GNU long name, then a pax path': { parts: [long('l'), pax({ path: 'p' }), member('h')], named: 'p' },
  'a GNU link target, then a pax one': {
    parts: [long('l', 'K'), pax({ linkpath: 'p' }), bare('s', '2', 0, { linkName: 'h' })],
    named: 's',
  },
  'two pax headers': { parts: [pax({ path: 'p1' }), pax({ path: 'p2' }), member('h')], named: 'p2' },
  'two pax headers that do not contradict': {
    parts: [pax({ path: 'p1' }), pax({ mtime: '5' }, 'X'), member('h')],
    named: 'h',
  },
  'a time in a global header': {
    parts: [member('before'), pax({ mtime: '5' }, 'g'), bare('h', '0'), pax({ mtime: '6' }), member('own')],
    named: 'h,last',
    files: ['before', 'h', 'last', 'own'],
  },
  'an empty path': { parts: [pax({ path: '' }), member('h')], named: 'h' },
  'an empty size': { parts: [pax({ size: '' }), member('h')], named: 'h' },
  'a path with a NUL': { parts: [pax({ path: 'p\0q' }), member('h')], named: 'p' },
  'a size that is none': { parts: [pax({ size: '6x' }), member('h')], named: 'h' },
  'a negative size': { parts: [pax({ size: '-6' }), member('h')], named: 'h' },
  'a time that is none': { parts: [pax({ mtime: 'x' }), member('h')], named: 'h' },
  'a time with an exponent': { parts: [pax({ mtime: '1e3' }), member('h')], named: 'h' },
  'a negative time with a fraction': { parts: [pax({ mtime: '-5.25' }), member('h')], named: 'h' },
  'a time that nothing holds': { parts: [pax({ mtime: '9'.repeat(60_000) }), member('h')], named: 'h' },
  'a time in base 256 that nothing holds': {
    parts: [member('h', { fields: { 136: `\x80\0\0\0\x40${'\0'.repeat(7)}` } })],
    named: 'h',
  },
  'a pax length in hexadecimal': { parts: [pax('0xe path=px\n\0\0'), member('h')], named: 'h' },
  'a pax length behind a space': { parts: [pax(' 11 path=p\n'), member('h')], named: 'h' },
  'a pax length behind a sign': { parts: [pax('+11 path=p\n'), member('h')], named: 'h' },
  'a pax keyword behind a space': { parts: [pax('12  path=pp\n'), member('h')], named: 'h' },
  'a pax record without a line break': { parts: [pax('10 path=pp'), member('h')], named: 'h' },
  'a pax record that is too long': { parts: [pax('99 path=pp\n'), member('h')], named: 'h' },
  'a pax record without =': { parts: [pax('10 pathppp\n'), member('h')], named: 'h' },
  'a pax record without a keyword': { parts: [pax('8 =abcd\n'), member('h')], named: 'h' },
  'something behind the pax records': { parts: [pax('11 path=pp\n\0\0\0'), member('h')], named: 'pp' },
  'SCHILY.realsize': { parts: [pax({ 'SCHILY.realsize': '3' }), member('h')], named: 'h' },
  'a size behind a NUL': { parts: [member('h', { fields: { 124: '\x000000000006\0' } })], named: 'h' },
  'a mode that is none': { parts: [member('h', { fields: { 100: '        ' } })], named: 'h' },
  'a prefix under another magic': {
    parts: [member('h', { prefix: 'pp', fields: { 257: 'ustarX00' } })],
    named: 'h',
  },
  'a prefix under half the magic of GNU tar': {
    parts: [member('h', { prefix: 'pp', fields: { 257: 'ustar 00' } })],
    named: 'h',
  },
  'an unknown type with content': { parts: [member('h', { typeFlag: 'Q' })], named: 'h' },
  'an unknown type with a slash': { parts: [member('h/', { typeFlag: 'Q' })], named: 'h' },
  'an old long name, N': { parts: [member('h', { typeFlag: 'N' })], named: 'h' },
  'an ACL of Solaris': { parts: [member('h', { typeFlag: 'A' })], named: 'h' },
  'a pax size of a directory': {
    parts: [pax({ size: '6' }), bare('h', '5', 0, { mode: 0o755 }), body()],
    named: 'h',
  },
  'a pax size of a symlink': {
    parts: [pax({ size: '6' }), bare('h', '2', 0, { linkName: 'x' }), body()],
    named: 'h',
  },
  'data of a hard link': {
    parts: [member('f'), bare('h', '1', 6, { linkName: 'f' }), body()],
    named: 'h',
    files: ['f', 'h', 'last'],
  },
  'a size of a hard link without data': {
    parts: [member('f'), bare('h', '1', 1024, { linkName: 'f' }), within],
    named: 'h',
    files: ['f', 'h', 'last', 'within'],
  },
  'a link without a target': { parts: [bare('h', '2')], named: 'h', files: ['last'] },
  'no name': { parts: [member('')], named: '.', files: ['last'] },
  'a device': { parts: [bare('h', '3')], named: 'h', files: ['last'] },
  'the rest of a file from another volume': {
    parts: [member('h', { typeFlag: 'M' })],
    named: 'h',
    files: ['last'],
  },
}).map(([name, { parts, named, files }]) => ({
  name,
  tar: Buffer.concat([...parts, member('last'), END_OF_TAR]),
  named: named.split(','),
  files: files ?? ['last', named].sort(),
}));

describe('what tar programs read differently is named by every way of reading', () => {
  test.each(DOUBTS)('$name', async ({ tar, named, files }) => {
    for (const [way, read] of Object.entries(await readAll(tar))) {
      expect(read.named, way).toEqual(named);
      expect([...read.tree.keys()].sort(), way).toEqual(files);
    }
  });

  test('an owner that is none harms nobody who does not restore owners', async () => {
    for (const parts of [[pax({ uid: '-2' }), member('h')], [member('h', { fields: { 108: '        ' } })]]) {
      const ways = await readAll(Buffer.concat([...parts, END_OF_TAR]));
      for (const way of ['tar', 'pipe', 'recover']) expect(ways[way]?.named, way).toEqual([]);
      for (const way of ['pack', 'verify']) expect(ways[way]?.named, way).toEqual(['h']);
      expect([...(ways['index'] as Read).tree.keys()]).toEqual(['h']);
    }
  });
});

const filler = (length: number): Buffer => member('filler', { content: noise(length - 512) });

describe('data of members that have none, across chunks', () => {
  const CHUNK = 65536;

  test.each([
    ['a directory of an incremental dump', 'D', []],
    ['a hard link', '1', ['h']],
  ])('%s', async (_, typeFlag, named) => {
    const data = noise(3 * CHUNK);
    const tar = Buffer.concat([
      member('f'),
      tarMember({ name: 'h', typeFlag, content: data, linkName: 'f', mode: 0o755 }),
      member('last'),
      END_OF_TAR,
    ]);
    for (const [way, read] of Object.entries(await readAll(tar))) {
      expect(read.named, way).toEqual(named);
      expect([...read.tree.keys()], way).toEqual(['f', 'h', 'last']);
    }
  });

  test('a hard link that states a size at the very end of a chunk', async () => {
    const link = bare('h', '1', 6, { linkName: 'f' });
    const first = member('f');
    const tar = Buffer.concat([
      first,
      filler(CHUNK - first.length - link.length),
      link,
      member('last', { content: noise(CHUNK / 2) }),
      END_OF_TAR,
    ]);
    for (const [way, read] of Object.entries(await readAll(tar))) {
      expect(read.named, way).toEqual(['h']);
      expect([...read.tree.keys()], way).toEqual(['f', 'filler', 'h', 'last']);
    }
  });
});

const withHeaders = (length: number): Buffer =>
  Buffer.concat([
    member('before'),
    pax({ 'SCHILY.xattr.user.x': 'v'.repeat(length) }),
    member('h'),
    member('last'),
    END_OF_TAR,
  ]);

describe('long headers', () => {
  test.each([1_200_000, 4_190_000])('of %i bytes are read in every way', async (length) => {
    writeFileSync(at('long.tar'), withHeaders(length));
    await packTar(Readable.from([withHeaders(length)]), { output: at('long.znip') });
    for (const file of ['long.tar', 'long.znip']) {
      const { tree, named } = await readStream(file, `${file}-${length}`);
      expect([...tree.keys()]).toEqual(['before', 'h', 'last']);
      expect(named).toEqual([]);
    }
    expect(await verify(at('long.znip'))).toMatchObject({ ok: true, differingCount: 0 });
  });

  test('of more than 4 MiB are refused in every way', async () => {
    writeFileSync(at('longer.tar'), withHeaders(5_000_000));
    await expect(readStream('longer.tar', 'longer')).rejects.toMatchObject({ code: 'limit' });
    await expect(
      packTar(Readable.from([readFileSync(at('longer.tar'))]), { output: at('longer.znip') }),
    ).rejects.toMatchObject({ code: 'limit' });
  });

  test('with a time of two million digits are read digit by digit', () => {
    const time = pax({ mtime: `${'0'.repeat(1_000_000)}5.${'0'.repeat(1_000_000)}` });
    const item = new TarReader().read(Buffer.concat([time, member('h')]), 0, 0);
    if (typeof item === 'string') throw new Error('it is a member');
    expect(item.member?.mtime).toBe(5_000_000_000n);
  });

  test('with a million records that are wrong say a few of them', () => {
    const records = Buffer.from('8 uid=x\n'.repeat(100_000) + '7 path=\n'.repeat(100_000));
    const tar = Buffer.concat([tarMember({ name: 'x', typeFlag: 'x', content: records }), member('h')]);
    const item = new TarReader().read(tar, 0, 0);
    if (typeof item === 'string') throw new Error('it is a member');
    expect(item.doubts.length).toBeLessThanOrEqual(8);
    expect(item.ownerDoubts).toEqual(["its pax record 'uid' is no owner"]);
  });
});
