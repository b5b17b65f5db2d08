/**
 * What stands in the target before: it is the user's. Nothing is linked to it, directories keep what they have, and only
 * `--overwrite` gives them what the archive says.
 */
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { type RunResult, znip } from '../support/run.ts';
import { type HandmadeMember, tarStream } from '../support/tar.ts';
import { temporaryDirectory } from '../support/tree.ts';

const place = temporaryDirectory();
const at = (...names: string[]): string => join(place, ...names);
const isRoot = process.getuid?.() === 0;

const MINE = 'the user’s own';
const hard = (name: string, linkName: string): HandmadeMember => ({ name, linkName, typeFlag: '1' });

const links = tarStream({ name: 'a', content: 'archive' }, hard('b', 'a'), hard('c', 'b'), {
  name: 'z',
  content: 'z',
});
const directories = tarStream(
  { name: 'd/', typeFlag: '5', mode: 0o700, mtime: 1_400_000_000, uid: 1234 },
  { name: 'd/e/', typeFlag: '5', mode: 0o711, mtime: 1_400_000_000, uid: 1234 },
  { name: 'd/e/f', content: 'archive', mtime: 1_400_000_000 },
);

beforeAll(() => {
  for (const [name, stream] of Object.entries({ links, directories })) {
    writeFileSync(at(`${name}.tar`), stream);
    const packed = znip(['pack', '-q', '--tar', at(`${name}.tar`), '-o', at(`${name}.znip`)]);
    expect(packed).toMatchObject({ status: 0, stderr: '' });
  }
});

interface Way {
  way: string;
  byIndex: boolean;
  run: (name: string, flags: readonly string[]) => RunResult;
}

const args = (flags: readonly string[]): string[] => ['unpack', '-q', '-C', at('target'), ...flags];

/** Too little for threads to be started, by any way. */
const WAYS: readonly Way[] = [
  { way: 'by index', byIndex: true, run: (name, flags) => znip([...args(flags), at(`${name}.znip`)]) },
  {
    way: 'from a pipe',
    byIndex: false,
    run: (name, flags) => znip([...args(flags), '-'], { input: readFileSync(at(`${name}.znip`)) }),
  },
  {
    way: 'from a tar file',
    byIndex: false,
    run: (name, flags) => znip([...args(flags), at(`${name}.tar`)]),
  },
  {
    way: 'from a tar in a pipe',
    byIndex: false,
    run: (name, flags) => znip([...args(flags), '-'], { input: readFileSync(at(`${name}.tar`)) }),
  },
];

function prepare(): void {
  rmSync(at('target'), { recursive: true, force: true });
  mkdirSync(at('target'));
}

function prepareFile(): void {
  prepare();
  writeFileSync(at('target/a'), MINE);
  // Newer than the archive's, for --keep-newer.
  utimesSync(at('target/a'), 1_700_000_000, 1_700_000_000);
}

function prepareDirectory(): void {
  prepare();
  mkdirSync(at('target/d'));
  chmodSync(at('target/d'), 0o755);
  if (isRoot) chownSync(at('target/d'), 4321, 4321);
  utimesSync(at('target/d'), 1_300_000_000, 1_300_000_000);
}

function shown(name: string): string | undefined {
  return lstatSync(at('target', name), { throwIfNoEntry: false }) === undefined
    ? undefined
    : readFileSync(at('target', name), 'utf8');
}

const KEEPING: readonly (readonly string[])[] = [[], ['-k'], ['--keep-newer']];

describe.each(WAYS)('$way', ({ byIndex, run }) => {
  const unpackLinks = (flags: readonly string[]): RunResult => {
    prepareFile();
    return run('links', flags);
  };

  const unpackDirectories = (flags: readonly string[]): RunResult => {
    prepareDirectory();
    return run('directories', flags);
  };

  describe('a hard link to a member whose name is taken', () => {
    test.each(KEEPING.map((flags) => [flags] as const))(
      'is never a link to the user’s file (%j)',
      (flags) => {
        const { status, stderr } = unpackLinks(flags);
        expect(shown('a')).toBe(MINE);
        expect(shown('z')).toBe('z');
        expect(lstatSync(at('target/a')).nlink).toBe(1);
        if (byIndex) {
          expect([shown('b'), shown('c')]).toEqual(['archive', 'archive']);
          expect(status, stderr).toBe(flags.length === 0 ? 1 : 0);
        } else {
          // What has gone by cannot be written again.
          expect([shown('b'), shown('c')]).toEqual([undefined, undefined]);
          expect(stderr).toMatch(/\bb\b/);
          expect(stderr).toMatch(/\bc\b/);
          expect(flags.length === 0 ? [1, 3] : [3], stderr).toContain(status);
        }
      },
    );

    test('is one to the archive’s file with --overwrite', () => {
      expect(unpackLinks(['--overwrite'])).toMatchObject({ status: 0, stderr: '' });
      expect([shown('a'), shown('b'), shown('c')]).toEqual(['archive', 'archive', 'archive']);
      expect(lstatSync(at('target/a')).nlink).toBe(3);
    });
  });

  describe('a directory that is there', () => {
    test.each(KEEPING.map((flags) => [flags] as const))(
      'keeps its mode and owner, and a new one has the archive’s (%j)',
      (flags) => {
        expect(unpackDirectories(flags)).toMatchObject({ status: 0, stderr: '' });
        const { mode, uid } = lstatSync(at('target/d'));
        expect((mode & 0o777).toString(8)).toBe('755');
        if (isRoot) expect(uid).toBe(4321);
        expect((lstatSync(at('target/d/e')).mode & 0o777).toString(8)).toBe('711');
        expect(lstatSync(at('target/d/e')).mtimeMs).toBe(1_400_000_000_000);
        // Something was made in it: its time is that of this, not the archive's.
        expect(lstatSync(at('target/d')).mtimeMs).not.toBe(1_400_000_000_000);
      },
    );

    test.each(KEEPING.map((flags) => [flags] as const))(
      'keeps its time when nothing is made in it (%j)',
      (flags) => {
        expect(unpackDirectories(flags).status).toBe(0);
        utimesSync(at('target/d'), 1_300_000_000, 1_300_000_000);
        const { status } = run('directories', flags);
        // The file in it is there already.
        expect(status).toBe(flags.length === 0 ? 1 : 0);
        expect(lstatSync(at('target/d')).mtimeMs).toBe(1_300_000_000_000);
      },
    );

    test('gets what the archive says with --overwrite', () => {
      expect(unpackDirectories(['--overwrite'])).toMatchObject({ status: 0, stderr: '' });
      const { mode, mtimeMs } = lstatSync(at('target/d'));
      expect((mode & 0o777).toString(8)).toBe('700');
      expect(mtimeMs).toBe(1_400_000_000_000);
    });
  });
});
