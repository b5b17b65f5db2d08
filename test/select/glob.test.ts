/**
 * Globs, against picomatch, on small ones of which both make the same; and the work that they take.
 */
import { array, assert, constantFrom, property } from 'fast-check';
import picomatch from 'picomatch';
import { describe, expect, test } from 'vitest';
import { compileGlob } from '../../src/select/glob.ts';
import { compileExcludes, compileSelection } from '../../src/select/patterns.ts';

/** With what picomatch would take for a group, a quote or an extended glob escaped. */
function pico(glob: string): RegExp {
  const escaped = glob.replace(/\\.|\[[!^]?\]?[^\]]*\]|[()|+@!^$"]/gs, (part) =>
    part.length > 1 ? part : `\\${part}`,
  );
  const options = { dot: true, nonegate: true, noextglob: true, posix: true, strictSlashes: true };
  return picomatch.makeRe(escaped, { ...options, windows: false, flags: 's' });
}

const NAMES = ['a', 'b', 'ab', 'ba', '.a', 'a.b', 'aaa', 'abab', '*', 'a*', '(', ']', 'a]b', 'c', '-'];
const PATHS = [...NAMES, ...NAMES.flatMap((name) => [`a/${name}`, `b/x/${name}`, `${name}/a/b/b`])];

test('any small glob means what picomatch makes of it', () => {
  const component = array(
    constantFrom(
      'a',
      'b',
      '*',
      '?',
      '[a-b]',
      '[!a]',
      '{a,b}',
      '{b,*}',
      '{a,{b,.a}}',
      '\\*',
      '.',
      '(',
      ']',
      'a**',
    ),
    { minLength: 1, maxLength: 4 },
  ).map((pieces) => pieces.join(''));
  const glob = array(
    component.map((text) => (/^\.$|^\*\*|\*\*\*|\*\*\{|^\{b,\*\}/.test(text) ? '**' : text)),
    { minLength: 1, maxLength: 3 },
  ).map((components) => components.join('/'));
  assert(
    property(glob, (text) => {
      const expected = pico(text);
      const found = compileGlob(text);
      expect(PATHS.filter((path) => found.matches(path))).toEqual(
        PATHS.filter((path) => expected.test(path)),
      );
    }),
    { numRuns: 2000, examples: [['**/a'], ['a/**/b'], ['a/**'], ['**'], ['{a,b/**}'], ['a**/b'], ['**/*']] },
  );
});

test.each([
  ['{a', '{a', true],
  ['a}', 'a}', true],
  ['{a}', '{a}', true],
  ['{,a}b', 'b', true],
  ['{,a}b', 'ab', true],
  ['{a,b,c}{d,e}', 'ce', true],
  ['{a,b,c}{d,e}', 'cc', false],
  ['{a,{b,c/{d,e}}}', 'c/e', true],
  ['{a,[,]}b', ',b', true],
  ['{a\\,b,c}', 'a,b', true],
  ['{a\\,b,c}', 'a', false],
  ['[[[[a', '[[[[a', true],
  ['a\\', 'a\\', true],
  ['?', '\u{1f600}', true],
  ['[\u{1f600}-\u{1f610}]x', '\u{1f605}x', true],
  ['[a/b]', '/', false],
  ['**', 'a/b/c', true],
  ['**.js', 'a/b.js', false],
])('%j: %j is %j', (glob, path, expected) => {
  expect(compileGlob(glob).matches(path)).toBe(expected);
});

function steps(glob: string, name: string): number {
  const automaton = compileGlob(glob);
  automaton.matches(name);
  return automaton.steps;
}

describe('the work', () => {
  test.each([
    ['six stars', '*a*a*a*a*a*a*b'],
    ['stars of whole components', '**/a/**/a/**/a/**/b'],
    ['alternatives', '{a,aa,*}{a,aa,*}{a,aa,*}{a,aa,*}{a,aa,*}b'],
    ['sets', '[a-b]*[a-b]*[a-b]*[a-b]*[!a-b]'],
  ])('of %s grows with the name', (_, glob) => {
    const twice = (count: number): number => steps(glob, 'a'.repeat(count)) + steps(glob, 'a/'.repeat(count));
    expect(twice(4000)).toBeGreaterThan(4000);
    expect(twice(8000)).toBeLessThan(2.1 * twice(4000));
  });

  test.each([
    ['stars', '*a', ''],
    ['alternatives', '{a,*}', ''],
    ['alternatives in one another', '{a,', '}'],
  ])('of %s grows with the pattern', (_, open, close) => {
    const of = (count: number): number =>
      steps(`${open.repeat(count)}b${close.repeat(count)}`, 'a'.repeat(200));
    expect(of(200)).toBeLessThan(2.2 * of(100));
  });

  test('a hundred thousand of anything are compiled', () => {
    for (const piece of ['{', '}', '{a,', ',', '[', '[a', '[[:', '*', '/', './', '\\']) {
      const pattern = `${piece.repeat(100_000)}x`;
      expect(compileSelection([pattern, pattern.slice(1)]).matches('nothing')).toBe(false);
      expect(compileExcludes([pattern]).covers('nothing/at/all', false)).toBe(false);
    }
  });
});
