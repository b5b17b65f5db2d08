/**
 * Packing with a base: the same bytes as without, whatever has changed; and nothing is taken over that is not whole, or
 * that was made otherwise.
 */
import {
  chmodSync,
  copyFileSync,
  createReadStream,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openArchive, pack, type PackOptions, packTar, verify, type Warning } from 'znip/internal';
import { Random } from '../fuzz/random.ts';
import { forgeArchive } from '../support/forge.ts';
import { run, znip } from '../support/run.ts';
import { describeTree, noise, prose, temporaryDirectory } from '../support/tree.ts';

const directory = temporaryDirectory();
const at = (name: string): string => join(directory, name);
const SMALL: Partial<PackOptions> = { chunkSize: 65536, threads: 1 };

/** Times as a file system keeps them, always later than before. */
let now = 1_700_000_000;

function write(path: string, content: string | Buffer): void {
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, content);
  now += 1.25;
  utimesSync(path, now, now);
}

/** A tree of `count` files, some of them longer than a chunk, some that do not compress. */
function makeFiles(root: string, count: number, random = new Random(7)): void {
  for (let i = 0; i < count; i++) {
    const size = random.chance(40) ? 150_000 : random.below(random.chance(9) ? 30_000 : 3000);
    const content = random.chance(3)
      ? noise(size, i + 1)
      : Buffer.concat([Buffer.from(`${i} `), prose(size)]);
    write(join(root, `d${i % 23}/${i % 7}/file-${i}`), content);
  }
}

async function packed(
  root: string,
  output: string,
  options: Partial<PackOptions> = {},
): Promise<{ bytes: Buffer; taken: number; all: number; warnings: Warning[] }> {
  const warnings: Warning[] = [];
  const { takenBytes: taken, blobBytes: all } = await pack([{ directory, path: root }], {
    ...SMALL,
    output: at(output),
    onWarning: (warning) => warnings.push(warning),
    ...options,
  });
  return { bytes: readFileSync(at(output)), taken, all, warnings };
}

/** The code of the error with which it ends. */
async function codeOf(run: Promise<unknown>): Promise<string> {
  return run.then(
    () => 'accepted',
    (error: unknown) => (error as { code: string }).code,
  );
}

describe('the bytes are those of a pack without a base', () => {
  test.each([1, 2, 3])('through ten random changes, seed %i', async (seed) => {
    const random = new Random(seed);
    const root = `chain-${seed}`;
    makeFiles(at(root), 180, random);
    const file = (): string => {
      const i = random.below(180);
      return join(at(root), `d${i % 23}/${i % 7}/file-${i}`);
    };
    await packed(root, `${root}.old`);
    let taken = 0;
    for (let step = 0; step < 10; step++) {
      const path = file();
      const changes = [
        () => write(path, noise(random.below(5000), step)),
        () => rmSync(path, { force: true }),
        () => write(`${path}-new`, prose(random.below(100_000))),
        () => existsSync(path) && chmodSync(path, 0o600),
        () => existsSync(path) && renameSync(path, `${path}-moved`),
        () => existsSync(path) && utimesSync(path, 1_600_000_000, 1_600_000_000 + step),
        () => existsSync(`${path}-link`) || symlinkSync('nowhere', `${path}-link`),
      ];
      random.pick(changes)();
      const fresh = await packed(root, `${root}.fresh`);
      for (const trustMtime of [false, true]) {
        const grown = await packed(root, `${root}.new`, { base: at(`${root}.old`), trustMtime });
        expect(grown.warnings).toEqual([]);
        expect(grown.bytes.equals(fresh.bytes), `step ${step}`).toBe(true);
        taken += grown.taken / grown.all / 20;
      }
      copyFileSync(at(`${root}.new`), at(`${root}.old`));
    }
    expect(taken).toBeGreaterThan(0.5);
  });

  test('with threads, and in the place of the base itself', async () => {
    makeFiles(at('threads'), 1500);
    write(at('threads/large'), noise(9_000_000));
    const first = await packed('threads', 'threads.znip', { threads: 3, chunkSize: 1 << 20 });
    write(at('threads/d1/0/other'), 'other');
    const fresh = await packed('threads', 'threads.fresh', { threads: 3, chunkSize: 1 << 20 });
    for (const trustMtime of [false, true]) {
      const { bytes, taken, all } = await packed('threads', 'threads.znip', {
        threads: 3,
        chunkSize: 1 << 20,
        base: at('threads.znip'),
        trustMtime,
      });
      expect(bytes.equals(fresh.bytes)).toBe(true);
      expect(taken / all).toBeGreaterThan(0.8);
    }
    expect(first.taken).toBe(0);
    expect(first.all).toBeGreaterThan(9_000_000);
  });

  test('of a tar stream', async () => {
    makeFiles(at('tar'), 200);
    for (const name of ['first', 'second']) {
      expect(run('tar', ['-cf', `${name}.tar`, 'tar'], { cwd: directory }).status).toBe(0);
      write(at('tar/d3/1/added'), prose(20_000));
    }
    await packTar(createReadStream(at('first.tar')), { ...SMALL, output: at('first.znip') });
    await packTar(createReadStream(at('second.tar')), { ...SMALL, output: at('fresh.znip') });
    const { takenBytes, blobBytes } = await packTar(createReadStream(at('second.tar')), {
      ...SMALL,
      output: at('second.znip'),
      base: at('first.znip'),
    });
    expect(readFileSync(at('second.znip')).equals(readFileSync(at('fresh.znip')))).toBe(true);
    expect(takenBytes / blobBytes).toBeGreaterThan(0.5);
  });

  test('with links, and owners', async () => {
    makeFiles(at('owned'), 60);
    expect(run('ln', ['owned/d0/0/file-0', 'owned/linked'], { cwd: directory }).status).toBe(0);
    for (const trustMtime of [false, true]) {
      const { bytes } = await packed('owned', 'owned.znip', { owner: { uid: 7, gid: 8 } });
      const grown = await packed('owned', 'owned.new', {
        owner: { uid: 7, gid: 8 },
        base: at('owned.znip'),
        trustMtime,
      });
      expect(grown.bytes.equals(bytes)).toBe(true);
      expect(grown.taken).toBe(grown.all);
      // Other owners are other headers; only a chunk within a long file has none.
      const others = await packed('owned', 'owned.new', { base: at('owned.znip'), trustMtime });
      expect(others.taken).toBeLessThan(others.all / 2);
    }
  });
});

