/**
 * Unpacking only what differs: what is on disk afterwards is what the archive has, nothing else is touched, and nothing is
 * removed that nobody asked for.
 */
import { spawnSync, type SpawnSyncReturns } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  type MemberChange,
  openArchive,
  pack,
  unpack,
  type UnpackOptions,
  type UnpackResult,
} from 'znip/internal';
import { Random } from '../fuzz/random.ts';
import { lacks, run, ZNIP, znip } from '../support/run.ts';
import { describeTree, noise, prose, temporaryDirectory } from '../support/tree.ts';

const directory = temporaryDirectory();
const at = (name: string): string => join(directory, name);
const ARCHIVE = 'tree.znip';

/** A tree with one of everything, hard links among them, and a file of several chunks. */
function makeTree(root: string): void {
  for (const path of ['', 'bin', 'deep/er', 'empty', 'links'])
    mkdirSync(join(root, path), { recursive: true });
  for (let i = 0; i < 30; i++) writeFileSync(join(root, `deep/er/file-${i}`), prose(100 * i));
  writeFileSync(join(root, 'bin/run'), '#!/bin/sh\n');
  chmodSync(join(root, 'bin/run'), 0o755);
  writeFileSync(join(root, 'large'), noise(200_000));
  writeFileSync(join(root, 'zero'), '');
  writeFileSync(join(root, 'links/first'), 'one content');
  linkSync(join(root, 'links/first'), join(root, 'links/second'));
  linkSync(join(root, 'links/first'), join(root, 'bin/third'));
  symlinkSync('../bin/run', join(root, 'links/symlink'));
  symlinkSync('nowhere', join(root, 'dangling'));
  for (const path of ['empty', 'deep/er', 'deep', 'bin', 'links', ''])
    utimesSync(join(root, path), 1.6e9, 1.6e9);
}

beforeAll(async () => {
  makeTree(at('tree'));
  await pack([{ directory, path: 'tree' }], { chunkSize: 65536, threads: 1, output: at(ARCHIVE) });
});

async function update(
  target: string,
  options: UnpackOptions = {},
): Promise<Omit<UnpackResult, 'lost'> & { changes: MemberChange[]; lost: string[] }> {
  const changes: MemberChange[] = [];
  const lost: string[] = [];
  const archive = await openArchive(at(ARCHIVE));
  try {
    const result = await unpack(archive, {
      directory: at(target),
      changed: true,
      onChange: (change) => changes.push(change),
      onLost: (path, reason) => lost.push(`${path}: ${reason}`),
      ...options,
    });
    return { ...result, changes, lost };
  } finally {
    archive.close();
  }
}

async function codeOf(task: Promise<unknown>): Promise<string> {
  return task.then(
    () => 'done',
    (error: unknown) => (error as { code: string }).code,
  );
}

/** A target that is as it should be. */
async function fresh(name: string): Promise<string> {
  await update(name);
  return at(join(name, 'tree'));
}

function shown(changes: readonly MemberChange[]): string[] {
  return changes.map(({ path, change, aspects }) => [change, path, ...aspects].join(' '));
}

