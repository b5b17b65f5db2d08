/**
 * What comes out of archives that are cut, damaged or mixed up: every member that is whole, nothing else, and
 * a name for what is lost.
 */
import { existsSync, linkSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { type LostMember, openArchive, pack, recover, type RecoverResult, ZnipError } from 'znip/internal';
import { type BlockPlace, blocksOf } from '../support/blocks.ts';
import { expectOriginals, flipped as flippedAt } from '../support/damage.ts';
import { type ForgedMember, forgeArchive } from '../support/forge.ts';
import { run, znip } from '../support/run.ts';
import {
  describeTree,
  type Described,
  inSeconds,
  noise,
  prose,
  temporaryDirectory,
} from '../support/tree.ts';

const directory = temporaryDirectory();
const at = (name: string): string => join(directory, name);
const CHUNK = 65536;

/** Archive of a tree with members in one chunk and members in several. */
let archive: Buffer;
let source: Map<string, Described>;
let blocks: BlockPlace[];

beforeAll(async () => {
  mkdirSync(at('t/d'), { recursive: true });
  writeFileSync(at('t/a'), 'first');
  writeFileSync(at('t/b'), prose(30_000));
  writeFileSync(at('t/c'), prose(50_000));
  writeFileSync(at('t/d/large'), prose(2 * CHUNK + 700));
  writeFileSync(at('t/e'), 'behind the large one');
  linkSync(at('t/a'), at('t/f'));
  symlinkSync('a', at('t/g'));
  writeFileSync(at('t/zz'), '');
  await pack(['t'], { directory, output: at('t.znip'), chunkSize: CHUNK });
  archive = readFileSync(at('t.znip'));
  source = describeTree(at('t'));
  blocks = await blocksOf(at('t.znip'));
  expect(blocks.length).toBeGreaterThan(4);
});

interface Recovered {
  result: RecoverResult;
  lost: LostMember[];
  tree: Map<string, Described>;
}

async function recoverBytes(bytes: Buffer): Promise<Recovered> {
  writeFileSync(at('damaged.znip'), bytes);
  rmSync(at('out'), { recursive: true, force: true });
  const lost: LostMember[] = [];
  const result = await recover(at('damaged.znip'), {
    directory: at('out'),
    threads: 1,
    onDamaged: (one) => lost.push(one),
  });
  return { result, lost, tree: existsSync(at('out/t')) ? describeTree(at('out/t')) : new Map() };
}

const flipped = (offset: number): Buffer => flippedAt(archive, offset, 0x40);

/** Where a block begins and ends. */
const block = (number: number): [number, number] => {
  const { headerOffset = 0, end = 0 } = blocks[number] ?? {};
  return [headerOffset, end];
};

/** Every member's name. */
const all = (): string[] => [...source.keys()];

const file = (path: string): ForgedMember => ({ path, content: path });

const symlink = (path: string, linkTarget: string): ForgedMember => ({ path, kind: 'symlink', linkTarget });

/** Damage within a blob. */
const inBlob = (number: number): Buffer => flipped((blocks[number]?.blobOffset ?? 0) + 40);

/** Names of the tree that an unpacked one lacks; what it has must be right. */
const missing = (target: string): string[] => {
  const tree = describeTree(at(`${target}/t`));
  expectOriginals(tree, source);
  return [...source.keys()].filter((path) => !tree.has(path));
};

describe('an archive that is cut', () => {
  test('gives them back as they were, to the second', async () => {
    for (const { headerOffset, blobOffset, end } of blocks) {
      for (const length of [headerOffset + 1, blobOffset, end - 1, end]) {
        if (length < (blocks[0]?.blobOffset ?? 0)) continue;
        const { tree, result, lost } = await recoverBytes(archive.subarray(0, length));
        expect(result).toMatchObject({ byIndex: false, lost: lost.length });
        expectOriginals(tree, source);
        expect(tree.size).toBeGreaterThanOrEqual(result.members - 1);
      }
    }
    const { tree } = await recoverBytes(archive.subarray(0, -1));
    expect(inSeconds(tree)).toEqual(inSeconds(source));
  });
});

describe('damage of other kinds', () => {
  test('no beginning: the blocks behind it', async () => {
    const { tree, lost } = await recoverBytes(archive.subarray(block(1)[0] + 3));
    expectOriginals(tree, source);
    // The large file begins in block 2, whose header is whole.
    expect([...tree.keys()].sort()).toEqual(['d', 'd/large', 'e', 'g', 'zz']);
    expect(lost.some(({ reason }) => reason.includes('t/f'))).toBe(true);
  });

  test('a block that is missing, and two that are exchanged', async () => {
    const [start, end] = block(1);
    const without = await recoverBytes(Buffer.concat([archive.subarray(0, start), archive.subarray(end)]));
    expect(all().filter((path) => !without.tree.has(path))).toEqual(['c']);
    const [, last] = block(2);
    const exchanged = await recoverBytes(
      Buffer.concat([
        archive.subarray(0, start),
        archive.subarray(end, last),
        archive.subarray(start, end),
        archive.subarray(last, -1),
      ]),
    );
    expectOriginals(exchanged.tree, source);
    expect(all().filter((path) => !exchanged.tree.has(path))).not.toContain('d/large');
  });

  test('bytes that are missing within a blob, or were put between blocks', async () => {
    const { blobOffset = 0 } = blocks[1] ?? {};
    const short = await recoverBytes(
      Buffer.concat([archive.subarray(0, blobOffset + 20), archive.subarray(blobOffset + 50)]),
    );
    expect(all().filter((path) => !short.tree.has(path))).toEqual(['c']);
    const [start] = block(1);
    const long = await recoverBytes(
      Buffer.concat([archive.subarray(0, start), noise(3000), archive.subarray(start)]),
    );
    expect(all().filter((path) => !long.tree.has(path))).toEqual([]);
    expect(long.lost.map(({ member }) => member)).toContain(null);
  });

  test('the first part of a file that several blobs hold: the file and no other', async () => {
    const { blobOffset = 0 } = blocks[3] ?? {};
    const { tree, lost } = await recoverBytes(Buffer.concat([flipped(blobOffset + 30).subarray(0, -1)]));
    expect(all().filter((path) => !tree.has(path))).toEqual(['d/large']);
    expect(lost.map(({ member }) => member)).toContain('t/d/large');
  });

  test('what was appended behind the footer costs nothing, not even nanoseconds, and is named', async () => {
    const { tree, lost } = await recoverBytes(Buffer.concat([archive, noise(200)]));
    expect(lost).toEqual([
      {
        member: null,
        code: 'damaged-footer',
        reason: expect.stringContaining(
          `ends at byte ${archive.length}, and 200 bytes of something else follow, which are left out`,
        ),
        blob: null,
        offset: archive.length,
      },
    ]);
    expect(tree).toEqual(source);
  });

  test('of two archives joined, the first is given and the second named; nothing else takes them for one', () => {
    mkdirSync(at('u'));
    writeFileSync(at('u/other'), 'of another archive');
    expect(znip(['pack', '-q', 'u', '-o', 'u.znip'], { cwd: directory }).status).toBe(0);
    const joined = Buffer.concat([archive, readFileSync(at('u.znip'))]);
    writeFileSync(at('joined.znip'), joined);
    const places = ['recover', 'file', 'pipe'];
    const runs = [
      znip(['recover', '-q', 'joined.znip', '-C', 'joined/recover'], { cwd: directory }),
      znip(['unpack', '-q', '--keep-going', 'joined.znip', '-C', 'joined/file'], { cwd: directory }),
      znip(['unpack', '-q', '--keep-going', '-', '-C', 'joined/pipe'], { cwd: directory, input: joined }),
    ];
    for (const [i, { status, stderr }] of runs.entries()) {
      expect({ status, stderr }).toEqual({
        status: 4,
        stderr: expect.stringContaining(`of what begins as another archive follow, which are left out`),
      });
      expect(describeTree(at(`joined/${places[i]}/t`))).toEqual(source);
    }
    for (const [args, input] of [
      [['unpack', 'joined.znip', '-C', 'joined/plain']],
      [['unpack', '-', '-C', 'joined/plain'], joined],
      [['unpack', '--tar', 'joined.tar', 'joined.znip']],
      [['unpack', '--tar', 'joined.tar', '-'], joined],
      [['verify', 'joined.znip']],
      [['verify', '-'], joined],
      [['ls', 'joined.znip']],
      [['info', 'joined.znip']],
      [['cat', 'joined.znip', 't/a']],
      [['diff', 'joined.znip', '.']],
    ] as [string[], Buffer?][]) {
      const { status, stderr } = znip(
        args,
        input === undefined ? { cwd: directory } : { cwd: directory, input },
      );
      expect({ args, status, stderr }).toEqual({
        args,
        status: 4,
        stderr: expect.stringContaining('footer'),
      });
    }
  });

  test('nothing in it of znip is an error of its own', async () => {
    await expect(recoverBytes(noise(5000))).rejects.toMatchObject({ code: 'not-an-archive' });
    await expect(recoverBytes(Buffer.alloc(0))).rejects.toBeInstanceOf(ZnipError);
  });
});

describe('an archive within a damaged one', () => {
  test('is not taken for it', async () => {
    mkdirSync(at('outer'));
    writeFileSync(at('outer/a-first'), 'first');
    // Whole chunks of it do not compress: what is in them lies in the archive as it is.
    writeFileSync(at('outer/image'), Buffer.concat([noise(70_000, 3), archive, noise(90_000, 5)]));
    writeFileSync(at('outer/z-last'), 'last');
    await pack(['outer'], { directory, output: at('outer.znip'), chunkSize: CHUNK });
    const bytes = readFileSync(at('outer.znip'));
    const opened = await openArchive(at('outer.znip'));
    const table = await opened.frames();
    opened.close();
    const { blobOffset, blobLength } = table[0] ?? { blobOffset: 0, blobLength: 0 };
    expect(table[1]?.stored).toBe(true);
    expect(bytes.indexOf(archive)).toBeGreaterThan(blobOffset + blobLength);
    bytes[blobOffset + blobLength + 50]! ^= 1;
    writeFileSync(at('outer-damaged.znip'), bytes.subarray(0, -1));
    rmSync(at('outer-out'), { recursive: true, force: true });
    await recover(at('outer-damaged.znip'), { directory: at('outer-out'), threads: 1 });
    const tree = describeTree(at('outer-out'));
    expect([...tree.keys()].sort()).toEqual(['outer', 'outer/a-first', 'outer/z-last']);
  });
});

describe('names and links that are refused', () => {
  const members = [file('../up'), file('a/../../x'), symlink('l', '..'), file('l/through'), file('fine')];

  test.each([
    ['with an index', 0],
    ['without one', 1],
  ])('cost themselves alone, %s', async (_, cut) => {
    const place = at(`hostile-${cut}`);
    mkdirSync(join(place, 'in'), { recursive: true });
    const whole = forgeArchive(members);
    writeFileSync(join(place, 'h.znip'), whole.subarray(0, whole.length - cut));
    const { status, stderr } = znip(['recover', 'h.znip', '-C', 'in'], { cwd: place });
    expect(status).toBe(4);
    for (const name of ['../up', 'a/../../x', 'l/through']) expect(stderr).toContain(`'${name}' is lost`);
    expect(readFileSync(join(place, 'in/fine'), 'utf8')).toBe('fine');
    expect(existsSync(join(place, 'through'))).toBe(false);
    expect([...describeTree(place).keys()].sort()).toEqual(['h.znip', 'in', 'in/fine', 'in/l']);
  });
});

describe('on the command line', () => {
  test('names what is lost, with the blob and the place, in words and as JSON', () => {
    const { blobOffset = 0 } = blocks[1] ?? {};
    writeFileSync(at('one.znip'), flipped(blobOffset + 40));
    const words = znip(['recover', 'one.znip', '-C', 'cli-words'], { cwd: directory });
    expect(words.status).toBe(4);
    expect(words.stderr).toContain(`znip: 't/c' is lost: blob 1 at byte ${blobOffset} is damaged`);
    const { status, stdout, stderr } = znip(['recover', 'one.znip', '-C', 'cli', '--json'], {
      cwd: directory,
    });
    expect(status).toBe(4);
    expect(JSON.parse(stderr)).toMatchObject({ event: 'lost', member: 't/c', blob: 1, offset: blobOffset });
    expect(JSON.parse(stdout)).toMatchObject({
      members: 9,
      byIndex: true,
      lost: [{ member: 't/c', code: 'damaged-block', blob: 1, offset: blobOffset }],
    });
    const dry = znip(['recover', '-n', 'one.znip', '-C', 'cli-dry'], { cwd: directory });
    expect(dry.status).toBe(4);
    expect(dry.stdout.split('\n')).not.toContain('t/c');
    expect(dry.stdout.split('\n')).toContain('t/d/large');
    expect(existsSync(at('cli-dry'))).toBe(false);
  });

  test('a whole archive comes back whole, with status 0', () => {
    expect(znip(['recover', '-q', 't.znip', '-C', 'whole'], { cwd: directory })).toMatchObject({
      status: 0,
      stderr: '',
    });
    expect(describeTree(at('whole/t'))).toEqual(source);
  });

  test('standard input is no file', () => {
    expect(znip(['recover', '-'], { input: archive }).status).toBe(2);
  });
});

describe('--keep-going', () => {
  test.each([
    ['unpack by the index', (): string[] => ['unpack', '--keep-going', 'kg.znip'], false],
    [
      'unpack by the index, with threads',
      (): string[] => ['unpack', '--keep-going', '-j', '3', 'kg.znip'],
      false,
    ],
    ['unpack from a pipe', (): string[] => ['unpack', '--keep-going', '-'], true],
  ])('%s: costs what is hit', (name, args, piped) => {
    writeFileSync(at('kg.znip'), inBlob(1));
    const target = `kg ${name}`;
    const { status, stderr } = znip([...args(), '-C', target], {
      cwd: directory,
      ...(piped ? { input: readFileSync(at('kg.znip')) } : {}),
    });
    expect(status).toBe(4);
    expect(missing(target)).toEqual(['c']);
    expect(stderr).toContain("znip: 't/c' is lost: blob 1");
    expect(describeTree(at(`${target}/t`)).get('d/large')?.mtime).toBe(source.get('d/large')?.mtime);
  });

  test('a hard link goes with its file', () => {
    writeFileSync(at('kg.znip'), inBlob(0));
    const { status, stderr } = znip(['unpack', '--keep-going', 'kg.znip', '-C', 'kg-link'], {
      cwd: directory,
    });
    expect(status).toBe(4);
    expect(missing('kg-link')).toEqual(['a', 'b', 'f']);
    expect(stderr).toContain("znip: 't/f' is lost: it is a hard link to 't/a', which is lost");
  });

  test('without it, the run ends at the damage as before', () => {
    writeFileSync(at('kg.znip'), inBlob(1));
    const { status, stderr } = znip(['unpack', 'kg.znip', '-C', 'kg-not'], { cwd: directory });
    expect(status).toBe(4);
    expect(stderr).toMatch(/^znip: blob 1 at byte \d+ is damaged/);
  });

  test('cat writes what is whole and names the rest', () => {
    writeFileSync(at('kg.znip'), inBlob(1));
    const args = ['cat', 'kg.znip', 't/a', 't/c', 't/e'];
    const without = znip(args, { cwd: directory });
    expect(without).toMatchObject({ status: 4, stdout: 'first' });
    const { status, stdout, stderr } = znip([...args, '--keep-going'], { cwd: directory });
    expect({ status, stdout }).toEqual({ status: 4, stdout: 'firstbehind the large one' });
    expect(stderr).toContain("'t/c'");
  });

  test('members of many blobs, with many threads, in parallel', async () => {
    mkdirSync(at('many'));
    for (let i = 0; i < 60; i++) writeFileSync(at(`many/${i}`), noise(200_000, i + 1));
    await pack(['many'], { directory, output: at('many.znip'), chunkSize: CHUNK });
    const opened = await openArchive(at('many.znip'));
    const table = await opened.frames();
    opened.close();
    const bytes = readFileSync(at('many.znip'));
    for (const blob of [3, 50, 51, 100]) bytes[(table[blob]?.blobOffset ?? 0) + 1000]! ^= 8;
    writeFileSync(at('many-damaged.znip'), bytes);
    for (const [target, args] of [
      ['many-index', ['many-damaged.znip', '-j', '4']],
      ['many-pipe', ['-', '-j', '4']],
    ] as const) {
      const { status, stdout } = run(
        'sh',
        [
          '-c',
          `exec node "$0" unpack --keep-going --json -q -C ${target} ${args.join(' ')} < many-damaged.znip`,
          join(import.meta.dirname, '../../bin/znip.cjs'),
        ],
        { cwd: directory },
      );
      expect(status).toBe(4);
      const lost = (JSON.parse(stdout) as { lost: LostMember[] }).lost.map(({ member }) => member);
      const tree = describeTree(at(`${target}/many`));
      const expected = describeTree(at('many'));
      expect([...tree.keys()].some((path) => path.includes('.part'))).toBe(false);
      for (const path of expected.keys()) {
        if (lost.includes(`many/${path}`)) expect(tree.has(path)).toBe(false);
        else expect(tree.get(path)).toEqual(expected.get(path));
      }
      expect(lost.length).toBeGreaterThanOrEqual(3);
      expect(lost.length).toBeLessThanOrEqual(4);
    }
  });
});
