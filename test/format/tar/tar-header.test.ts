import fs from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isUtf8 } from '../../../src/format/values/byte-string.ts';
import { MAX_PATH_LENGTH, TAR_END_LENGTH, TAR_RECORD } from '../../../src/format/values/constants.ts';
import { KIND, type Member } from '../../../src/format/values/entry.ts';
import {
  encodeTarHeader,
  paddedLength,
  paxRecords,
  tarHeaderLength,
} from '../../../src/format/tar/tar-header.ts';
import * as arbitrary from '../../support/arbitrary.ts';
import { hasProgram, run } from '../../support/run.ts';
import { temporaryDirectory } from '../../support/tree.ts';

function make(path: string, rest: Partial<Member> = {}): Member {
  const plain = { kind: KIND.file, mode: 0o644, mtime: 0n, size: 0, linkTarget: '', uid: null, gid: null };
  return { path, ...plain, ...rest };
}

const GUARD = Buffer.alloc(512, 0xaa);

/** All bytes are zero. */
function isZero(bytes: Buffer): boolean {
  return bytes.equals(Buffer.alloc(bytes.length));
}

/** The header as its own bytes, with a guard on both sides that must stay as it is. */
function encode(member: Member): Buffer {
  const length = tarHeaderLength(member);
  const target = Buffer.alloc(length + 1024, 0xaa);
  expect(encodeTarHeader(target, 512, member)).toBe(length);
  expect(target.subarray(0, 512).equals(GUARD)).toBe(true);
  expect(target.subarray(512 + length).equals(GUARD)).toBe(true);
  return target.subarray(512, 512 + length);
}

/** A name of so many bytes without a slash. */
const n = (length: number): string => 'n'.repeat(length);

interface Ustar {
  name: string;
  prefix: string;
  mode: number;
  uid: number;
  gid: number;
  size: number;
  mtime: number;
  type: string;
  link: string;
}

/** Takes one record apart by POSIX's table and checks its checksum and its fixed fields. */
function decodeUstar(record: Buffer): Ustar {
  const text = (offset: number, length: number): string =>
    record.toString('latin1', offset, offset + length).replace(/\0[^]*$/, '');
  const octal = (offset: number, length: number): number => {
    const digits = record.toString('latin1', offset, offset + length);
    expect(digits).toMatch(new RegExp(`^[0-7]{${length - 1}}\0$`));
    return Number.parseInt(digits, 8);
  };
  let sum = 0;
  for (let i = 0; i < 512; i++) sum += i >= 148 && i < 156 ? 0x20 : (record[i] ?? 0);
  expect(record.toString('latin1', 148, 156)).toBe(`${sum.toString(8).padStart(6, '0')}\0 `);
  expect(record.toString('latin1', 257, 265)).toBe('ustar\x0000');
  expect(isZero(record.subarray(265, 329))).toBe(true);
  expect(record.toString('latin1', 329, 345)).toBe('0000000\x000000000\x00');
  expect(isZero(record.subarray(500))).toBe(true);
  return {
    name: text(0, 100),
    prefix: text(345, 155),
    mode: octal(100, 8),
    uid: octal(108, 8),
    gid: octal(116, 8),
    size: octal(124, 12),
    mtime: octal(136, 12),
    type: record.toString('latin1', 156, 157),
    link: text(157, 100),
  };
}

/** pax records in their order, by POSIX's definition: each begins with its own length. */
function decodePax(records: string): [string, string][] {
  const pairs: [string, string][] = [];
  let rest = records;
  while (rest !== '') {
    const length = Number(/^([1-9][0-9]*) /.exec(rest)?.[1]);
    const record = rest.slice(0, length);
    expect(record).toHaveLength(length);
    expect(record.at(-1)).toBe('\n');
    const equals = record.indexOf('=');
    pairs.push([record.slice(record.indexOf(' ') + 1, equals), record.slice(equals + 1, -1)]);
    rest = rest.slice(length);
  }
  return pairs;
}