describe('only what is whole is taken over', () => {
  test('a damaged blob is made anew, and the base is called damaged', async () => {
    makeFiles(at('hurt'), 120);
    const { bytes } = await packed('hurt', 'hurt.znip');
    const broken = Buffer.from(bytes);
    broken[40_000] = (broken[40_000] ?? 0) ^ 1;
    writeFileSync(at('hurt.broken'), broken);
    const grown = await packed('hurt', 'hurt.new', { base: at('hurt.broken') });
    expect(grown.bytes.equals(bytes)).toBe(true);
    expect(grown.warnings).toEqual([
      {
        path: at('hurt.broken'),
        reason: 'the base is damaged: 1 of its blobs was not taken over, but made anew',
        failed: false,
      },
    ]);
    expect(grown.taken).toBeLessThan(grown.all);
    expect(grown.taken).toBeGreaterThan(0);
  });

  test('a base whose index is damaged, that is none, or that is missing, ends the pack, unless it may', async () => {
    makeFiles(at('index'), 30);
    const { bytes } = await packed('index', 'index.znip');
    writeFileSync(at('cut.znip'), bytes.subarray(0, -100));
    writeFileSync(at('none.znip'), 'no archive');
    for (const [name, code] of [
      ['cut.znip', 'truncated'],
      ['none.znip', 'not-an-archive'],
      ['missing.znip', 'no-archive'],
      ['.', 'usage'],
    ] as const) {
      const base = at(name);
      expect(await codeOf(packed('index', 'index.new', { base })), name).toBe(code);
      expect(existsSync(at('index.new'))).toBe(false);
      const { bytes: anew, warnings } = await packed('index', 'index.opt', { base, baseOptional: true });
      expect(anew.equals(bytes), name).toBe(true);
      expect(warnings.map(({ failed, path }) => ({ failed, path }))).toEqual([{ failed: false, path: base }]);
    }
  });

  test('one that loses its end while it is used gives nothing more', async () => {
    makeFiles(at('shrinks'), 60);
    const { bytes } = await packed('shrinks', 'shrinks.znip');
    const grown = await packed('shrinks', 'shrinks.new', {
      base: at('shrinks.znip'),
      onProgress: () => truncateSync(at('shrinks.znip'), 50_000),
    });
    expect(grown.bytes.equals(bytes)).toBe(true);
    expect(grown.taken).toBeLessThan(grown.all);
  });

  test('a base that lies about its chunks makes an archive that verify refuses', async () => {
    makeFiles(at('lies'), 60);
    await packed('lies', 'lies.znip');
    const archive = await openArchive(at('lies.znip'));
    const [first] = await archive.frames();
    archive.close();
    const forged = forgeArchive([{ path: 'lies', content: 'x'.repeat(first!.streamLength - 512) }], {
      frames: (rows) => rows.with(0, { ...rows[0]!, fingerprint: first!.fingerprint }),
    });
    writeFileSync(at('lying.znip'), forged);
    const { taken } = await packed('lies', 'lied.znip', { base: at('lying.znip'), baseAny: true });
    expect(taken).toBeGreaterThan(first!.streamLength);
    const { damage } = await verify(at('lied.znip'));
    expect(new Set(damage.map(({ code }) => code))).toContain('wrong-frame-table');
    expect(new Set(damage.map(({ code }) => code))).toContain('member-not-in-tar');
  });
});

