/**
 * `pack --gitignore` takes what git would add.
 */
import { lstatSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { lacks, run } from '../support/run.ts';
import { selectedNames } from '../support/selected.ts';
import { temporaryDirectory } from '../support/tree.ts';

const directory = temporaryDirectory();
const at = (name: string): string => join(directory, name);

function write(...files: string[]): void {
  for (const file of files) {
    mkdirSync(dirname(at(file)), { recursive: true });
    writeFileSync(at(file), file);
  }
}

/** Names that these arguments mean, which must go without a word. */
const names = (args: readonly string[], cwd = directory): string[] => selectedNames(args, cwd);

const git = (cwd: string, ...args: string[]): string => {
  const { status, stdout, stderr } = run('git', args, {
    cwd,
    env: { GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_SYSTEM: '/dev/null' },
  });
  expect(status, stderr).toBe(0);
  return stdout;
};

const writeIgnore = (path: string, ...lines: string[]): void => {
  mkdirSync(dirname(at(path)), { recursive: true });
  writeFileSync(at(path), lines.join('\n'));
};

/** Names of what is no directory, in the archive of `.`. */
const packed = (cwd: string, ...args: string[]): string[] => {
  const all = names(['--gitignore', ...args, '.'], cwd);
  return all.filter((name) => !lstatSync(join(cwd, name)).isDirectory()).sort();
};

/** What git would add below a directory: files, without those it ignores. */
const files = (cwd: string): string[] =>
  git(cwd, 'ls-files', '-co', '--exclude-standard', '-z').split('\0').slice(0, -1).sort();

describe.skipIf(lacks('git'))('--gitignore', () => {
  test('takes what git would add, from a nasty nested set', () => {
    mkdirSync(at('g'));
    git(at('g'), 'init', '-q');
    writeIgnore(
      'g/.gitignore',
      '# comment',
      '*.log',
      '!important.log',
      'build/',
      '/root-only',
      'doc/*.txt',
      '**/deep/x',
      'a/**/z',
      'trailing\\ ',
      'sp  ',
      '\\!bang',
      '\\#hash',
      'dir-only/',
      '*.tmp',
      '!sub/*.tmp',
      'cache/*',
      '!cache/keep',
      'q?',
      '[0-9]n',
      'excluded',
      '!excluded/inside',
      'foo**/bar',
      'x/',
      '!y/x/',
    );
    writeIgnore(
      'g/sub/.gitignore',
      '!*.log',
      'build',
      '!/build',
      '/only-here',
      'nested/*',
      '!nested/ok',
      'cr\r',
      '*',
      '!*.txt',
      '!*.tmp',
      '!*.log',
      '!*/',
      '!only-here',
      '/only-here',
    );
    writeIgnore('g/sub/inner/.gitignore', '*.log', '!*', 'never/');
    writeIgnore('g/y/.gitignore', '!x/', '!build/');
    writeIgnore('g/.git/info/exclude', 'private', '*.secret', '!a.log', 'from-info/');
    write(
      'g/a.log',
      'g/important.log',
      'g/build/out',
      'g/root-only',
      'g/deeper/root-only',
      'g/doc/a.txt',
      'g/doc/sub/a.txt',
      'g/q/deep/x/f',
      'g/deep/x',
      'g/a/z',
      'g/a/b/c/z',
      'g/a/b/zz',
      'g/trailing ',
      'g/sp',
      'g/!bang',
      'g/#hash',
      'g/dir-only',
      'g/k/dir-only/f',
      'g/t.tmp',
      'g/sub/t.tmp',
      'g/cache/junk',
      'g/cache/keep',
      'g/cache/d/keep',
      'g/q1',
      'g/q12',
      'g/5n',
      'g/an',
      'g/excluded/inside',
      'g/foobar',
      'g/foox/bar',
      'g/foo/y/bar',
      'g/x/f',
      'g/y/x/f',
      'g/y/build/f',
      'g/z/x/f',
      'g/sub/a.log',
      'g/sub/build/f.txt',
      'g/sub/only-here',
      'g/sub/nested/no.txt',
      'g/sub/nested/ok',
      'g/sub/cr',
      'g/sub/plain',
      'g/sub/a.txt',
      'g/sub/inner/a.log',
      'g/sub/inner/b',
      'g/sub/inner/never/f',
      'g/private',
      'g/k/x.secret',
      'g/from-info/f',
      'g/sub/private',
    );
    symlinkSync('build', at('g/k/build'));
    symlinkSync('nowhere', at('g/k/gone.log'));
    writeFileSync(Buffer.from(`${at('g')}/caf\xe9.tmp`, 'latin1'), '');
    const expected = files(at('g'));
    expect(expected.length).toBeGreaterThan(20);
    expect(packed(at('g'))).toEqual(expected);
    // Rules above what is packed count, up to the repository's root.
    for (const below of ['sub', 'y', 'sub/inner', 'k'])
      expect(packed(at(join('g', below))), below).toEqual(files(at(join('g', below))));
    const sub = names(['--gitignore', '-C', 'g', 'sub']).filter(
      (name) => !lstatSync(at(`g/${name}`)).isDirectory(),
    );
    expect(sub.sort()).toEqual(files(at('g/sub')).map((name) => `sub/${name}`));
  });

  test('what is named is taken, and an include brings back', () => {
    write('n/dist/a', 'n/dist/b.log', 'n/src');
    git(at('n'), 'init', '-q');
    writeIgnore('n/.gitignore', 'dist/', '*.log');
    expect(names(['--gitignore', '.'], at('n'))).toEqual(['.gitignore', 'src']);
    expect(names(['--gitignore', 'dist'], at('n'))).toEqual(['dist', 'dist/a']);
    expect(names(['--gitignore', '--include', '/dist', '.'], at('n'))).toEqual([
      '.gitignore',
      'dist',
      'dist/a',
      'src',
    ]);
    expect(names(['--gitignore', '-x', 'src', '.'], at('n'))).toEqual(['.gitignore']);
  });

  test('repositories within have rules of their own; a work tree uses the shared info/exclude', () => {
    write('w1/a', 'w1/b.o', 'w1/module/b.o', 'w1/module/c');
    git(at('w1'), 'init', '-q');
    writeIgnore('w1/.gitignore', '*.o');
    writeIgnore('w1/.git/info/exclude', 'private');
    git(at('w1/module'), 'init', '-q');
    writeIgnore('w1/module/.gitignore', 'c');
    expect(packed(at('w1'))).toEqual(['.gitignore', 'a', 'module/.gitignore', 'module/b.o']);
    expect(packed(at('w1/module'))).toEqual(files(at('w1/module')));
    git(
      at('w1'),
      '-c',
      'user.name=a',
      '-c',
      'user.email=a@example.org',
      'commit',
      '-q',
      '--allow-empty',
      '-m',
      'x',
    );
    git(at('w1'), 'worktree', 'add', '-q', '../w2');
    write('w2/private', 'w2/public');
    expect(packed(at('w2'))).toEqual(['public']);
  });

  test('without a repository the .gitignore files below the path count, those above it do not', () => {
    write('plain/sub/a.o', 'plain/sub/a.c', 'plain/sub/in/b.c');
    writeIgnore('plain/.gitignore', '*.c');
    writeIgnore('plain/sub/.gitignore', '*.o');
    expect(names(['--gitignore', '-C', 'plain/sub', '.'])).toEqual(['.gitignore', 'a.c', 'in', 'in/b.c']);
    expect(names(['--gitignore', 'plain'])).toEqual([
      'plain',
      'plain/.gitignore',
      'plain/sub',
      'plain/sub/.gitignore',
      'plain/sub/in',
    ]);
  });
});
