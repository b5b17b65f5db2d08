/**
 * Headers and names that few programs write: times before 1970 and beyond all time, global headers, empty values,
 * signed checksums, no magic, unknown types, odd spellings of harmless names.
 */
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { znip } from '../support/run.ts';
import {
  base256,
  END_OF_TAR,
  type HandmadeMember,
  paxRecords,
  tarMember,
  tarStream,
} from '../support/tar.ts';
import { describeTree, temporaryDirectory } from '../support/tree.ts';
import { expectEveryWay, readEveryWay, type Right } from './ways.ts';

const place = temporaryDirectory();
const A = 'hello\n';

describe('times before 1970', () => {
  const NANOSECONDS = 1_000_000_000n;

  test('in base 256 and as a pax record', () => {
    const reading = readEveryWay(
      place,
      tarStream(
        { name: 'a', content: A, mtime: base256(-100n) },
        { name: 'b', content: A, pax: { mtime: '-100' } },
      ),
    );
    expectEveryWay(reading, { tree: { a: `file ${A}`, b: `file ${A}` } });
    for (const { way, described } of reading.outcomes) {
      const times = ['a', 'b'].map((name) => described.get(name)?.mtime);
      expect(times, way).toEqual([-100n * NANOSECONDS, -100n * NANOSECONDS]);
    }
  });

  test('of files and directories that znip packs itself', () => {
    const at = (name: string): string => join(place, name);
    mkdirSync(at('old/d'), { recursive: true });
    writeFileSync(at('old/d/f'), A);
    for (const name of ['old/d/f', 'old/d', 'old'])
      utimesSync(at(name), new Date(-100_000), new Date(-100_000));
    expect(znip(['pack', '-q', 'old', '-o', 'old.znip'], { cwd: place })).toMatchObject({
      status: 0,
      stderr: '',
    });
    const tar = znip(['unpack', '-q', '--tar', '-', 'old.znip'], { cwd: place }).output;
    const reading = readEveryWay(place, tar);
    expectEveryWay(reading, { tree: { old: 'directory', 'old/d': 'directory', 'old/d/f': `file ${A}` } });
    expect(znip(['unpack', '-q', 'old.znip', '-C', 'new'], { cwd: place })).toMatchObject({
      status: 0,
      stderr: '',
    });
    const trees = [describeTree(at('new')), ...reading.outcomes.map(({ described }) => described)];
    for (const tree of trees) {
      expect([...tree].map(([path, { mtime }]) => [path, mtime])).toEqual(
        ['old', 'old/d', 'old/d/f'].map((path) => [path, -100n * NANOSECONDS]),
      );
    }
  });
});

const GLOBAL = tarMember({
  name: 'pax_global_header',
  typeFlag: 'g',
  content: paxRecords({ comment: '1' }),
});

interface Case extends Right {
  what: string;
  stream: Buffer;
}

const one = (member: Partial<HandmadeMember>): Buffer => tarStream({ name: 'a', content: A, ...member });

const cases: Case[] = [
  {
    what: 'a global header behind the last member',
    stream: Buffer.concat([tarMember({ name: 'a', content: A }), GLOBAL, END_OF_TAR]),
    tree: { a: `file ${A}` },
  },
  { what: 'a global header alone', stream: Buffer.concat([GLOBAL, END_OF_TAR]), tree: {} },
  {
    what: 'a name with a double slash',
    stream: one({ name: 'd//f' }),
    tree: { d: 'directory', 'd/f': `file ${A}` },
  },
  {
    what: 'a name with a dot inside',
    stream: one({ name: 'd/./f' }),
    tree: { d: 'directory', 'd/f': `file ${A}` },
  },
  {
    what: 'a checksum of signed bytes',
    stream: tarStream(
      { name: Buffer.from('caf\xe9', 'latin1'), content: A, signedChecksum: true },
      { name: 'ok', content: A },
    ),
    tree: { 'caf\xe9': `file ${A}`, ok: `file ${A}` },
  },
  {
    what: 'an extended attribute of more than a megabyte',
    stream: one({ pax: { 'SCHILY.xattr.user.x': 'v'.repeat(1_200_000) } }),
    tree: { a: `file ${A}` },
    // What is not restored may be said.
    status: [0, 3],
    said: /a/,
  },
  { what: 'no magic', stream: one({ magic: '' }), tree: { a: `file ${A}` } },
  {
    what: 'pax records without a value',
    stream: one({ pax: { path: '', uid: '', size: '' } }),
    tree: { a: `file ${A}` },
    // GNU tar reads an empty path or size otherwise than bsdtar: that is named.
    status: [3],
    said: /a: tar programs read it differently/,
  },
  {
    what: 'a negative owner',
    stream: one({ pax: { uid: '-2' } }),
    tree: { a: `file ${A}` },
    // Who asks for no owners is not told of one that is none; an archive of it is.
    status: [0, 3],
    said: /owner/,
  },
];

test.each(cases)('$what', ({ stream, ...right }) => {
  // A chunk holds the headers of a member whole.
  const chunkSize = stream.byteLength > 1024 * 1024 ? '4M' : '64K';
  expectEveryWay(readEveryWay(place, stream, { chunkSize }), right);
});

test('an absolute name: the slash is taken away, and said once', () => {
  const stream = tarStream({ name: '/d/f', content: A }, { name: '/d/g', content: A });
  const { outcomes, pack } = readEveryWay(place, stream);
  for (const { way, status, stderr, tree, ofArchive } of outcomes) {
    expect({ way, tree }).toEqual({ way, tree: { d: 'directory', 'd/f': `file ${A}`, 'd/g': `file ${A}` } });
    expect([0, 3], `${way}: ${stderr}`).toContain(status);
    if (!ofArchive) expect(stderr.trim().split('\n'), way).toHaveLength(1);
  }
  expect([0, 3]).toContain(pack.status);
  expect(pack.stderr.trim().split('\n')).toHaveLength(1);
});

test('a time that cannot be set is a warning', () => {
  const huge = base256(2n ** 62n);
  const { outcomes, pack } = readEveryWay(
    place,
    tarStream({ name: 'a', content: A, mtime: huge }, { name: 'ok', content: A }),
  );
  expect([0, 3], pack.stderr).toContain(pack.status);
  for (const { way, status, stderr, tree } of outcomes) {
    expect({ way, tree, status }).toEqual({ way, tree: { a: `file ${A}`, ok: `file ${A}` }, status: 3 });
    expect(stderr, way).toMatch(/\ba\b/);
  }
});

test('an unknown type with content is a file, with a warning', () => {
  const { outcomes, pack } = readEveryWay(
    place,
    tarStream({ name: 'odd', content: A, typeFlag: 'Q' }, { name: 'ok', content: A }),
  );
  expect(pack.stderr).toContain('odd');
  expect(pack.status).toBe(3);
  for (const { way, status, stderr, tree, ofArchive } of outcomes) {
    expect({ way, tree }).toEqual({ way, tree: { odd: `file ${A}`, ok: `file ${A}` } });
    if (ofArchive) expect([0, 3], `${way}: ${stderr}`).toContain(status);
    else {
      expect({ way, status }).toEqual({ way, status: 3 });
      expect(stderr, way).toContain('odd');
    }
  }
});
