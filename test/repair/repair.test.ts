/**
 * repair: a good archive from what is whole, the same one when nothing is wrong, and never over the damaged one.
 */
import {
  closeSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  list,
  openArchive,
  pack,
  packTar,
  repair,
  type RepairResult,
  unpack,
  verify,
  ZnipError,
} from 'znip/internal';
import { type BlockPlace, blocksOf } from '../support/blocks.ts';
import { type ForgedMember, forgeArchive } from '../support/forge.ts';
import { run, znip } from '../support/run.ts';
import {
  type Described,
  describeTree,
  inSeconds,
  noise,
  prose,
  temporaryDirectory,
} from '../support/tree.ts';

const directory = temporaryDirectory();
const at = (name: string): string => join(directory, name);
const here = { cwd: directory };
let archive: Buffer;
let source: Map<string, Described>;
let blocks: BlockPlace[];

beforeAll(async () => {
  mkdirSync(at('t/d'), { recursive: true });
  writeFileSync(at('t/a'), 'first');
  utimesSync(at('t/a'), 1_600_000_000.25, 1_600_000_000.25);
  writeFileSync(at('t/b.tgz'), noise(30_000, 3));
  writeFileSync(at('t/c'), noise(40_000, 5));
  writeFileSync(at('t/d/large'), Buffer.concat([noise(70_000, 7), prose(70_000)]));
  writeFileSync(at('t/e'), 'behind the large one');
  linkSync(at('t/a'), at('t/f'));
  symlinkSync('a', at('t/g'));
  await pack(['t'], {
    directory,
    output: at('t.znip'),
    chunkSize: 65536,
    owner: true,
    repoFromDirectory: true,
  });
  archive = readFileSync(at('t.znip'));
  source = describeTree(at('t'));
  blocks = await blocksOf(at('t.znip'));
  expect(blocks.length).toBeGreaterThan(4);
});

function flipped(...offsets: number[]): Buffer {
  const bytes = Buffer.from(archive);
  for (const offset of offsets) bytes[offset] = (bytes[offset] ?? 0) ^ 0x08;
  return bytes;
}

/** Damage well within a blob. */
function within(blob: number): number {
  return (blocks[blob]?.blobOffset ?? 0) + 40;
}

async function repaired(bytes: Buffer): Promise<{ result: RepairResult; made: Buffer }> {
  writeFileSync(at('damaged.znip'), bytes);
  const result = await repair(at('damaged.znip'), { output: at('new.znip'), threads: 1 });
  return { result, made: readFileSync(at('new.znip')) };
}

async function unpacked(): Promise<Map<string, Described>> {
  rmSync(at('out'), { recursive: true, force: true });
  const opened = await openArchive(at('new.znip'));
  await unpack(opened, { directory: at('out'), threads: 1 });
  opened.close();
  return describeTree(at('out/t'));
}

async function groupsOf(path: string): Promise<Record<string, string>> {
  const opened = await openArchive(path);
  const groups: Record<string, string> = {};
  for await (const { path: name, packageType, repo, uid } of list(opened))
    groups[name] = `${packageType} ${repo} ${uid}`;
  opened.close();
  return groups;
}

/** Names of the source that a tree lacks; what it has must be right. */
function missing(tree: Map<string, Described>, exact: boolean): string[] {
  const expected = exact ? source : inSeconds(source);
  for (const [path, entry] of exact ? tree : inSeconds(tree)) {
    const { links: _, ...rest } = entry;
    // A directory whose own member is lost has its time from now.
    if (entry.kind !== 'directory') expect({ path, ...expected.get(path) }).toMatchObject({ path, ...rest });
  }
  return [...source.keys()].filter((path) => !tree.has(path));
}

describe('an archive with which nothing is wrong', () => {
  test('is the same', async () => {
    const { result, made } = await repaired(archive);
    expect(result).toMatchObject({ copied: true, refused: 0, byIndex: true });
    expect(made.equals(archive)).toBe(true);
    expect(znip(['repair', '-q', 't.znip', '-o', 'same.znip'], here)).toMatchObject({
      status: 0,
      stdout: '',
      stderr: '',
    });
    expect(readFileSync(at('same.znip')).equals(archive)).toBe(true);
  });
});

