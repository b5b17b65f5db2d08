/**
 * A target whose file system folds case and normalises, as those of macOS and Windows do: several members may be
 * one file there. Nothing leads outside, no content is mixed, and the one that finds its name taken is named.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ForgedMember, forgeArchive } from '../support/forge.ts';
import { run, type RunResult, ZNIP } from '../support/run.ts';
import { temporaryDirectory } from '../support/tree.ts';

/** Debian's, which finds Debian's python3-fusepy. */
const PYTHON = '/usr/bin/python3';
const FILE_SYSTEM = fileURLToPath(new URL('../support/folding-fs.py', import.meta.url));
const MOUNT_MS = 20_000;

const directory = temporaryDirectory();
const at = (name: string): string => join(directory, name);
mkdirSync(at('store'));
mkdirSync(at('folding'));

let server: ChildProcess | undefined;

/** Whether it could be mounted: that takes /dev/fuse, fusepy, and root or fusermount. */
async function mount(): Promise<boolean> {
  if (!existsSync('/dev/fuse') || run(PYTHON, ['-c', 'import fusepy']).status !== 0) return false;
  server = spawn(PYTHON, [FILE_SYSTEM, at('store'), at('folding')], { stdio: 'ignore' });
  const device = lstatSync(at('store')).dev;
  for (const end = Date.now() + MOUNT_MS; Date.now() < end;) {
    if (lstatSync(at('folding')).dev !== device) return true;
    if (server.exitCode !== null) return false;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return false;
}

const mounted = await mount();
if (!mounted)
  process.stderr.write('No file system that folds names could be mounted: nothing is tried on one.\n');

afterAll(() => {
  if (mounted) run('umount', [at('folding')]);
  server?.kill();
});

const file = (path: string, content = path): ForgedMember => ({ path, content });
const link = (path: string, linkTarget: string): ForgedMember => ({ path, kind: 'symlink', linkTarget });
/** With this much content, both ways of unpacking start threads. */
const BALLAST = { path: 'zz-ballast', content: Buffer.alloc(8 * 1024 * 1024 + 1) };

beforeAll(() => {
  mkdirSync(at('outside'));
  writeFileSync(at('outside/kept'), 'kept');
});

/** Names, links and contents in the target, the ballast left out. */
function describeTarget(base = ''): Map<string, string> {
  const found = new Map<string, string>();
  for (const name of readdirSync(at(`folding/target/${base}`)).sort()) {
    if (name === 'zz-ballast') continue;
    const path = `${base}${name}`;
    const stats = lstatSync(at(`folding/target/${path}`));
    if (stats.isSymbolicLink()) found.set(path, `-> ${readlinkSync(at(`folding/target/${path}`))}`);
    else if (stats.isFile()) found.set(path, readFileSync(at(`folding/target/${path}`), 'utf8'));
    else for (const [below, what] of describeTarget(`${path}/`)) found.set(below, what);
  }
  return found;
}

describe.skipIf(!mounted).each([
  ['by the index', '1'],
  ['by the index', '3'],
  ['from a pipe', '3'],
])('%s, -j %s', (way, threads) => {
  function unpack(members: ForgedMember[], ...options: string[]): RunResult & { tree: Map<string, string> } {
    rmSync(at('folding/target'), { recursive: true, force: true });
    writeFileSync(at('a.znip'), forgeArchive(threads === '1' ? members : [...members, BALLAST]));
    const [archive, stdin] = way === 'from a pipe' ? ['-', 'a.znip'] : ['a.znip', '/dev/null'];
    const args = ['unpack', '-q', '-j', threads, ...options, archive, '-C', 'folding/target'];
    const result = run('sh', ['-c', `exec "$@" <${stdin}`, 'sh', process.execPath, ZNIP, ...args], {
      cwd: directory,
    });
    // Whatever was tried, nothing beside the target is another.
    expect(readdirSync(at('outside'))).toEqual(['kept']);
    expect(readFileSync(at('outside/kept'), 'utf8')).toBe('kept');
    expect(readdirSync(at('store'))).toEqual(['target']);
    return { ...result, tree: describeTarget() };
  }

  test.each([
    ['case', 'Readme', 'README'],
    ['normalisation', 'caf\u00e9', 'cafe\u0301'],
    ['folding to two letters', 'stra\u00dfe', 'strasse'],
  ])('two files that differ by %s: one is there, whole, the other is named', (_, one, other) => {
    const { status, stderr, tree } = unpack([file(one), file(other)]);
    expect(status).toBe(1);
    expect(tree.size).toBe(1);
    const [content = ''] = tree.values();
    expect([one, other]).toContain(content);
    // The one that is not there.
    expect(stderr).toContain(`target/${content === one ? other : one}' already exists`);
  });

  test('--keep-old and --overwrite leave one of them, whole', () => {
    for (const option of ['--keep-old', '--overwrite']) {
      const { status, stderr, tree } = unpack([file('Readme'), file('README')], option);
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      expect(['Readme', 'README']).toContain([...tree.values()].join());
    }
  });

  test('directories that differ by case become one, with what is in both', () => {
    const { status, tree } = unpack([
      { path: 'Lib', kind: 'directory' },
      file('Lib/a'),
      { path: 'lib', kind: 'directory' },
      file('lib/b'),
    ]);
    expect(status).toBe(0);
    expect([...tree.values()].sort()).toEqual(['Lib/a', 'lib/b']);
  });

  test.each([
    ['case', 'D', 'd'],
    ['normalisation (CVE-2021-37712)', 'caf\u00e9', 'cafe\u0301'],
  ])('a symlink and a directory that differ by %s: nothing is written through the link', (_, one, other) => {
    for (const options of [[], ['--overwrite'], ['--keep-old']]) {
      const { status, stderr, tree } = unpack(
        [link(one, '../../outside'), file(`${other}/escape`)],
        ...options,
      );
      expect([0, 1]).toContain(status);
      // Links are made last, so that the directory has the name.
      expect([...tree.values()], stderr).toEqual([`${other}/escape`]);
    }
  });

  test('a hard link whose name is another spelling of its target’s', () => {
    const { stderr, tree } = unpack([
      file('target'),
      { path: 'TARGET', kind: 'hardlink', linkTarget: 'target' },
    ]);
    expect([...tree.values()], stderr).toEqual(['target']);
  });

  test('a file in the place of a symlink of another spelling that leads outside', () => {
    for (const options of [[], ['--overwrite']]) {
      const { tree } = unpack([link('Kept', '../../outside/kept'), file('kept', 'other')], ...options);
      expect(tree.size).toBe(1);
    }
  });
});
