/**
 * verify: what is whole is said to be, and each kind of damage has its code, its place and its members.
 */
import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DAMAGE, pack, packTar, verify, type VerifyReport, ZnipError } from 'znip/internal';
import type { ManifestRow } from '../../src/format/manifest.ts';
import { type BlockPlace, blocksOf } from '../support/blocks.ts';
import { flipped as flippedAt } from '../support/damage.ts';
import { type ForgedMember, type ForgeOptions, forgeArchive } from '../support/forge.ts';
import { hasProgram, run, znip } from '../support/run.ts';
import { describeTree, makeTree, noise, prose, temporaryDirectory } from '../support/tree.ts';

const directory = temporaryDirectory();
const at = (name: string): string => join(directory, name);
const here = { cwd: directory };
let archive: Buffer;
let blocks: BlockPlace[];
let fd: number;

beforeAll(async () => {
  mkdirSync(at('t/d'), { recursive: true });
  writeFileSync(at('t/a'), 'first');
  writeFileSync(at('t/d/large'), Buffer.concat([noise(600), prose(130_000)]));
  writeFileSync(at('t/e'), 'behind the large one');
  symlinkSync('a', at('t/l'));
  await pack(['t'], { directory, output: at('t.znip'), chunkSize: 65536 });
  archive = readFileSync(at('t.znip'));
  blocks = await blocksOf(at('t.znip'));
  fd = openSync(at('changed.znip'), 'w');
});

afterAll(() => closeSync(fd));

/** Verifies these bytes. An archive that cannot be told to be one is refused with an error: its code. */
async function verdict(
  bytes: Buffer,
  options: Parameters<typeof verify>[1] = {},
): Promise<VerifyReport | string> {
  ftruncateSync(fd, bytes.length);
  writeSync(fd, bytes, 0, bytes.length, 0);
  try {
    return await verify(at('changed.znip'), { threads: 1, ...options });
  } catch (error) {
    if (!(error instanceof ZnipError)) throw error;
    return error.code;
  }
}

function codesOf(report: VerifyReport | string): string[] {
  return typeof report === 'string' ? [report] : report.damage.map(({ code }) => code);
}

const flipped = (offset: number): Buffer => flippedAt(archive, offset, 0x10);

describe('a whole archive', () => {
  test.each([1, 2])(
    'of every kind of member is whole with %i threads, from a file and a pipe',
    async (threads) => {
      makeTree(at(`tree-${threads}`));
      await pack([`tree-${threads}`], { directory, output: at('tree.znip'), chunkSize: 65536, owner: true });
      const report = await verify(at('tree.znip'), { threads });
      expect(report.damage).toEqual([]);
      expect(report).toMatchObject({
        ok: true,
        quick: false,
        archiveBytes: readFileSync(at('tree.znip')).length,
      });
      expect(report.members).toBe(describeTree(at(`tree-${threads}`)).size + 1);
      const piped = znip(['verify', '-', '--json', '-j', String(threads)], {
        input: readFileSync(at('tree.znip')),
      });
      expect(piped.status, piped.stderr).toBe(0);
      const { elapsedMs: _, ...rest } = report;
      expect(JSON.parse(piped.stdout)).toMatchObject(JSON.parse(JSON.stringify(rest)) as object);
    },
  );

  test('without members, and with files of every size around a chunk', async () => {
    await pack([], { directory, output: at('empty.znip') });
    expect(await verify(at('empty.znip'))).toMatchObject({ ok: true, members: 0, blobs: 1 });
    mkdirSync(at('sizes'));
    for (const size of [0, 1, 511, 512, 64512, 65023, 65024, 65025, 65536, 130559, 130560, 130561]) {
      writeFileSync(at(`sizes/${size}`), prose(size));
    }
    await pack(['sizes'], { directory, output: at('sizes.znip'), chunkSize: 65536 });
    const { damage } = await verify(at('sizes.znip'), { threads: 1 });
    expect(damage).toEqual([]);
  });

  test.skipIf(process.getuid?.() !== 0)('with what the index does not know, and global headers', async () => {
    mkdirSync(at('odd'));
    run('mknod', [at('odd/b'), 'c', '1', '3']);
    run('mkfifo', [at('odd/c')]);
    for (let i = 0; i < 6; i++) writeFileSync(at(`odd/${i}`), noise(40_000, i + 1));
    const made = run(
      'tar',
      ['--format=posix', '--pax-option=globexthdr.name=g,mtime=1000000', '-cf', 'odd.tar', '-C', 'odd', '.'],
      here,
    );
    expect(made.status).toBe(0);
    const tar = openSync(at('odd.tar'), 'r');
    await packTar(tar, { output: at('odd.znip'), chunkSize: 65536 });
    closeSync(tar);
    for (const threads of [1, 3]) {
      const { damage, members } = await verify(at('odd.znip'), { threads });
      expect(damage).toEqual([]);
      expect(members).toBe(6);
    }
  });
});