/** Header and pax records of one member. */
function decode(header: Buffer): { ustar: Ustar; pax: [string, string][] } {
  const first = decodeUstar(header.subarray(0, 512));
  if (first.type !== 'x') {
    expect(header).toHaveLength(512);
    return { ustar: first, pax: [] };
  }
  const end = 512 + first.size;
  const padded = Math.ceil(end / 512) * 512;
  expect(isZero(header.subarray(end, padded))).toBe(true);
  expect(header).toHaveLength(padded + 512);
  return {
    ustar: decodeUstar(header.subarray(padded)),
    pax: decodePax(header.toString('latin1', 512, end)),
  };
}

describe('any member', () => {
  test('has a header of the length foretold, from which all of it can be read', () => {
    fc.assert(
      fc.property(arbitrary.member(), (member) => {
        const { ustar, pax } = decode(encode(member));
        const values = new Map(pax);
        const path = member.kind === KIND.directory ? `${member.path}/` : member.path;
        const name = ustar.prefix === '' ? ustar.name : `${ustar.prefix}/${ustar.name}`;
        const seconds = (member.mtime - (((member.mtime % 10n ** 9n) + 10n ** 9n) % 10n ** 9n)) / 10n ** 9n;
        expect(values.get('path') ?? name).toBe(path);
        expect(values.get('linkpath') ?? ustar.link).toBe(member.linkTarget);
        expect(values.get('size') ?? String(ustar.size)).toBe(String(member.size));
        expect(values.get('mtime') ?? String(ustar.mtime)).toBe(String(seconds));
        expect(values.get('uid') ?? String(ustar.uid)).toBe(String(member.uid ?? 0));
        expect(values.get('gid') ?? String(ustar.gid)).toBe(String(member.gid ?? 0));
        expect(ustar.mode).toBe(member.mode);
        expect(ustar.type).toBe('0521'[member.kind]);
      }),
      { numRuns: 300 },
    );
  });

  test('has only the pax records that it needs, in a fixed order', () => {
    fc.assert(
      fc.property(arbitrary.member(), (member) => {
        const { ustar, pax } = decode(encode(member));
        const keywords = pax.map(([keyword]) => keyword);
        const order = ['hdrcharset', 'path', 'linkpath', 'size', 'mtime', 'uid', 'gid'];
        expect(keywords).toEqual(order.filter((keyword) => keywords.includes(keyword)));
        const path = member.kind === KIND.directory ? `${member.path}/` : member.path;
        if (keywords.includes('path')) expect(path.length).toBeGreaterThan(100);
        expect(keywords.includes('linkpath')).toBe(member.linkTarget.length > 100);
        expect(keywords.includes('size')).toBe(member.size >= 8 ** 11);
        expect(keywords.includes('mtime')).toBe(member.mtime < 0n || member.mtime >= 8n ** 11n * 10n ** 9n);
        expect(keywords.includes('uid')).toBe((member.uid ?? 0) >= 8 ** 7);
        expect(keywords.includes('gid')).toBe((member.gid ?? 0) >= 8 ** 7);
        const names = pax.filter(([keyword]) => keyword === 'path' || keyword === 'linkpath');
        expect(keywords.includes('hdrcharset')).toBe(names.some(([, value]) => !isUtf8(value)));
        // What a pax record holds stands in the ustar header too, as far as it goes.
        if (keywords.includes('path')) expect([ustar.prefix, ustar.name]).toEqual(['', path.slice(0, 100)]);
        expect(ustar.link).toBe(member.linkTarget.slice(0, 100));
        for (const keyword of ['size', 'mtime', 'uid', 'gid'] as const) {
          if (keywords.includes(keyword)) expect([keyword, ustar[keyword]]).toEqual([keyword, 0]);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('the length of a pax record', () => {
  // The length counts its own digits: each of these is on one side of a change in their number.
  test.each([101, 102, 985, 986, 987, 988, 989, 990, 4094, 4095])('with a name of %i bytes', (length) => {
    const name = 'n'.repeat(length);
    const records = paxRecords(make(name));
    expect(decodePax(records)).toEqual([['path', name]]);
    expect(records).toHaveLength(Number(records.slice(0, records.indexOf(' '))));
  });
});

describe('cutting a path into prefix and name', () => {
  test.each<[string, string, [prefix: string, name: string] | 'pax']>([
    ['100 bytes', n(100), ['', n(100)]],
    ['101 bytes without a slash', n(101), 'pax'],
    ['101 bytes, slash at the start of the name', `${n(1)}/${n(99)}`, [n(1), n(99)]],
    ['155 and 100 bytes', `${n(155)}/${n(100)}`, [n(155), n(100)]],
    ['156 and 100 bytes', `${n(156)}/${n(100)}`, 'pax'],
    ['155 and 101 bytes', `${n(155)}/${n(101)}`, 'pax'],
    ['256 bytes without a slash', n(256), 'pax'],
    ['257 bytes', `${n(100)}/${n(56)}/${n(99)}`, 'pax'],
    ['255 bytes in three components', `${n(98)}/${n(56)}/${n(99)}`, [`${n(98)}/${n(56)}`, n(99)]],
    ['the first slash that fits', `${n(60)}/${n(50)}/${n(30)}`, [n(60), `${n(50)}/${n(30)}`]],
    ['a slash only at the end', `${n(101)}/`, 'pax'],
    ['a slash only at the start', `/${n(100)}`, 'pax'],
  ])('%s', (_, path, expected) => {
    const { ustar, pax } = decode(encode(make(path)));
    expect(pax.length > 0 ? 'pax' : [ustar.prefix, ustar.name]).toEqual(expected);
  });

  test('a directory counts with its slash', () => {
    expect(tarHeaderLength(make(n(99), { kind: KIND.directory }))).toBe(TAR_RECORD);
    expect(tarHeaderLength(make(n(100), { kind: KIND.directory }))).toBe(3 * TAR_RECORD);
    const { ustar, pax } = decode(encode(make(`${n(5)}/${n(99)}`, { kind: KIND.directory })));
    expect([ustar.prefix, ustar.name, pax]).toEqual([n(5), `${n(99)}/`, []]);
  });
});

test('a time after the reach of eleven octal digits takes a pax header', () => {
  const last = 8n ** 11n * 1_000_000_000n - 1n;
  expect(tarHeaderLength(make('f', { mtime: last }))).toBe(TAR_RECORD);
  expect(tarHeaderLength(make('f', { mtime: last + 1n }))).toBe(3 * TAR_RECORD);
});

test('data is padded to whole records', () => {
  expect([0, 1, 511, 512, 513].map(paddedLength)).toEqual([0, 512, 512, 512, 1024]);
  expect(paddedLength(2 ** 40 + 1)).toBe(2 ** 40 + 512);
});

// ---- What other programs read ----

interface Listed {
  type: string;
  name: string;
  link: string;
  size: number;
  mtime?: string;
  uid?: string;
  gid?: string;
}

/** GNU tar's long listing. Names are printed as their bytes; no test name has a newline. */
function listGnu(archive: string): Listed[] {
  const args = ['--list', '--verbose', '--full-time', '--numeric-owner', '--quoting-style=literal'];
  const { status, output } = run('tar', [...args, '--file', archive], { env: { LC_ALL: 'C', TZ: 'UTC' } });
  expect(status).toBe(0);
  return lines(output).map((line) => {
    const match = /^(.)[-rwxsStT]{9} ([0-9]+)\/([0-9]+) +([0-9]+) (\S+ \S+) (.*)$/s.exec(line);
    if (match === null) throw new Error(`unexpected line: ${line}`);
    const [, type = '', uid = '', gid = '', size = '', mtime = '', names = ''] = match;
    return { type, uid, gid, size: Number(size), mtime, ...splitNames(type, names) };
  });
}

const BSD_ESCAPES: Record<string, string> = {
  '\\': '\\',
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

/** bsdtar's long listing; it prints what it takes for unprintable, and `\`, as escapes. */
function listBsd(archive: string): Listed[] {
  const { status, output } = run('bsdtar', ['-tvf', archive], { env: { LC_ALL: 'C.UTF-8', TZ: 'UTC' } });
  expect(status).toBe(0);
  return lines(output).map((line) => {
    const match = /^(.)[-rwxsStT]{9} +[0-9]+ +\S+ +\S+ +([0-9]+) \S+ +\S+ +\S+ (.*)$/s.exec(line);
    if (match === null) throw new Error(`unexpected line: ${line}`);
    const [, type = '', size = '', names = ''] = match;
    const plain = names.replaceAll(/\\([0-7]{3}|.)/g, (_, escape: string) =>
      escape.length === 1 ? (BSD_ESCAPES[escape] ?? '?') : String.fromCharCode(Number.parseInt(escape, 8)),
    );
    return { type, size: Number(size), ...splitNames(type, plain) };
  });
}

function lines(output: Buffer): string[] {
  return output.toString('latin1').split('\n').slice(0, -1);
}

function splitNames(type: string, names: string): { name: string; link: string } {
  const separator = type === 'l' ? ' -> ' : ' link to ';
  const at = names.indexOf(separator);
  return at < 0
    ? { name: names, link: '' }
    : { name: names.slice(0, at), link: names.slice(at + separator.length) };
}

function expected(member: Member): Listed {
  const { kind, path, linkTarget: link, size } = member;
  return { type: '-dlh'[kind] ?? '', name: kind === KIND.directory ? `${path}/` : path, link, size };
}

const namesAndSizes = (listed: Listed[]): Listed[] =>
  // GNU tar shows hard links as `h`, bsdtar as what they link to.
  listed.map(({ type, name, link, size }) => ({
    type: type === '-' && link !== '' ? 'h' : type,
    name,
    link,
    size,
  }));

const directory = temporaryDirectory();
let archives = 0;

function writeStream(members: Member[]): string {
  const pieces = members.flatMap((member) => [encode(member), Buffer.alloc(paddedLength(member.size), 0x64)]);
  const path = join(directory, `${archives++}.tar`);
  fs.writeFileSync(path, Buffer.concat([...pieces, Buffer.alloc(TAR_END_LENGTH)]));
  return path;
}

const slashed = (length: number): string => 'abcdefg/'.repeat(length / 8 + 1).slice(0, length - 1) + 'z';
const E_ACUTE = '\xc3\xa9';

const NAMES = [
  'f',
  ...[99, 100, 101, 102, 154, 155, 156, 157, 255, 256, 257, 258, MAX_PATH_LENGTH].flatMap((length) => [
    n(length),
    slashed(length),
  ]),
  `${n(155)}/${n(100)}`,
  `${n(156)}/${n(99)}`,
  `${n(154)}/${n(101)}`,
  'sp ace',
  'tab\there',
  'back\\slash',
  '-dash',
  '=equals=',
  `caf${E_ACUTE}`,
  E_ACUTE.repeat(50),
  E_ACUTE.repeat(60),
  `${E_ACUTE.repeat(40)}/${E_ACUTE.repeat(40)}`,
  '\xff\xfe',
  `\xff${n(98)}`,
  `\xff${n(100)}`,
  `${n(60)}\xff/${n(60)}\xfe`,
  `\x80${slashed(4000)}`,
];

const TRICKY: Member[] = [
  ...NAMES.map((path, i) => make(path, { size: i % 3 === 0 ? 0 : i * 100 })),
  ...[98, 99, 100, 101, 254, 255, 256, 257, 4094].flatMap((length) => [
    make(n(length), { kind: KIND.directory, mode: 0o755 }),
    make(slashed(length), { kind: KIND.directory, mode: 0o1777 }),
  ]),
  ...[1, 99, 100, 101, 255, 256, 4095].flatMap((length, i) => [
    make(`symlink-${i}`, { kind: KIND.symlink, linkTarget: n(length), mode: 0o777 }),
    make(`${n(200)}-symlink-${i}`, { kind: KIND.symlink, linkTarget: slashed(length), mode: 0o777 }),
    make(`hardlink-${i}`, { kind: KIND.hardlink, linkTarget: slashed(length) }),
  ]),
  make('symlink-bytes', { kind: KIND.symlink, linkTarget: '\xff\xfe' }),
  make('symlink-long-bytes', { kind: KIND.symlink, linkTarget: `\xff${n(200)}` }),
  make(`\xff${n(200)}`, { kind: KIND.symlink, linkTarget: `${E_ACUTE}${n(200)}` }),
  make('symlink-long-text', { kind: KIND.symlink, linkTarget: E_ACUTE.repeat(300) }),
  make('hardlink-long-bytes', { kind: KIND.hardlink, linkTarget: `\xff${n(100)}` }),
  make('last', { size: 1 }),
];

const TOOLS = [
  { tool: 'tar', list: listGnu },
  { tool: 'bsdtar', list: listBsd },
];

for (const { tool, list } of TOOLS) {
  describe.skipIf(!hasProgram(tool))(`${tool} lists`, () => {
    test('names, link targets and sizes as they are', () => {
      expect(namesAndSizes(list(writeStream(TRICKY)))).toEqual(TRICKY.map(expected));
    });

    test('random names of any bytes', () => {
      const members = fc
        .sample(
          fc.tuple(arbitrary.byteName(), arbitrary.byteName(), fc.constantFrom(KIND.file, KIND.symlink)),
          { numRuns: 200, seed: 7 },
        )
        // Newlines would break the listing's lines, and tools cut slashes at the end of a file's name.
        .map(([path, target, kind], i) =>
          make(`${i}${path.replaceAll(/[\n\r]|\/+$| -> | link to /g, '_')}`, {
            kind,
            linkTarget: kind === KIND.symlink ? target.replaceAll(/[\n\r]/g, '_') : '',
          }),
        );
      expect(namesAndSizes(list(writeStream(members)))).toEqual(members.map(expected));
    });

    test('sizes of 8 GiB and more, which the next header follows', () => {
      const path = join(directory, `${tool}-large.tar`);
      const members = [8 ** 11 - 1, 8 ** 11, 8 ** 11 + 513].map((size, i) => make(`large-${i}`, { size }));
      // A sparse file: only the headers take space.
      const file = fs.openSync(path, 'w');
      let position = 0;
      for (const member of [...members, make('after')]) {
        const header = encode(member);
        fs.writeSync(file, header, 0, header.length, position);
        position += header.length + paddedLength(member.size);
      }
      fs.ftruncateSync(file, position + TAR_END_LENGTH);
      fs.closeSync(file);
      expect(namesAndSizes(list(path))).toEqual([...members, make('after')].map(expected));
      fs.rmSync(path);
    });
  });
}

describe.skipIf(!hasProgram('tar'))('tar lists times and owners', () => {
  test.each<[string, bigint, string]>([
    ['the epoch', 0n, '1970-01-01 00:00:00'],
    ['less than a second', 999_999_999n, '1970-01-01 00:00:00'],
    ['one nanosecond before the epoch', -1n, '1969-12-31 23:59:59'],
    ['one second before the epoch', -1_000_000_000n, '1969-12-31 23:59:59'],
    ['a second and a nanosecond before', -1_000_000_001n, '1969-12-31 23:59:58'],
    ['the last second of eleven octal digits', 8_589_934_591_999_999_999n, '2242-03-16 12:56:31'],
    ['the second after it', 8_589_934_592_000_000_000n, '2242-03-16 12:56:32'],
    ['the latest time of an entry', 2n ** 63n - 1n, '2262-04-11 23:47:16'],
    ['the earliest time of an entry', -(2n ** 63n), '1677-09-21 00:12:43'],
  ])('%s', (_, mtime, shown) => {
    expect(listGnu(writeStream([make('f', { mtime })]))[0]?.mtime).toBe(shown);
  });

  test.each([
    [null, null],
    [0, 0],
    [1000, 100],
    [0o7777777, 0o7777777],
    [0o10000000, 0o10000001],
    [0xffffffff, 0xfffffffe],
  ])('owner %j and group %j', (uid, gid) => {
    const [listed] = listGnu(writeStream([make('f', { uid, gid })]));
    expect([listed?.uid, listed?.gid]).toEqual([String(uid ?? 0), String(gid ?? 0)]);
  });
});