describe('damage that costs no member', () => {
  test.each([
    ['the prologue', (): Buffer => flipped(2)],
    ['a block header', (): Buffer => flipped((blocks[1]?.headerOffset ?? 0) + 20)],
    [
      'two block headers in a row',
      (): Buffer => flipped((blocks[2]?.headerOffset ?? 0) + 20, (blocks[3]?.headerOffset ?? 0) + 20),
    ],
  ])('%s: the archive is made as it was, byte for byte', async (_, damage) => {
    const { result, made } = await repaired(damage());
    expect(result).toMatchObject({ copied: false, byIndex: true });
    expect(result.report.ok).toBe(false);
    expect(made.equals(archive)).toBe(true);
  });

  test('bytes behind the end, or no end: all but the nanoseconds and groups', async () => {
    for (const bytes of [Buffer.concat([archive, noise(70)]), archive.subarray(0, -1)]) {
      const { result } = await repaired(bytes);
      expect(result).toMatchObject({ copied: false, byIndex: false });
      expect(missing(await unpacked(), false)).toEqual([]);
    }
    expect((await groupsOf(at('new.znip')))['t/b.tgz']).toBe(
      'npm  ' + (process.getuid?.() === 0 ? 'null' : process.getuid?.()),
    );
  });
});

test('owners that the tar headers do not have are not taken over from the index', async () => {
  const { result } = await repaired(forgeArchive([{ path: 'f', content: 'c', indexed: { owner: 7 } }]));
  expect(result.report.damage.map(({ code }) => code)).toContain('owner-mismatch');
  expect(result).toMatchObject({ copied: false, byIndex: true, members: 1 });
  expect((await groupsOf(at('new.znip')))['f']).toBe('plain  null');
});

describe('damage that costs members', () => {
  test('those of a blob, and links to them; times, owners and groups of the others stay', async () => {
    const { result } = await repaired(flipped(within(0)));
    const tree = await unpacked();
    expect(missing(tree, true)).toEqual(['a', 'b.tgz', 'f']);
    expect(result).toMatchObject({ refused: 1, byIndex: true, members: source.size + 1 - 4 });
    const before = await groupsOf(at('t.znip'));
    for (const [name, group] of Object.entries(await groupsOf(at('new.znip'))))
      expect(group).toBe(before[name]);
  });

  test('one part of a large file: that file', async () => {
    for (const blob of [2, 3, 4]) {
      await repaired(flipped(within(blob)));
      expect(missing(await unpacked(), true), `blob ${blob}`).toContain('d/large');
      expect(missing(await unpacked(), true)).not.toContain('c');
    }
  });

  test('what is no archive, or only its first bytes, is refused', async () => {
    await expect(repaired(archive.subarray(0, 60))).rejects.toMatchObject({ code: 'not-an-archive' });
    await expect(repaired(noise(5000))).rejects.toBeInstanceOf(ZnipError);
  });
});

describe('members that are refused', () => {
  test('are left out, with what is damaged, and the rest is made into an archive that can be unpacked', async () => {
    const members: ForgedMember[] = [
      { path: 'good', content: 'good' },
      { path: '../up', content: 'x' },
      { path: 'link', kind: 'symlink', linkTarget: '..' },
      { path: 'link/through', content: 'x' },
      { path: 'hard', kind: 'hardlink', linkTarget: '../up' },
      { path: 'last', content: 'last' },
    ];
    const { result } = await repaired(forgeArchive(members));
    expect(result.refused).toBe(3);
    const opened = await openArchive(at('new.znip'));
    const names = [];
    for await (const { path } of list(opened)) names.push(path);
    opened.close();
    expect(names).toEqual(['good', 'link', 'last']);
  });
});

describe('a tar stream of others', () => {
  test.skipIf(process.getuid?.() !== 0)(
    'keeps what the index does not know, and global headers',
    async () => {
      mkdirSync(at('odd'));
      run('mknod', [at('odd/b'), 'c', '1', '3']);
      for (let i = 0; i < 6; i++) writeFileSync(at(`odd/${i}`), noise(40_000, i + 1));
      run(
        'tar',
        [
          '--format=posix',
          '--pax-option=globexthdr.name=g,mtime=1000000',
          '-cf',
          'odd.tar',
          '-C',
          'odd',
          '.',
        ],
        here,
      );
      const tar = openSync(at('odd.tar'), 'r');
      await packTar(tar, { output: at('odd.znip'), chunkSize: 65536 });
      closeSync(tar);
      const bytes = readFileSync(at('odd.znip'));
      bytes[0] = 0;
      await repaired(bytes);
      expect((await verify(at('new.znip'))).damage).toEqual([]);
      const listing = run('sh', ['-c', 'zstd -dc new.znip | tar -tvf -'], here).stdout;
      expect(listing).toContain('1,3');
      expect(listing.trim().split('\n')).toHaveLength(8);
    },
  );
});