describe('one byte changed', () => {
  test('tells which blob, where, and what it hits', async () => {
    const { blobOffset = 0 } = blocks[1] ?? {};
    const report = await verdict(flipped(blobOffset + 40));
    expect(report).toMatchObject({
      ok: false,
      damageCount: 1,
      damage: [{ code: 'damaged-blob', members: ['t/d/large'], blob: 1, offset: blobOffset }],
    });
    const first = await verdict(flipped((blocks[0]?.blobOffset ?? 0) + 30));
    expect(first).toMatchObject({
      damage: [{ code: 'damaged-blob', blob: 0, members: ['t', 't/a', 't/d'] }],
    });
  });

  test('in several places is reported for all of them', async () => {
    const bytes = flipped((blocks[0]?.blobOffset ?? 0) + 30);
    bytes[3] = 0;
    bytes[(blocks[2]?.headerOffset ?? 0) + 60]! ^= 1;
    bytes[(blocks[3]?.blobOffset ?? 0) + 20]! ^= 1;
    const report = await verdict(bytes);
    expect(codesOf(report).sort()).toEqual([
      'damaged-blob',
      'damaged-blob',
      'damaged-block-header',
      'damaged-prologue',
    ]);
    // The header of block 2 is damaged, but the frame table leads to its blob: nothing is lost there.
    expect(
      typeof report === 'string'
        ? []
        : report.damage.find(({ code }) => code === 'damaged-block-header')?.members,
    ).toEqual([]);
  });
});

describe('an archive that is cut', () => {
  test.each([0.3, 0.6, 0.97])('in a pipe, at %d of it, is status 4', (part) => {
    const input = archive.subarray(0, Math.floor(archive.length * part));
    const { status, stderr } = znip(['verify', '-'], { input });
    expect({ status, code: /^znip: (\S+):/.exec(stderr)?.[1] }).toEqual({ status: 4, code: 'truncated' });
  });
});

const member = (indexed: ForgedMember['indexed'], more: Partial<ForgedMember> = {}): ForgedMember => ({
  path: 'a',
  content: 'x',
  ...(indexed === undefined ? {} : { indexed }),
  ...more,
});

/** A manifest that says another sum of contents. */
const sums =
  (bytes: number) =>
  (rows: ManifestRow[]): ManifestRow[] =>
    rows.map((row) => (row.section === 'members' ? { ...row, contentBytes: bytes } : row));

describe('index and tar headers that disagree', () => {
  test.each<[string, ForgedMember[], string[]]>([
    ['nothing', [member(undefined)], []],
    ['a name', [member({ path: 'b' })], ['name-mismatch']],
    ['a size', [member({ size: 2 })], ['size-mismatch']],
    ['a mode', [member({ mode: 0o600 })], ['mode-mismatch']],
    ['a time', [member({ mtime: 5n })], ['mtime-mismatch']],
    ['less than a second', [member({ mtime: 1_700_000_000_123_456_789n })], []],
    ['an owner', [member({ owner: 7 })], ['owner-mismatch']],
    ['a hash', [member({ checksum: Buffer.alloc(32) })], ['damaged-content']],
    ['a kind', [member({ kind: 'directory', size: 0, checksum: null })], ['kind-mismatch', 'size-mismatch']],
    [
      'a link',
      [{ path: 'l', kind: 'symlink', linkTarget: 'x', indexed: { linkTarget: 'y' } }],
      ['link-mismatch'],
    ],
    ['a place', [member({ streamOffset: 1024 })], ['member-not-in-index', 'member-not-in-tar']],
  ])('about %s', async (_, members, codes) => {
    const report = await verdict(forgeArchive(members));
    expect(codesOf(report).sort()).toEqual([...codes].sort());
    if (typeof report !== 'string') for (const { members: hit } of report.damage) expect(hit.length).toBe(1);
  });
});