describe('a target that is as it should be', () => {
  test('is written once, and then not touched', async () => {
    const { members, update: first } = await update('twice');
    expect([members, first]).toEqual([44, { amended: 0, unchanged: 0, removed: 0 }]);
    expect(describeTree(at('twice/tree'))).toEqual(describeTree(at('tree')));
    const before = lstatSync(at('twice/tree/deep/er/file-3'), { bigint: true });
    const second = await update('twice');
    expect([second.members, second.changes]).toEqual([0, []]);
    expect(second.update).toEqual({ amended: 0, unchanged: 44, removed: 0 });
    const { ino, ctimeNs } = lstatSync(at('twice/tree/deep/er/file-3'), { bigint: true });
    expect([ino, ctimeNs]).toEqual([before.ino, before.ctimeNs]);
    expect((await update('twice', { checksum: true, delete: true })).changes).toEqual([]);
  });

  test.each<[string, (root: string) => void, string[]]>([
    ['a size', (root) => writeFileSync(join(root, 'bin/run'), 'x'), ['replaced tree/bin/run size mtime']],
    ['a time', (root) => utimesSync(join(root, 'zero'), 5, 5), ['replaced tree/zero mtime']],
    ['a mode', (root) => chmodSync(join(root, 'bin/run'), 0o600), ['amended tree/bin/run mode']],
    ['a mode of a directory', (root) => chmodSync(join(root, 'empty'), 0o700), ['amended tree/empty mode']],
    [
      'a target',
      (root) => {
        rmSync(join(root, 'dangling'));
        symlinkSync('elsewhere', join(root, 'dangling'));
        utimesSync(root, 1.6e9, 1.6e9);
      },
      ['replaced tree/dangling target'],
    ],
    [
      'a kind',
      (root) => {
        rmSync(join(root, 'zero'));
        symlinkSync('large', join(root, 'zero'));
        utimesSync(root, 1.6e9, 1.6e9);
      },
      ['replaced tree/zero kind'],
    ],
    [
      'a name that is gone',
      (root) => rmSync(join(root, 'deep'), { recursive: true }),
      ['amended tree mtime', 'created tree/deep', 'created tree/deep/er'],
    ],
    [
      'a link that is a file of its own',
      (root) => {
        renameSync(join(root, 'links/second'), join(root, 'links/x'));
        copyFileSync(join(root, 'links/x'), join(root, 'links/second'));
        rmSync(join(root, 'links/x'));
        utimesSync(join(root, 'links'), 1.6e9, 1.6e9);
      },
      ['replaced tree/bin/third link', 'replaced tree/links/first link', 'replaced tree/links/second link'],
    ],
  ])('%s is set right', async (name, change, expected) => {
    const target = name.replaceAll(' ', '-');
    const root = await fresh(target);
    change(root);
    const { changes } = await update(target);
    expect(shown(changes).filter((line) => !line.includes('/file-'))).toEqual(expected);
    expect(describeTree(root)).toEqual(describeTree(at('tree')));
    expect((await update(target)).changes).toEqual([]);
  });

  test('contents decide if that is asked for', async () => {
    const root = await fresh('contents');
    const stats = lstatSync(join(root, 'bin/run'));
    writeFileSync(join(root, 'bin/run'), '#!/bin/no\n');
    utimesSync(join(root, 'bin/run'), stats.atime, new Date(0));
    utimesSync(join(root, 'zero'), 1, 1);
    utimesSync(join(root, 'large'), 1, 1);
    const { changes } = await update('contents', { checksum: true });
    expect(shown(changes)).toEqual([
      'replaced tree/bin/run content mtime',
      'amended tree/large mtime',
      'amended tree/zero mtime',
    ]);
    expect(describeTree(root)).toEqual(describeTree(at('tree')));
  });

  test('what the user has made beside it stays', async () => {
    const root = await fresh('beside');
    writeFileSync(join(root, 'mine'), 'mine');
    writeFileSync(at('beside/above'), 'mine');
    await update('beside');
    expect(readFileSync(join(root, 'mine'), 'utf8')).toBe('mine');
    await update('beside', { delete: true });
    expect([existsSync(join(root, 'mine')), existsSync(at('beside/above'))]).toEqual([false, true]);
    const { update: done } = await update('beside', { delete: true, deleteTop: true });
    expect([done?.removed, existsSync(at('beside/above'))]).toEqual([1, false]);
  });
});

/** A directory where a file belongs, a file where a directory belongs, and a symlink where one does. */
function obstruct(root: string): void {
  rmSync(join(root, 'large'));
  mkdirSync(join(root, 'large/full'), { recursive: true });
  writeFileSync(join(root, 'large/full/x'), 'x');
  rmSync(join(root, 'empty'), { recursive: true });
  writeFileSync(join(root, 'empty'), 'x');
  rmSync(join(root, 'deep'), { recursive: true });
  mkdirSync(at('outside'), { recursive: true });
  writeFileSync(at('outside/precious'), 'x');
  symlinkSync(at('outside'), join(root, 'deep'));
  rmSync(join(root, 'links/first'));
  mkdirSync(join(root, 'links/first'));
}

describe('what is in the way', () => {
  test('stays, and everything else is done', async () => {
    const root = await fresh('stays');
    obstruct(root);
    chmodSync(join(root, 'bin/run'), 0o600);
    expect(await codeOf(update('stays'))).toBe('exists');
    expect(lstatSync(join(root, 'bin/run')).mode & 0o777).toBe(0o755);
    expect(lstatSync(join(root, 'large')).isDirectory()).toBe(true);
    expect(readFileSync(join(root, 'empty'), 'utf8')).toBe('x');
    expect(readdirSync(at('outside'))).toEqual(['precious']);
    // The other names of a file whose first name is taken have its content.
    expect(readFileSync(join(root, 'links/second'), 'utf8')).toBe('one content');
    expect(lstatSync(join(root, 'links/second')).ino).toBe(lstatSync(join(root, 'bin/third')).ino);
  });

  test('is replaced if that is asked for, and no symlink is followed', async () => {
    const root = await fresh('replaced');
    obstruct(root);
    const { lost } = await update('replaced', { delete: true });
    expect(lost).toEqual([]);
    expect(describeTree(root)).toEqual(describeTree(at('tree')));
    expect(readdirSync(at('outside'))).toEqual(['precious']);
  });
});