/** Repairs while the source is changed once the damaged archive has been verified. */
async function repairWhile(before: Buffer, after: Buffer): Promise<unknown> {
  writeFileSync(at('moving.znip'), before);
  writeFileSync(at('earlier.znip'), 'what was repaired before');
  let changed = false;
  const outcome = await repair(at('moving.znip'), {
    output: at('earlier.znip'),
    threads: 1,
    onProgress: ({ members }) => {
      if (changed || members < source.size) return;
      changed = true;
      writeFileSync(at('moving.znip'), after);
    },
  }).catch((error: unknown) => error);
  expect(changed).toBe(true);
  expect(readdirSync(directory).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  return outcome;
}

describe('a source that changes meanwhile', () => {
  test('leaves the earlier output as it was, whether it was whole or not', async () => {
    const broken = flipped(within(1), within(2));
    for (const [before, after] of [
      [archive, broken],
      [archive, archive.subarray(0, archive.length / 2)],
      [archive, noise(archive.length)],
    ] as const) {
      const error = await repairWhile(before, after);
      expect(error).toBeInstanceOf(ZnipError);
      expect(error).toMatchObject({
        code: 'inconsistent',
        message: expect.stringMatching(/is as it was before: .*was changed meanwhile$/),
      });
      expect(readFileSync(at('earlier.znip'), 'utf8')).toBe('what was repaired before');
    }
  });

  test('is no copy when it is another archive, though that is whole', async () => {
    await pack(['t/d'], { directory, output: at('other.znip') });
    const error = await repairWhile(archive, readFileSync(at('other.znip')));
    expect(error).toMatchObject({ message: expect.stringContaining('it is another archive now') });
    expect(readFileSync(at('earlier.znip'), 'utf8')).toBe('what was repaired before');
  });
});

describe('on the command line', () => {
  test('names what is lost, says what could be kept, and verifies', () => {
    writeFileSync(at('bad.znip'), flipped(within(1)));
    const words = znip(['repair', 'bad.znip', '-o', 'words.znip'], here);
    expect(words.status).toBe(4);
    expect(words.stderr).toContain('znip: damaged-blob: blob 1 at byte');
    expect(words.stderr).toContain('times, owners and groups are what they were');
    const { status, stdout, stderr } = znip(['repair', 'bad.znip', '-o', 'good.znip', '--json'], here);
    expect(status).toBe(4);
    expect(JSON.parse(stderr)).toMatchObject({ event: 'damage', code: 'damaged-blob', blob: 1 });
    expect(JSON.parse(stdout)).toMatchObject({
      copied: false,
      byIndex: true,
      refused: [],
      report: { damage: [{ blob: 1 }] },
    });
    expect(znip(['verify', '-q', 'good.znip'], here).status).toBe(0);
    expect(znip(['repair', 'bad.znip'], here).status).toBe(2);
  });

  test('never writes over the damaged archive, whatever it is called', () => {
    const bytes = flipped(within(1));
    writeFileSync(at('only.znip'), bytes);
    symlinkSync('only.znip', at('alias.znip'));
    for (const output of ['only.znip', './only.znip', 'alias.znip']) {
      const { status, stderr } = znip(['repair', 'only.znip', '-o', output], here);
      expect({ status, output }).toEqual({ status: 2, output });
      expect(stderr).toContain('is the archive that is to be repaired');
    }
    expect(readFileSync(at('only.znip')).equals(bytes)).toBe(true);
  });

  test('leaves what was at the output when nothing can be repaired', () => {
    writeFileSync(at('nothing.znip'), noise(4000));
    writeFileSync(at('before.znip'), 'before');
    const { status, stderr } = znip(['repair', 'nothing.znip', '-o', 'before.znip'], here);
    expect(status).toBe(4);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(readFileSync(at('before.znip'), 'utf8')).toBe('before');
  });
});
