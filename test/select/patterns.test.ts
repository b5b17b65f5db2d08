/**
 * What patterns mean, for members and for excludes.
 */
import { expect, test } from 'vitest';
import { toText } from '../../src/format/values/byte-string.ts';
import { compileExcludes, compileSelection } from '../../src/select/patterns.ts';

test.each([
  ['a/b', 'a/b', true],
  ['a/b', 'a/b/c/d', true],
  ['a/b', 'a/bc', false],
  ['a/b', 'a', false],
  ['a/b/', 'a/b/c', true],
  ['./a/b', 'a/b/c', true],
  ['/a/b', 'a/b', true],
  ['.', 'a/b', true],
  ['b', 'a/b', false],
  // Names that look like globs.
  ['a[1].txt', 'a[1].txt', true],
  ['a[1].txt', 'a1.txt', true],
  ['a[1]', 'a[1]/below', true],
  ['what?', 'what?/x', true],
  ['foo (1)*', 'foo (1).txt', true],
  ['foo (1)*', 'foo 1.txt', false],
  ['"q"*', '"q"x', true],
  ['+(a)*', 'a', false],
  ['!a*', '!ab', true],
  ['!a*', 'b', false],
  ['a|b*', 'a|bc', true],
  // Globs.
  ['*', 'a', true],
  ['*', '.hidden', true],
  ['*', 'a/b', true],
  ['*.js', 'x/a.js', true],
  ['**/*.js', 'a.js', true],
  ['**/*.js', 'x/y/.a.js', true],
  ['x/*/z', 'x/y/z', true],
  ['x/*/z', 'x/y/y/z', false],
  ['x/**/z', 'x/z', true],
  ['x/**/z', 'x/y/y/z', true],
  ['x/**', 'x/y/z', true],
  ['x/*', 'x/y/z', false],
  ['a?c', 'abc', true],
  ['a?c', 'a/c', false],
  ['a[!b]c', 'a/c', false],
  ['a[!b]c', 'axc', true],
  ['[a-c]*', 'bx', true],
  ['[]a]x', ']x', true],
  ['[[:digit:]]x', '5x', true],
  ['*.{js,ts}', 'a.ts', true],
  ['{a,b/**}', 'b/c/d', true],
  ['a\\*b*', 'a*b', true],
  ['back\\slash', 'back\\slash', true],
  ['\\#x', '#x', true],
  ['a\\*b*', 'axb', false],
  ['**/b', 'a\nb/b', true],
  ['*\n*', 'a\nb', true],
  ['日*.txt', '日本語.txt', true],
])('a selection by %j: %j is %j', (pattern, path, expected) => {
  const selection = compileSelection([pattern]);
  expect(selection.matches(path)).toBe(expected);
  expect(selection.unmatched()).toEqual(expected ? [] : [pattern]);
});

test('a name that is not UTF-8 matches by its text', () => {
  const name = toText('f\xff\xfe.b');
  expect(name).toBe('f\ufffd\ufffd.b');
  expect(compileSelection(['f\ufffd\ufffd.b']).matches(name)).toBe(true);
  expect(compileSelection(['f??.b']).matches(name)).toBe(true);
  expect(compileExcludes(['f*.b']).matches(name, false)).toBe(true);
});

test('unmatched names every pattern that matched nothing, as it was given', () => {
  const selection = compileSelection(['./a', 'a/b', 'a/*', 'nothing/', 'no*', 'a']);
  expect(selection.matches('a/b/c')).toBe(true);
  expect(selection.unmatched()).toEqual(['a/*', 'nothing/', 'no*']);
  expect(selection.matches('a/b')).toBe(true);
  expect(selection.unmatched()).toEqual(['nothing/', 'no*']);
});

test.each([
  ['node_modules', 'node_modules', true],
  ['node_modules', 'a/b/node_modules', true],
  ['node_modules', 'a/my_node_modules', false],
  ['node_modules', 'node_modules/a', false],
  ['*.log', 'a/b.log', true],
  ['*.log', '.log', true],
  ['*.log', 'a.log/b', false],
  ['*', 'a/b', true],
  ['build/tmp', 'build/tmp', true],
  ['build/tmp', 'x/build/tmp', true],
  ['build/tmp', 'xbuild/tmp', false],
  ['build/*.o', 'x/build/a.o', true],
  ['build/*.o', 'x/build/y/a.o', false],
  ['build/**/*.o', 'x/build/y/a.o', true],
  ['/a', 'a', true],
  ['/a', 'b/a', false],
  ['./a', 'b/a', false],
  ['./a', 'a', true],
  ['/*.c', 'x.c', true],
  ['/*.c', 'a/x.c', false],
  ['/a/*/c', 'a/b/c', true],
  ['/a/*/c', 'x/a/b/c', false],
  ['{a,b}.c', 'x/b.c', true],
  ['a[0-9]', 'x/a7', true],
  ['foo (1).txt', 'x/foo (1).txt', true],
  ['**/x', 'a/x', true],
  ['*~', 'a/b~', true],
  ['\\#x', 'a/#x', true],
  ['a\\\\b', 'a\\b', true],
])('an exclude by %j: %j is %j', (pattern, path, expected) => {
  expect(compileExcludes([pattern]).matches(path, false)).toBe(expected);
  expect(compileExcludes(['unrelated', pattern, '/other']).matches(path, true)).toBe(expected);
});

test('a trailing slash means directories only', () => {
  for (const pattern of ['tmp/', '/a/tmp/', 'a/tmp/', 't?p/', '*/']) {
    const excludes = compileExcludes([pattern]);
    expect(excludes.matches('a/tmp', true), pattern).toBe(true);
    expect(excludes.matches('a/tmp', false), pattern).toBe(false);
  }
});

test.each(['', '/', '//', './'])('%j is no pattern', (pattern) => {
  expect(() => compileExcludes([pattern])).toThrow(`'${pattern}' is not a pattern: it names nothing`);
});

test('thousands of names cost little', () => {
  const selection = compileSelection(Array.from({ length: 5000 }, (_, i) => `packages/p${i}/dist`));
  const excludes = compileExcludes(Array.from({ length: 5000 }, (_, i) => `name-${i}`));
  const start = performance.now();
  let matches = 0;
  for (let i = 0; i < 100_000; i++) {
    const path = `packages/p${i}/dist/lib/some/file.js`;
    if (selection.matches(path)) matches += 1;
    if (excludes.matches(path, false)) matches += 1;
  }
  expect(matches).toBe(5000);
  // Comparing each with each would take minutes.
  expect(performance.now() - start).toBeLessThan(3000);
});

test.each([
  ['node_modules', 'a/node_modules/b/c', false, true],
  ['node_modules/', 'a/node_modules/b/c', false, true],
  ['node_modules/', 'a/node_modules', false, false],
  ['node_modules/', 'a/node_modules', true, true],
  ['/a', 'b/a/c', false, false],
  ['/a', 'a/c', false, true],
  ['build/tmp', 'x/build/tmp/y', false, true],
  ['build/tmp', 'x/build/y', false, false],
  ['*.d', 'a/b.d/c', false, true],
  ['*.d/', 'a/b.d', false, false],
  ['b?', 'a/bb/c', false, true],
  ['a/*/c', 'x/a/b/c/d', false, true],
  ['/a/*', 'a/b/c', false, true],
  ['/a/*', 'b/a/c', false, false],
  ['/a/*/', 'a/b', false, false],
])('%j leaves out %j (a directory: %j): %j', (pattern, path, directory, expected) => {
  expect(compileExcludes([pattern]).covers(path, directory)).toBe(expected);
});