test.skipIf(process.getuid?.() !== 0)(
  'owners are mended, and with them the bits that are only for them',
  async () => {
    mkdirSync(at('owned'));
    writeFileSync(at('owned/program'), 'x');
    symlinkSync('program', at('owned/link'));
    // A new owner takes these bits away.
    run('chown', ['-hR', '1000:100', at('owned')]);
    chmodSync(at('owned/program'), 0o4755);
    const here = { cwd: directory };
    expect(znip(['pack', '-q', '--owner', '1000:100', 'owned', '-o', 'owned.znip'], here).status).toBe(0);
    const args = ['unpack', '-q', 'owned.znip', '--changed', '--same-owner', '-i', '-C', 'owners'];
    expect(znip(args, here).status).toBe(0);
    expect(znip(args, here).stdout).toBe('');
    run('chown', ['-h', '0:100', at('owners/owned/program'), at('owners/owned/link')]);
    run('chown', ['1000:7', at('owners/owned')]);
    expect(znip(args, here)).toMatchObject({
      status: 0,
      stdout: '.d.....g... owned/\n.L....o.... owned/link\n.f...po.... owned/program\n',
    });
    const { uid, gid, mode } = lstatSync(at('owners/owned/program'));
    expect([uid, gid, mode & 0o7777]).toEqual([1000, 100, 0o4755]);
    expect(znip(args, here).stdout).toBe('');
  },
);

test('what is in the way comes back if the archive is damaged', async () => {
  const root = await fresh('comes-back');
  obstruct(root);
  const before = describeTree(root);
  const bytes = readFileSync(at(ARCHIVE));
  const archive = await openArchive(at(ARCHIVE));
  // The blob in the middle is of the large file, in whose way a directory is.
  const { blobOffset } = (await archive.frames())[2] ?? { blobOffset: 0 };
  archive.close();
  bytes[blobOffset + 1000] = (bytes[blobOffset + 1000] ?? 0) ^ 1;
  writeFileSync(at('damaged.znip'), bytes);
  const damaged = await openArchive(at('damaged.znip'));
  const told: string[] = [];
  const onLost = (path: string, reason: string): void => void told.push(`${path}: ${reason}`);
  const options = { directory: at('comes-back'), changed: true, delete: true, threads: 1, onLost };
  expect(await codeOf(unpack(damaged, options))).toBe('damaged-block');
  damaged.close();
  expect(describeTree(root).get('large/full/x')).toEqual(before.get('large/full/x'));
  // A directory of the archive has this name already.
  const aside = readdirSync(root).find((name) => name.endsWith('.aside')) ?? '';
  expect(told).toEqual([
    expect.stringMatching(`^tree/deep: what had this name before is called '.*/${aside}' now`),
  ]);
  expect(readlinkSync(join(root, aside))).toBe(at('outside'));
});

