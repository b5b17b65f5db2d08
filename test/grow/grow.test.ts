/**
 * Archives made of others: they hold what packing it anew would hold, whatever is copied, left out or made anew; other programs
 * read them; and nothing is believed that the hashes do not say.
 */
import {
  copyFileSync,
  createReadStream,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import {
  contentRootOf,
  merge,
  type MergeOptions,
  openArchive,
  pack,
  packTar,
  repack,
  unpack,
  verify,
} from 'znip/internal';
import { Random } from '../fuzz/random.ts';
import type { Frame } from '../../src/format/tables/frame-table.ts';
import { type ForgedMember, forgeArchive } from '../support/forge.ts';
import { lacks, run, znip } from '../support/run.ts';
import { describeTree, noise, prose, temporaryDirectory } from '../support/tree.ts';

const directory = temporaryDirectory();
const at = (name: string): string => join(directory, name);
const SMALL = { chunkSize: 65536, threads: 1 };
const TIME = 1_600_000_000;

function write(path: string, content: string | Buffer): void {
  mkdirSync(join(at(path), '..'), { recursive: true });
  writeFileSync(at(path), content);
  utimesSync(at(path), TIME, TIME);
}

/** Directories get one time, so that those of two trees are the same. */
function settle(root: string): void {
  run('find', [at(root), '-type', 'd', '-exec', 'touch', '-d', `@${TIME}`, '{}', '+']);
}

/** Packs what is in a directory, under the names that it has in it. */
async function packed(root: string, options: Partial<Parameters<typeof pack>[1]> = {}): Promise<string> {
  settle(root);
  const output = at(`${root.replaceAll('/', '-')}.znip`);
  await pack([{ directory: at(root), path: '.' }], { ...SMALL, ...options, output });
  return output;
}

async function merged(archives: readonly string[], output: string, options: Partial<MergeOptions> = {}) {
  return merge(archives, { output: at(output), threads: 1, ...options });
}

async function contentRoot(path: string): Promise<string> {
  const archive = await openArchive(path);
  try {
    return await contentRootOf(await archive.entries());
  } finally {
    archive.close();
  }
}

/** What comes out by the index; and that the archive is whole, and that other ways give the same. */
async function unpacked(archive: string, name: string): Promise<ReturnType<typeof describeTree>> {
  const report = await verify(at(archive));
  expect(report.damage).toEqual([]);
  expect(report.ok).toBe(true);
  const opened = await openArchive(at(archive));
  try {
    await unpack(opened, { directory: at(name), threads: 1 });
  } finally {
    opened.close();
  }
  const tree = describeTree(at(name));
  const piped = znip(['unpack', '-', '-C', `${name} piped`], {
    cwd: directory,
    input: readFileSync(at(archive)),
  });
  expect([piped.status, piped.stderr.includes('unpacked')]).toEqual([0, true]);
  expect(describeTree(at(`${name} piped`))).toEqual(tree);
  return tree;
}

async function codeOf(task: Promise<unknown>): Promise<string> {
  return task.then(
    () => 'done',
    (error: unknown) => (error as { code: string }).code,
  );
}

describe('merging', () => {
  test('gives what packing everything gives, and copies what it can', async () => {
    for (let i = 0; i < 300; i++) {
      const content = i % 3 === 0 ? noise(3000, i + 1) : prose(i * 11);
      for (const root of [i < 150 ? 'half/a' : 'half/b', 'half/ab'])
        write(`${root}/d${i % 9}/f${i}`, content);
    }
    for (const root of ['half/a', 'half/ab']) write(`${root}/large`, noise(300_000));
    for (const root of ['half/b', 'half/ab']) symlinkSync('large', at(`${root}/link`));
    run('touch', ['-h', '-d', `@${TIME}`, at('half/b/link'), at('half/ab/link')]);
    const [a, b, ab] = [await packed('half/a'), await packed('half/b'), await packed('half/ab')];
    const { takenBytes, blobBytes, members } = await merged([a, b], 'half.znip');
    expect(takenBytes / blobBytes).toBeGreaterThan(0.5);
    expect(members).toBe((await merged([ab], 'same.znip')).members);
    expect(await contentRoot(at('half.znip'))).toBe(await contentRoot(ab));
    expect(await unpacked('half.znip', 'half-out')).toEqual(describeTree(at('half/ab')));
    // The same with threads, byte for byte.
    await merge([a, b], { output: at('threads.znip'), threads: 3 });
    expect(readFileSync(at('threads.znip')).equals(readFileSync(at('half.znip')))).toBe(true);
  });

  test('one archive gives the same members, and all of its blobs', async () => {
    write('one/a', prose(100_000));
    write('one/b', noise(70_000));
    const one = await packed('one', { repo: 'here', packageType: 'npm' });
    const { takenBytes, blobBytes } = await merged([one], 'one-again.znip');
    expect(takenBytes).toBeGreaterThan(0.9 * blobBytes);
    expect(await contentRoot(at('one-again.znip'))).toBe(await contentRoot(one));
    const archive = await openArchive(at('one-again.znip'));
    expect(archive.groups().map(({ packageType, repo }) => [packageType, repo])).toEqual([['npm', 'here']]);
    archive.close();
  });

  test('may write over one of them', async () => {
    write('over/x', 'x');
    write('over2/y', 'y');
    const [x, y] = [await packed('over'), await packed('over2')];
    const before = readFileSync(x);
    await merge([x, y], { output: x });
    expect((await verify(x)).ok).toBe(true);
    expect(readFileSync(x).equals(before)).toBe(false);
  });

  describe('different members of one name', () => {
    test.each(['error', 'first', 'last'] as const)('%s', async (onConflict) => {
      for (const which of ['first', 'last']) {
        const root = `conflict-${onConflict}/${which}`;
        write(`${root}/both`, `of ${which}`);
        write(`${root}/same`, 'same');
        write(`${root}/only-${which}`, noise(50_000, which.length));
        write(`${root}/large`, noise(200_000, which === 'first' ? 3 : 5));
        write(`${root}/many/${which}`, which);
      }
      const [first, last] = [
        await packed(`conflict-${onConflict}/first`),
        await packed(`conflict-${onConflict}/last`),
      ];
      const output = `conflict-${onConflict}.znip`;
      if (onConflict === 'error') {
        expect(await codeOf(merged([first, last], output))).toBe('conflict');
        const { status, stderr } = znip(['merge', first, last, '-o', at('x.znip')]);
        expect([status, stderr]).toEqual([1, expect.stringMatching(/'both' .*1 more .*--on-conflict/)]);
        return;
      }
      await merged([first, last], output, { onConflict });
      const tree = await unpacked(output, `out-${onConflict}`);
      expect(readFileSync(at(`out-${onConflict}/both`), 'utf8')).toBe(`of ${onConflict}`);
      expect([...tree.keys()]).toEqual([
        'both',
        'large',
        'many',
        'many/first',
        'many/last',
        'only-first',
        'only-last',
        'same',
      ]);
      const large = noise(200_000, onConflict === 'first' ? 3 : 5);
      expect(readFileSync(at(`out-${onConflict}/large`)).equals(large)).toBe(true);
    });

    test('a file and a directory, and what lies in it', async () => {
      write('kinds/file/x', 'a file');
      write('kinds/directory/x/below', 'in a directory');
      const archives = [await packed('kinds/file'), await packed('kinds/directory')];
      expect(await codeOf(merged(archives, 'kinds.znip'))).toBe('conflict');
      await merged(archives, 'kinds-first.znip', { onConflict: 'first' });
      expect([...(await unpacked('kinds-first.znip', 'kinds-first')).keys()]).toEqual(['x']);
      await merged(archives, 'kinds-last.znip', { onConflict: 'last' });
      expect([...(await unpacked('kinds-last.znip', 'kinds-last')).keys()]).toEqual(['x', 'x/below']);
    });

    test('a link to one that goes becomes a file, and others lead to it', async () => {
      const content = noise(150_000, 9);
      write('links/a/file', content);
      write('links/a/small', 'small');
      for (const name of ['l1', 'l2']) linkSync(at('links/a/file'), at(`links/a/${name}`));
      linkSync(at('links/a/small'), at('links/a/tiny'));
      write('links/b/file', 'another');
      write('links/b/small', 'small');
      linkSync(at('links/b/small'), at('links/b/z'));
      const archives = [await packed('links/a'), await packed('links/b')];
      await merged(archives, 'links.znip', { onConflict: 'last' });
      const tree = await unpacked('links.znip', 'links-out');
      expect(readFileSync(at('links-out/file'), 'utf8')).toBe('another');
      expect(readFileSync(at('links-out/l1')).equals(content)).toBe(true);
      expect(tree.get('l2')?.links).toEqual(['l1', 'l2']);
      // The same file twice is one, with all of its names.
      expect(tree.get('z')?.links).toEqual(['small', 'tiny', 'z']);
    });
  });

  test('tar streams of others keep their bytes; one with a global header can only be last', async () => {
    write('tar/a/file', prose(5000));
    write('tree/b', 'b');
    run('tar', ['-C', at('tar'), '--format=gnu', '-cf', at('gnu.tar'), 'a']);
    run('sh', [
      '-c',
      `tar -C ${at('tar')} --format=pax --pax-option=globexthdr.name=g,mtime=5 -cf ${at('pax.tar')} a`,
    ]);
    await packTar(createReadStream(at('gnu.tar')), {
      ...SMALL,
      output: at('gnu.znip'),
    });
    await packTar(createReadStream(at('pax.tar')), {
      ...SMALL,
      output: at('pax.znip'),
    });
    const tree = await packed('tree');
    await merged([at('gnu.znip'), tree], 'gnu-first.znip');
    expect([...(await unpacked('gnu-first.znip', 'gnu-first')).keys()]).toEqual(['a', 'a/file', 'b']);
    expect(await codeOf(merged([at('pax.znip'), tree], 'x.znip'))).toBe('usage');
    await merged([tree, at('pax.znip')], 'pax-last.znip');
    expect((await verify(at('pax-last.znip'))).ok).toBe(true);
  });

  test('damage is found before it is copied, and nothing gets the name', async () => {
    write('damage/x', noise(200_000));
    write('damage2/y', 'y');
    const [x, y] = [await packed('damage'), await packed('damage2')];
    const bytes = readFileSync(x);
    const middle = Math.floor(bytes.byteLength / 2);
    bytes[middle] = (bytes[middle] ?? 0) ^ 1;
    writeFileSync(at('damaged.znip'), bytes);
    expect(await codeOf(merged([at('damaged.znip'), y], 'none.znip'))).toBe('damaged-block');
    copyFileSync(x, at('cut.znip'));
    truncateSync(at('cut.znip'), bytes.byteLength - 100);
    expect(await codeOf(merged([at('cut.znip'), y], 'none.znip'))).toBe('truncated');
    expect(run('ls', [at('none.znip')]).status).not.toBe(0);
  });

  test('right hashes over lies: what is decoded is compared, and verify finds the rest', async () => {
    const lies: ForgedMember[] = [
      { path: 'a', content: 'what is there', indexed: { checksum: Buffer.alloc(32, 7) } },
      { path: 'b', content: 'b' },
    ];
    // With a fingerprint, a chunk is copied; without one, it is made anew.
    const fingerprint = Buffer.alloc(32, 1);
    const copied = { frames: (frames: Frame[]) => frames.map((frame) => ({ ...frame, fingerprint })) };
    writeFileSync(at('lie.znip'), forgeArchive(lies));
    writeFileSync(at('copied-lie.znip'), forgeArchive(lies, copied));
    write('truth/c', 'c');
    const truth = await packed('truth');
    expect(await codeOf(merged([at('lie.znip'), truth], 'x.znip'))).toBe('inconsistent');
    expect(await codeOf(repack(at('copied-lie.znip'), { output: at('x.znip'), exclude: ['b'] }))).toBe(
      'inconsistent',
    );
    await merged([at('copied-lie.znip'), truth], 'believed.znip');
    expect((await verify(at('believed.znip'))).ok).toBe(false);
    const unsafe = forgeArchive([{ path: '../x', content: 'x' }]);
    writeFileSync(at('unsafe.znip'), unsafe);
    expect(await codeOf(merged([truth, at('unsafe.znip')], 'x.znip'))).toBe('unsafe-path');
  });

  test.skipIf(lacks('bsdtar', 'zstd'))('other programs read it', async () => {
    write('others/a/one', prose(90_000));
    write('others/b/two', noise(90_000));
    await merged([await packed('others/a'), await packed('others/b')], 'others.znip');
    expect(run('zstd', ['-t', at('others.znip')]).status).toBe(0);
    for (const [tar, ...args] of [
      ['tar', '--zstd', '-tf'],
      ['bsdtar', '-tf'],
    ] as const) {
      const { status, stdout } = run(tar, [...args, at('others.znip')]);
      expect([status, stdout.trim().split('\n').sort()]).toEqual([0, ['one', 'two']]);
    }
  });
});

describe('repacking', () => {
  test('removes members, and links to them become files', async () => {
    for (let i = 0; i < 120; i++) write(`re/d${i % 5}/f${i}`, i % 2 === 0 ? noise(2000, i + 1) : prose(2000));
    write('re/keep/large', noise(200_000));
    linkSync(at('re/d0/f0'), at('re/keep/link'));
    linkSync(at('re/d0/f0'), at('re/keep/other'));
    const archive = await packed('re');
    const { takenBytes, blobBytes } = await repack(archive, { output: at('re-out.znip'), exclude: ['d0'] });
    expect(takenBytes).toBeGreaterThan(blobBytes / 3);
    const tree = await unpacked('re-out.znip', 're-out');
    expect([...tree.keys()].filter((path) => path.startsWith('d0'))).toEqual([]);
    expect(tree.get('keep/other')?.links).toEqual(['keep/link', 'keep/other']);
    expect(readFileSync(at('re-out/keep/link')).equals(noise(2000, 1))).toBe(true);
    rmSync(at('re/d0'), { recursive: true });
    settle('re');
    expect(tree).toEqual(describeTree(at('re')));
  });

  test('compresses anew at another level: the same content', async () => {
    for (let i = 0; i < 50; i++) write(`level/f${i}`, prose(9000));
    const archive = await packed('level', { level: 1 });
    const { takenBytes } = await repack(archive, { output: at('level-19.znip'), level: 19 });
    expect(takenBytes).toBe(0);
    expect(await contentRoot(at('level-19.znip'))).toBe(await contentRoot(archive));
    const fresh = at('fresh-19.znip');
    await pack([{ directory: at('level'), path: '.' }], { ...SMALL, level: 19, output: fresh });
    expect(readFileSync(at('level-19.znip')).equals(readFileSync(fresh))).toBe(true);
  });

  test('takes patterns as unpack does, and says what matches nothing', () => {
    const { status, stderr } = znip(
      ['repack', at('re.znip'), 'd1', 'keep/large', 'nothing', '-o', at('some.znip')],
      { cwd: directory },
    );
    expect([status, stderr]).toEqual([3, expect.stringContaining("'nothing'")]);
    expect(
      znip(['ls', at('some.znip')])
        .stdout.split('\n')
        .filter((name) => name.includes('/')).length,
    ).toBe(25);
    expect(znip(['repack', at('re.znip'), 'nothing', '-o', at('none.znip')]).status).toBe(3);
  });

  test('a pipe gets the same bytes', () => {
    const piped = znip(['repack', at('re.znip'), '-x', 'd1']);
    znip(['repack', at('re.znip'), '-x', 'd1', '-o', at('piped.znip')]);
    expect(piped.output.equals(readFileSync(at('piped.znip')))).toBe(true);
    expect(znip(['repack', '-', '-o', at('x.znip')]).status).toBe(2);
    const { status, stderr } = znip(['merge', at('pax.znip'), 'all.znip']);
    expect(status).toBe(2);
    expect(stderr).toContain('pax.znip -o all.znip`');
  });
});

describe('any trees', () => {
  test.each([1, 2, 3])('merged give their union, seed %i', async (seed) => {
    const random = new Random(seed);
    const roots = ['a', 'b', 'c'].map((name) => `any-${seed}/${name}`);
    const union = `any-${seed}/union`;
    mkdirSync(at(union), { recursive: true });
    for (const root of roots) mkdirSync(at(root), { recursive: true });
    const pick = (): string => roots[random.below(roots.length)] ?? '';
    for (let i = 0; i < 150; i++) {
      const size = random.chance(20) ? 150_000 : random.below(4000);
      const content = random.chance(3) ? noise(size, i + 1) : prose(size);
      const path = `d${random.below(6)}/${random.below(3)}/f${i}`;
      const to = new Set([pick(), ...(random.chance(5) ? [pick()] : [])]);
      for (const root of [...to, union]) write(`${root}/${path}`, content);
      if (random.chance(8)) {
        for (const root of [...to, union]) linkSync(at(`${root}/${path}`), at(`${root}/${path}-link`));
      }
    }
    const archives: string[] = [];
    for (const root of roots) {
      archives.push(
        await packed(root, { repoFromDirectory: random.chance(2), chunkSize: 65536 << random.below(3) }),
      );
    }
    const onConflict = random.chance(2) ? ('last' as const) : ('error' as const);
    await merged(archives, `any-${seed}.znip`, { onConflict });
    settle(union);
    expect(await unpacked(`any-${seed}.znip`, `any-${seed}-out`)).toEqual(describeTree(at(union)));
    const whole = at(`any-${seed}-union.znip`);
    await pack([{ directory: at(union), path: '.' }], { ...SMALL, output: whole });
    expect(await contentRoot(at(`any-${seed}.znip`))).toBe(await contentRoot(whole));
    // And taken apart again.
    const gone = `d${random.below(6)}`;
    await repack(at(`any-${seed}.znip`), { output: at('apart.znip'), exclude: [gone] });
    if (run('test', ['-e', at(`${union}/${gone}`)]).status === 0)
      renameSync(at(`${union}/${gone}`), at(`gone-${seed}`));
    settle(union);
    expect(await unpacked('apart.znip', `apart-${seed}`)).toEqual(describeTree(at(union)));
  });
});

describe('archives of other writers', () => {
  const valid = fileURLToPath(new URL('../../fixtures/valid/', import.meta.url));

  test.each(readdirSync(valid))('%s is merged with another, and repacked', async (name) => {
    write('beside/beside it', 'x');
    const beside = await packed('beside');
    const warnings: string[] = [];
    const onWarning = ({ reason }: { reason: string }): void => void warnings.push(reason);
    const before = await contentRoot(join(valid, name));
    const options = { threads: 1, output: at('both.znip'), onWarning };
    await merge([join(valid, name), beside], options);
    expect((await verify(at('both.znip'))).damage).toEqual([]);
    expect(warnings.some((reason) => reason.startsWith('not taken over'))).toBe(name.startsWith('unknown'));
    await repack(at('both.znip'), { ...options, output: at('alone.znip'), exclude: ['beside it'] });
    await repack(at('alone.znip'), { ...options, output: at('anew.znip'), level: 5 });
    for (const made of ['alone.znip', 'anew.znip']) {
      expect(await contentRoot(at(made))).toBe(before);
      expect((await verify(at(made))).ok).toBe(true);
    }
  });
});
