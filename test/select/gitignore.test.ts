/**
 * Ignore rules, against git itself.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { array, assert, constantFrom, property } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compileWildmatch, decide, parseGitignore } from '../../src/select/gitignore.ts';
import { hasProgram, run } from '../support/run.ts';
import { temporaryDirectory } from '../support/tree.ts';

const directory = temporaryDirectory();

const ask = (rules: string, paths: readonly string[]): boolean[] => {
  const parsed = parseGitignore(rules);
  return paths.map((path) => decide(parsed, path, false) ?? false);
};

describe.skipIf(!hasProgram('git'))('rules', () => {
  const repository = join(directory, 'rules');
  mkdirSync(repository);
  run('git', ['init', '-q', repository]);

  /** The pattern that decides about each path, as git says it; '' for none. */
  function askGit(rules: Buffer, paths: readonly string[]): boolean[] {
    writeFileSync(join(repository, '.gitignore'), rules);
    const { output } = run('git', ['check-ignore', '--no-index', '-z', '-v', '-n', '--stdin'], {
      cwd: repository,
      input: Buffer.from(paths.join('\0'), 'latin1'),
    });
    const fields = output.toString('latin1').split('\0');
    return paths.map((_, i) => {
      const pattern = fields[4 * i + 2] ?? '';
      return pattern !== '' && !pattern.startsWith('!');
    });
  }

  const NAMES = [
    'a',
    'b',
    'ab',
    'a b',
    'a ',
    'aa',
    'abc',
    '*',
    'a*',
    '[',
    ']',
    'a]',
    '!',
    '!a',
    '#a',
    '\\',
    'a\\',
    '-',
    '.a',
    '5',
    'A',
    'a\n',
    '\xe9',
    '^',
  ];

  test.each([
    'a',
    '/a',
    'b/',
    'a/b',
    '/a/b',
    '*',
    '*a',
    'a*',
    '?',
    'a?',
    '**',
    'a/**',
    '**/a',
    'a/**/b',
    'a**',
    'a**/b',
    '**a',
    '***/b',
    'a/***/b',
    'a*/b',
    '*/b',
    '\\*',
    '\\!',
    '\\!a',
    '!a',
    '#a',
    '\\#a',
    'a ',
    'a\\ ',
    'a \\ ',
    'a b',
    '\\a',
    'a\\',
    '\\\\',
    'a\\\\',
    '[ab]',
    '[!a]',
    '[^a]',
    '[]]',
    '[!]]',
    '[]a]',
    '[a-c]',
    '[c-a]',
    '[!c-a]',
    '[-a]',
    '[a-]',
    '[[:alpha:]]',
    '[[:digit:]a]',
    '[[:nonsense:]]',
    '[[:alpha]',
    '[a',
    '[',
    '[[]',
    '[\\]]',
    '[\\-a]',
    '[a-\\c]',
    'a[/]b',
    'a[!b]b',
    '[]-a]',
    '\xe9',
    '?\xe9',
    '[\x80-\xff]',
    '/',
    '//',
    '/**',
    '**/',
    'a//b',
    'a\r',
    '**/**/b',
    'a\\/b',
    '**\\/b',
    '[a-c-e]',
    '!',
    '\\',
    'a\t',
    '*\n!a',
    'a\n!*\n',
    '/*\n!/a',
    ' a',
    '[[:space:]]',
    '[[:]',
    '[:alpha:]',
    '[[:alpha:]-z]',
    '[[-a]',
    '*/*',
    '*/**',
    '\xef\xbb\xbfa',
  ])('%j', (rules) => {
    const single = NAMES;
    const paths = [
      ...single,
      ...single.slice(0, 6).flatMap((a) => single.map((b) => `x${a}/${b}`)),
      'a/b',
      'a/x/b',
      'a/x/y/b',
      'ab/b',
      'axb/b',
      'x/a/b',
      'foo/a/b',
    ];
    // git asks the directories above a path as well; here only paths whose directories it does not ignore.
    const parsed = parseGitignore(rules);
    const open = paths.filter((path) => {
      const parts = path.split('/');
      return parts
        .slice(1)
        .every((_, i) => decide(parsed, parts.slice(0, i + 1).join('/'), true) === undefined);
    });
    expect(open.length).toBeGreaterThan(0);
    const ours = ask(rules, open);
    const theirs = askGit(Buffer.from(rules, 'latin1'), open);
    expect(open.filter((_, i) => ours[i])).toEqual(open.filter((_, i) => theirs[i]));
  });

  test('any rules', () => {
    const piece = constantFrom(
      'a',
      'b',
      '*',
      '**',
      '?',
      '/',
      '\\',
      '[',
      ']',
      '!',
      '-',
      ' ',
      '[ab]',
      '[!a]',
      '**/',
      '/**',
      '#',
      '^',
      '\n',
      '\xe9',
    );
    const rules = array(piece, { minLength: 1, maxLength: 8 }).map((pieces) => pieces.join(''));
    const paths = [...NAMES, 'a/b', 'b/a', 'ab/a', 'a/b/a', 'b/b/b', 'a/a', 'a/b/b/a'];
    assert(
      property(rules, (text) => {
        const parsed = parseGitignore(text);
        const open = paths.filter((path) => {
          const parts = path.split('/');
          return parts
            .slice(1)
            .every((_, i) => decide(parsed, parts.slice(0, i + 1).join('/'), true) === undefined);
        });
        const ours = ask(text, open);
        const theirs = askGit(Buffer.from(text, 'latin1'), open);
        expect(open.filter((_, i) => ours[i])).toEqual(open.filter((_, i) => theirs[i]));
      }),
      { numRuns: 300 },
    );
  });
});

describe('the work', () => {
  test('any number of spaces is gone through once', () => {
    const spaces = ' '.repeat(100_000);
    expect(ask(`a${spaces}b`, [`a${spaces}b`, 'a'])).toEqual([true, false]);
    expect(ask(`a${spaces}`, ['a', `a${spaces}`])).toEqual([true, false]);
    expect(ask(`a\\${spaces}`, ['a ', 'a'])).toEqual([true, false]);
    expect(ask(`a\\\\${spaces}`, ['a\\', 'a\\ '])).toEqual([true, false]);
  });

  test.each(['*a*a*a*a*a*a*b', '**/a/**/a/**/b', '[a-b]*[a-b]*[a-b]*[!a]'])(
    'of %j grows with the name',
    (pattern) => {
      const automaton = compileWildmatch(pattern);
      let before = 0;
      const steps = (name: string): number => {
        automaton?.matches(name);
        const count = (automaton?.steps ?? 0) - before;
        before += count;
        return count;
      };
      for (const piece of ['a', 'a/']) {
        expect(steps(piece.repeat(8000))).toBeLessThanOrEqual(2.1 * steps(piece.repeat(4000)));
      }
    },
  );

  test('a hundred thousand of anything are rules', () => {
    for (const piece of ['*', '[', '[a', '[[:', '[[:]', '\\', '**/', ' \\ ', '!']) {
      expect(ask(`${piece.repeat(100_000)}x`, ['nothing'])).toEqual([false]);
    }
  });
});
