/**
 * `--gitignore` as git does it: the user's own excludes, and with --keep-tracked what git tracks. Held against git.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { parseGitConfig } from '../../../src/select/git-config.ts';
import { lacks, run, type RunResult, znip } from '../../support/run.ts';
import { temporaryDirectory } from '../../support/tree.ts';

const directory = temporaryDirectory();
const at = (name: string): string => join(directory, name);
const env = { HOME: at('home'), XDG_CONFIG_HOME: '', GIT_CONFIG_NOSYSTEM: '1' };

function write(name: string, content = ''): void {
  mkdirSync(dirname(at(name)), { recursive: true });
  writeFileSync(at(name), content);
}

const git = (...args: string[]): RunResult => run('git', args, { cwd: at('r'), env });

/** What git takes in. */
const shown = (...args: string[]): string[] =>
  git('ls-files', ...args, '--exclude-standard')
    .stdout.trim()
    .split('\n')
    .sort();

/** Files that pack would take in, without directories. */
function packed(args: readonly string[] = [], more: Record<string, string> = {}): string[] {
  const { stdout, status } = znip(['pack', '--dry-run', '-q', '--gitignore', ...args, '.'], {
    cwd: at('r'),
    env: { ...env, ...more },
  });
  expect(status).toBe(0);
  const names = stdout.split('\n').filter((name) => name !== '');
  return names.filter((name) => !names.some((other) => other.startsWith(`${name}/`))).sort();
}

test('configuration files', () => {
  const content = [
    '[Core] ExcludesFile = "~/a b" ; comment',
    '[core "sub"]\nexcludesFile = other',
    '[include]\n\tpath = x\\\ny # comment',
    '[core]\nflag\nvalue = a\\"b\\\\ # end',
  ].join('\n');
  expect(parseGitConfig(content)).toEqual([
    { key: 'core.excludesfile', value: '~/a b' },
    { key: 'include.path', value: 'xy' },
    { key: 'core.value', value: 'a"b\\' },
  ]);
});

describe.skipIf(lacks('git'))('beside git', () => {
  beforeAll(() => {
    write('r/.gitignore', '*.log\n/build/\n');
    for (const name of [
      'kept',
      'a.log',
      'b.log',
      'build/tracked',
      'build/other',
      'build/deep/tracked',
      'x.mine',
      'y.own',
    ])
      write(`r/${name}`, name);
    git('init', '-q');
    git('add', '-f', 'kept', 'a.log', 'build/tracked', 'build/deep/tracked', '.gitignore');
  });

  test.each([2, 3, 4])('--keep-tracked, with an index of version %i', (version) => {
    git('update-index', '--index-version', String(version));
    if (version === 3) git('update-index', '--skip-worktree', 'kept');
    expect(packed(['--keep-tracked'])).toEqual(shown('-c', '-o'));
    expect(packed(['--keep-tracked'])).toContain('build/deep/tracked');
    expect(packed()).toEqual(['.gitignore', 'kept', 'x.mine', 'y.own']);
  });

  test('core.excludesFile: the default, the global one, an included one, and that of the repository', () => {
    write('home/.config/git/ignore', '*.mine\n');
    expect(packed()).not.toContain('x.mine');
    expect(packed(['--keep-tracked'])).toEqual(shown('-c', '-o'));
    write('home/.gitconfig', '[include]\n\tpath = more\n');
    write('home/more', '[core]\n\texcludesfile = ~/own\n');
    write('home/own', '*.own\n');
    expect(packed()).toEqual(['.gitignore', 'kept', 'x.mine']);
    expect(packed(['--keep-tracked'])).toEqual(shown('-c', '-o'));
    expect(packed([], { GIT_CONFIG_GLOBAL: '/dev/null' })).toEqual(['.gitignore', 'kept', 'y.own']);
    git('config', 'core.excludesFile', 'local');
    write('r/local', 'kept\n');
    expect(packed()).toEqual(['.gitignore', 'local', 'x.mine', 'y.own']);
  });

  test('an index that is split is not guessed at', () => {
    git('config', '--unset', 'core.excludesFile');
    git('update-index', '--split-index');
    const { status, stderr } = znip(['pack', '--dry-run', '--gitignore', '--keep-tracked', '.'], {
      cwd: at('r'),
      env,
    });
    expect(stderr).toContain('what git tracks is not known: its index is of a form');
    expect(status).toBe(3);
  });
});