describe('blobs of other settings', () => {
  test('are not taken over, and a warning says so; or all of them are, and the archive says so', async () => {
    makeFiles(at('levels'), 60);
    await packed('levels', 'levels.znip', { level: 7 });
    const base = at('levels.znip');
    const refused = await packed('levels', 'levels.new', { base });
    expect(refused.taken).toBe(0);
    expect(refused.warnings).toEqual([
      {
        path: base,
        reason:
          'nothing is taken over: its level is 7, and here it is 3; with `baseAny`, blobs of any kind are taken over',
        failed: false,
      },
    ]);
    const mixed = await packed('levels', 'levels.mixed', { base, baseAny: true });
    expect(mixed.taken).toBe(mixed.all);
    expect((await verify(at('levels.mixed'))).ok).toBe(true);
    const archive = await openArchive(at('levels.mixed'));
    expect(archive.manifest.metadata.get('znip.level')).toBe('mixed');
    expect(archive.manifest.metadata.get('znip.codec')).toBe('mixed');
    archive.close();
    const after = await packed('levels', 'levels.new', { base: at('levels.mixed') });
    expect(after.taken).toBe(0);
    expect(znip(['unpack', '-q', 'levels.mixed', '-C', 'levels-out'], { cwd: directory }).status).toBe(0);
    expect(describeTree(at('levels-out/levels'))).toEqual(describeTree(at('levels')));
  });

  test('options without a base, and times that cannot be trusted, are refused', async () => {
    makeFiles(at('usage'), 3);
    for (const option of ['baseOptional', 'baseAny', 'trustMtime']) {
      expect(await codeOf(packed('usage', 'usage.znip', { [option]: true })), option).toBe('usage');
    }
    await packed('usage', 'usage.znip');
    const timed = { base: at('usage.znip'), trustMtime: true, mtime: 0n };
    expect(await codeOf(packed('usage', 'usage.new', timed))).toBe('usage');
  });
});

describe('--trust-mtime', () => {
  test('does not read what has not changed: a change that keeps size and time is not seen', async () => {
    makeFiles(at('trust'), 60);
    const path = at('trust/d5/5/file-5');
    write(path, 'as it was');
    const before = await packed('trust', 'trust.znip');
    writeFileSync(path, 'as it is!');
    utimesSync(path, now, now);
    const trusting = await packed('trust', 'trust.new', { base: at('trust.znip'), trustMtime: true });
    expect(trusting.bytes.equals(before.bytes)).toBe(true);
    const reading = await packed('trust', 'trust.new', { base: at('trust.znip') });
    expect(reading.bytes.equals(before.bytes)).toBe(false);
  });
});

describe('on the command line', () => {
  const here = { cwd: directory };

  test('the summary says how much was taken over', () => {
    makeFiles(at('cli'), 60);
    const args = ['pack', 'cli', '-o', 'cli.znip', '--chunk-size', '64K', '--base', 'cli.znip'];
    const missing = znip(args, here);
    expect(missing.status).toBe(5);
    expect(missing.stderr).toBe(
      "znip: the base 'cli.znip' does not exist; with --base-optional, everything is packed anew\n",
    );
    const first = znip([...args, '--base-optional'], here);
    expect(first.status).toBe(0);
    expect(first.stderr).toMatch(/took over 0\.0 % of \d+ KiB; 1 warning\n$/);
    const second = znip(args, here);
    expect(second.status).toBe(0);
    expect(second.stderr).toMatch(/took over 100\.0 % of \d+ KiB\n$/);
    const asJson = znip([...args, '--json', '--trust-mtime'], here);
    const { takenBytes, blobBytes } = JSON.parse(asJson.stdout) as Record<string, number>;
    expect(takenBytes).toBe(blobBytes);
  });

  test('--trust-mtime needs files on disk, and --base-any a base', () => {
    const tar = znip(['pack', '--tar', '-', '-o', 'x', '--base', 'cli.znip', '--trust-mtime'], here);
    expect(tar).toMatchObject({ status: 2, stdout: '' });
    const alone = znip(['pack', 'cli', '-o', 'x', '--base-any'], here);
    expect(alone.stderr).toContain('--base-any needs a --base');
    expect(alone.status).toBe(2);
  });
});