describe('structures that disagree', () => {
  const members: ForgedMember[] = [member(undefined), { path: 'b', content: 'y' }];
  test.each<[string, ForgeOptions, string]>([
    [
      'chunks that do not tile',
      { frames: (rows) => rows.map((row, i) => ({ ...row, streamOffset: i })) },
      'damaged-frame-table',
    ],
    [
      'a frame table with another hash',
      { frames: (rows) => rows.with(0, { ...rows[0]!, checksum: new Uint8Array(32) }) },
      'wrong-frame-table',
    ],
    [
      'a frame table with another fingerprint',
      { frames: (rows) => rows.with(0, { ...rows[0]!, fingerprint: new Uint8Array(32) }) },
      'wrong-frame-table',
    ],
    [
      'a frame table with another flag',
      { frames: (rows) => rows.with(0, { ...rows[0]!, stored: false }) },
      'wrong-frame-table',
    ],
    [
      'a sub-index with another hash',
      { manifest: (rows) => rows.with(0, { ...rows[0]!, checksum: new Uint8Array(32) }) },
      'damaged-sub-index',
    ],
    ['a count of rows', { manifest: (rows) => rows.with(0, { ...rows[0]!, rowCount: 9 }) }, 'wrong-manifest'],
    ['a sum of contents', { manifest: sums(99) }, 'wrong-manifest'],
    [
      'a section that nobody lists',
      { manifest: (rows) => rows.filter(({ section }) => section === 'frames') },
      'misplaced-section',
    ],
  ])('%s', async (_, options, code) => {
    expect(codesOf(await verdict(forgeArchive(members, options)))).toContain(code);
  });

  test('members that the index has not', async () => {
    const report = await verdict(
      forgeArchive(members, { manifest: (rows) => rows.filter(({ section }) => section === 'frames') }),
    );
    expect(codesOf(report).filter((code) => code === 'member-not-in-index')).toHaveLength(2);
  });

  test('bytes between blocks, and a block that is missing', async () => {
    const { headerOffset = 0 } = blocks[1] ?? {};
    const more = Buffer.concat([
      archive.subarray(0, headerOffset),
      noise(50),
      archive.subarray(headerOffset),
    ]);
    expect(codesOf(await verdict(more))).toContain('damaged-block-header');
    const less = Buffer.concat([archive.subarray(0, headerOffset), archive.subarray(blocks[1]?.end)]);
    expect(codesOf(await verdict(less))).toContain('missing-block');
    expect(codesOf(await verdict(Buffer.concat([archive, noise(9)])))).toContain('truncated');
  });

  test('a frame of others between blocks is no damage to blocks', async () => {
    const { headerOffset = 0 } = blocks[1] ?? {};
    const foreign = Buffer.concat([Buffer.from([0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0]), Buffer.from('abcd')]);
    const bytes = Buffer.concat([archive.subarray(0, headerOffset), foreign, archive.subarray(headerOffset)]);
    // The footer knows the length.
    expect(codesOf(await verdict(bytes))).toEqual(['damaged-footer']);
  });
});

describe('names that are never unpacked', () => {
  test.each<[string, ForgedMember[], string]>([
    ['a way out', [member(undefined, { path: '../a' })], 'unsafe-path'],
    ['a member below a file', [member(undefined), { path: 'a/b', kind: 'directory' }], 'unsafe-path'],
    ['a hard link to nothing', [{ path: 'h', kind: 'hardlink', linkTarget: 'nowhere' }], 'unsafe-link'],
  ])('%s', async (_, members, code) => {
    const bytes = forgeArchive(members);
    expect(codesOf(await verdict(bytes))).toContain(code);
    expect(codesOf(await verdict(bytes, { quick: true }))).toContain(code);
  });
});

describe('--quick', () => {
  test('finds damage in the index and reads no content', async () => {
    expect(await verdict(flipped((blocks[1]?.blobOffset ?? 0) + 40), { quick: true })).toMatchObject({
      ok: true,
      quick: true,
      blobs: 0,
    });
    expect(codesOf(await verdict(flipped(archive.length - 300), { quick: true }))).toEqual([
      'damaged-manifest',
    ]);
  });
});