describe('removing', () => {
  test('goes as deep as it must, and never through a symlink', async () => {
    const root = await fresh('removing');
    mkdirSync(join(root, `empty/${'d/'.repeat(300)}`), { recursive: true });
    writeFileSync(join(root, 'empty/d/\u00e9\n'), 'x');
    symlinkSync(directory, join(root, 'empty/d/out'));
    const { update: done } = await update('removing', { delete: true });
    expect(done?.removed).toBe(302);
    expect(describeTree(root)).toEqual(describeTree(at('tree')));
    expect(existsSync(at(ARCHIVE))).toBe(true);
  });

  test('more than is allowed changes nothing', async () => {
    const root = await fresh('guarded');
    for (const name of ['a', 'b', 'c']) writeFileSync(join(root, name), '');
    writeFileSync(join(root, 'bin/run'), 'mine');
    const before = describeTree(root);
    expect(await codeOf(update('guarded', { delete: true, maxDelete: 2 }))).toBe('too-many-removals');
    expect(describeTree(root)).toEqual(before);
    expect((await update('guarded', { delete: true, maxDelete: 3 })).update?.removed).toBe(3);
  });

  test('spares the archive itself, and says so', async () => {
    const root = await fresh('itself');
    mkdirSync(join(root, 'empty/x'));
    copyFileSync(at(ARCHIVE), join(root, 'empty/x/own.znip'));
    const result = znip(['unpack', 'tree/empty/x/own.znip', '--changed', '--delete'], { cwd: at('itself') });
    expect([result.status, existsSync(join(root, 'empty/x/own.znip'))]).toEqual([3, true]);
    expect(result.stderr).toContain('tree/empty/x/own.znip: stays: it is the archive that is unpacked');
  });

  test('reaches the top where leading components are removed', async () => {
    await update('stripped', { stripComponents: 1 });
    writeFileSync(at('stripped/mine'), 'x');
    expect((await update('stripped', { stripComponents: 1, delete: true })).update?.removed).toBe(1);
    expect(describeTree(at('stripped'))).toEqual(describeTree(at('tree')));
  });

  test.each<[string, UnpackOptions]>([
    ['patterns', { delete: true, patterns: ['tree/bin'] }],
    ['excludes', { delete: true, exclude: ['bin'] }],
    ['groups', { delete: true, packageTypes: ['plain'] }],
    ['a damaged archive', { delete: true, keepGoing: true }],
    ['everything that exists kept', { existing: 'keep' }],
    ['times that are not set', { mtime: false }],
    ['nothing else', { changed: false, delete: true }],
    ['no removal', { maxDelete: 1 }],
  ])('does not go with %s', async (_, options) => {
    expect(await codeOf(update('refused', options))).toBe('usage');
    expect(existsSync(at('refused'))).toBe(false);
  });
});

test('a dry run writes nothing, and says what would happen', async () => {
  const root = await fresh('dry');
  writeFileSync(join(root, 'bin/run'), 'mine');
  writeFileSync(join(root, 'mine'), '');
  chmodSync(join(root, 'zero'), 0o600);
  const before = describeTree(root);
  const args = ['unpack', at(ARCHIVE), '--changed', '--delete', '-n'];
  const { status, stdout, stderr } = znip(args, { cwd: at('dry') });
  expect([status, stdout]).toEqual([0, 'tree/bin/run\n']);
  expect(stderr).toContain('tree/mine: would be removed');
  expect(stderr).toContain('would unpack 1 member, 10 B; 41 unchanged, 2 mended, 1 to be removed');
  expect(describeTree(root)).toEqual(before);
  const { planned, changes } = JSON.parse(znip([...args, '--json'], { cwd: at('dry') }).stdout) as {
    planned: { path: string; standing: string }[];
    changes: MemberChange[];
  };
  expect(planned.map(({ standing }) => standing)).toEqual(['amended', 'replaced', 'removed', 'amended']);
  expect(shown(changes)).toEqual([
    'amended tree mtime',
    'replaced tree/bin/run size mtime',
    'removed tree/mine',
    'amended tree/zero mode',
  ]);
});

/** Times of symlinks are not itemised alike, and rsync deletes first. */
function itemisedLines(text: string): string[] {
  return text
    .trim()
    .split('\n')
    .map((line) => line.replace(/^cLc\.t/, 'cLc..').replace(/ -> .*/, ''))
    .toSorted();
}

test.skipIf(lacks('rsync'))('changes are itemised as rsync does it', async () => {
  const root = await fresh('itemised');
  await fresh('by-rsync');
  for (const target of [root, at('by-rsync/tree')]) {
    writeFileSync(join(target, 'bin/run'), 'mine');
    // rsync looks at whole seconds here.
    utimesSync(join(target, 'bin/run'), 9, 9);
    chmodSync(join(target, 'bin/run'), 0o600);
    chmodSync(join(target, 'zero'), 0o600);
    utimesSync(join(target, 'large'), 9, 9);
    mkdirSync(join(target, 'deep/more/x'), { recursive: true });
    writeFileSync(join(target, 'deep/more/x/y'), '');
    rmSync(join(target, 'deep/er/file-9'));
    rmSync(join(target, 'dangling'));
    symlinkSync('x', join(target, 'dangling'));
    utimesSync(join(target, 'empty'), 9, 9);
    rmSync(join(target, 'links/symlink'));
    utimesSync(join(target, 'bin'), 9, 9);
  }
  const own = znip(['unpack', at(ARCHIVE), '--changed', '--delete', '-i'], { cwd: at('itemised') });
  const theirs = run('rsync', ['-aHi', '--delete', at('tree'), at('by-rsync/')]);
  expect([own.status, theirs.status]).toEqual([0, 0]);
  expect(itemisedLines(own.stdout)).toEqual(itemisedLines(theirs.stdout));
  expect(describeTree(root)).toEqual(describeTree(at('tree')));
});

test('other archives and streams are refused, with the reason', () => {
  writeFileSync(at('x.tar'), Buffer.alloc(1024));
  const foreign = znip(['unpack', 'x.tar', '--changed'], { cwd: directory });
  expect(foreign.status).toBe(4);
  const piped = znip(['unpack', '-', '--changed'], { cwd: directory, input: readFileSync(at(ARCHIVE)) });
  expect([piped.status, piped.stderr]).toEqual([2, expect.stringContaining('--changed')]);
  const tar = znip(['unpack', 'x.tar', '-i'], { cwd: directory });
  expect([tar.status, tar.stderr]).toEqual([2, expect.stringContaining('--ignore-zeros')]);
});

test.skipIf(process.getuid?.() !== 0)(
  'directories that may not be written are opened for it, and closed again',
  () => {
    const NOBODY = 65534;
    const place = mkdtempSync('/tmp/znip-update-');
    try {
      chownSync(place, NOBODY, NOBODY);
      const asUser = (...args: string[]): SpawnSyncReturns<string> =>
        spawnSync(process.execPath, [ZNIP, ...args], {
          cwd: place,
          uid: NOBODY,
          gid: NOBODY,
          encoding: 'utf8',
        });
      const readOnly = join(place, 'tree/read-only');
      mkdirSync(readOnly, { recursive: true });
      for (const name of ['a', 'b']) writeFileSync(join(readOnly, name), name);
      chmodSync(readOnly, 0o555);
      run('chown', ['-R', `${NOBODY}:${NOBODY}`, place]);
      const before = describeTree(join(place, 'tree'));
      expect(asUser('pack', '-q', 'tree', '-o', 'x.znip')).toMatchObject({ status: 0, stderr: '' });
      rmSync(join(readOnly, 'a'));
      mkdirSync(join(readOnly, 'a'));
      writeFileSync(join(readOnly, 'extra'), '');
      run('chown', ['-R', `${NOBODY}:${NOBODY}`, place]);
      const { status, stderr } = asUser('unpack', 'x.znip', '--changed', '--delete');
      expect([status, stderr]).toEqual([0, expect.stringContaining('2 removed')]);
      expect(describeTree(join(place, 'tree'))).toEqual(before);
    } finally {
      run('chmod', ['-R', 'u+w', place]);
      rmSync(place, { recursive: true });
    }
  },
);

describe('whatever the target has become, it is as the archive afterwards', () => {
  test.each([1, 2, 3, 4])('seed %i', async (seed) => {
    const random = new Random(seed);
    const target = `random-${seed}`;
    const root = await fresh(target);
    const names = (path: string): string[] =>
      readdirSync(path, { withFileTypes: true }).flatMap((entry) => {
        const own = join(path, entry.name);
        return entry.isDirectory() ? [own, ...names(own)] : [own];
      });
    for (let round = 0; round < 4; round++) {
      for (let i = 0; i < 12; i++) {
        const all = names(root);
        const path = all[random.below(all.length)] ?? root;
        if (!existsSync(path) && !isLink(path)) continue;
        const act = random.below(8);
        if (act === 0) rmSync(path, { recursive: true });
        else if (act === 1 && !isLink(path)) chmodSync(path, 0o700);
        else if (act === 2) renameSync(path, `${path}-renamed`);
        else if (act === 3 && !isLink(path)) utimesSync(path, random.below(1e9), random.below(1e9));
        else if (act === 4 && lstatSync(path).isFile()) writeFileSync(path, prose(random.below(500)));
        else {
          const isDirectory = lstatSync(path).isDirectory();
          const other = isDirectory ? join(path, `new-${i}`) : path;
          if (!isDirectory) rmSync(path);
          if (act === 5) mkdirSync(join(other, 'x'), { recursive: true });
          else if (act === 6) symlinkSync(['.', root, 'zero', '/etc'][random.below(4)] ?? '', other);
          else writeFileSync(other, prose(20));
        }
      }
      const checksum = random.chance(2);
      // Without hashes, a file of the same size and time passes, as it does in rsync; that does not happen here by chance.
      const { lost } = await update(target, { delete: true, checksum });
      expect(lost).toEqual([]);
      expect(describeTree(root)).toEqual(describeTree(at('tree')));
      expect((await update(target, { delete: true, checksum: true })).changes).toEqual([]);
    }
  });
});

function isLink(path: string): boolean {
  try {
    readlinkSync(path);
    return true;
  } catch {
    return false;
  }
}