describe('on the command line', () => {
  test('says so in words, and the root hash', () => {
    const root = znip(['info', '--root', 't.znip'], here).stdout.trim();
    const { status, stdout, stderr } = znip(['verify', 't.znip', '--root', root], here);
    expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
    expect(stderr).toMatch(
      /^t\.znip: whole: 6 members, \d+ blobs, .* of tar stream; [\d.]+ s\nroot hash [0-9a-f]{64}\n$/,
    );
    const wrong = znip(['verify', '--quick', 't.znip', '--root', '0'.repeat(64)], here);
    expect(wrong.status).toBe(4);
    expect(wrong.stderr).toContain(
      `znip: root-mismatch: the root hash must be ${'0'.repeat(64)}, but it is ${root}`,
    );
    expect(znip(['verify', 't.znip', '--root', 'xyz'], here).status).toBe(2);
    expect(znip(['verify', '-q', 't.znip'], here)).toMatchObject({ status: 0, stdout: '', stderr: '' });
  });

  test('names code, place and members of damage, in words and as JSON, from file and pipe', () => {
    const { blobOffset = 0 } = blocks[0] ?? {};
    writeFileSync(at('bad.znip'), flipped(blobOffset + 30));
    const { status, stderr } = znip(['verify', 'bad.znip'], here);
    expect(status).toBe(4);
    expect(stderr).toContain(`znip: damaged-blob: blob 0 at byte ${blobOffset} is damaged`);
    expect(stderr).toContain('\n  hits t/a\n');
    expect(stderr).toContain('znip: bad.znip is damaged: 1 fault; 3 members hit');
    for (const json of [
      znip(['verify', 'bad.znip', '--json'], here),
      znip(['verify', '-', '--json'], { ...here, input: readFileSync(at('bad.znip')) }),
    ]) {
      expect(json.status).toBe(4);
      expect(JSON.parse(json.stdout)).toMatchObject({
        ok: false,
        damage: [{ code: 'damaged-blob', blob: 0, offset: blobOffset, members: ['t', 't/a', 't/d'] }],
      });
    }
  });

  test('refuses what is no archive, clearly', () => {
    writeFileSync(at('text'), 'hello');
    run('tar', ['-cf', 'some.tar', 't'], here);
    for (const args of [['text'], ['some.tar'], ['-']]) {
      const { status, stderr } = znip(['verify', ...args], { ...here, input: readFileSync(at('some.tar')) });
      expect(status).toBe(4);
      expect(stderr).toMatch(/^znip: .*(?:not a znip archive)/);
      expect(stderr.trim().split('\n')).toHaveLength(1);
    }
    expect(znip(['verify', 'missing.znip'], here).status).toBe(1);
    expect(znip(['verify', '--quick', '-'], { input: archive }).status).toBe(2);
  });

  test('escapes control characters in names', () => {
    const bytes = forgeArchive([member(undefined, { path: '../\u001b[2J' })]);
    const { stderr } = znip(['verify', '-'], { input: bytes });
    expect(stderr).toContain('\\x1b[2J');
    expect(stderr).not.toContain('\u001b');
  });
});

describe('the document', () => {
  test('has every code and its meaning', () => {
    const text = readFileSync(new URL('../../docs/verify.md', import.meta.url), 'utf8');
    const rows = [...text.matchAll(/^\| `([a-z-]+)` +\| (.*?) +\|$/gm)].map(([, code, meaning]) => [
      code,
      meaning,
    ]);
    expect(Object.fromEntries(rows)).toEqual(DAMAGE);
  });
});

test.skipIf(!hasProgram('zstd'))('an archive that verify calls whole is whole to zstd', () => {
  expect(run('zstd', ['-tq', 't.znip'], here).status).toBe(0);
});

/** The header of the first member names its owner. */
const withOwnerName = (chunk: Buffer, number: number): Buffer => {
  if (number > 0) return chunk;
  chunk.write('daemon', 265, 'latin1');
  chunk.write('        ', 148, 'latin1');
  const sum = chunk.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  chunk.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return chunk;
};
const ownedMember = (uname?: string): ForgedMember => ({
  path: 'f',
  content: '',
  indexed: { owner: 0, ...(uname === undefined ? {} : { uname }) },
});

describe('names of owners, which tar programs prefer to numbers', () => {
  test('agree', async () => {
    const report = await verdict(forgeArchive([ownedMember('daemon')], { chunk: withOwnerName }));
    expect(report).toMatchObject({ ok: true, differing: [] });
  });

  test.each([
    ['another one', [ownedMember('root')], withOwnerName],
    ['one that the tar header has not', [ownedMember('root')], (chunk: Buffer) => chunk],
  ])('%s in the index is damage', async (_, members, chunk) => {
    expect(codesOf(await verdict(forgeArchive(members, { chunk })))).toEqual(['owner-mismatch']);
  });

  test('none in the index is in doubt: the archive is not called whole', async () => {
    const report = await verdict(forgeArchive([ownedMember()], { chunk: withOwnerName }));
    expect(report).toMatchObject({ ok: true, differing: [{ member: 'f', about: 'owner' }] });
  });
});
