/**
 * Target for patterns: globs, excludes, ignore rules. Whatever they are, they are refused or they match, soon.
 */
import { decide, parseGitignore } from '../../src/select/gitignore.ts';
import { compileExcludes, compileSelection } from '../../src/select/patterns.ts';
import type { Random } from './random.ts';
import { accepted, holds, type Target } from './target.ts';

const PIECES = [
  '*',
  '**',
  '?',
  '[a-z]',
  '[!a]',
  '[[:alpha:]]',
  '[',
  ']',
  '{a,b}',
  '{',
  '}',
  ',',
  '\\',
  '/',
  '!',
  '#',
  ' ',
  '.',
  '..',
  'a',
  'ab',
  '\xff',
  '(',
  ')',
  '+(a)',
  '@(',
  '|',
  '^',
  '$',
  '\n',
];

const text = (random: Random, longest: number, pieces: readonly string[]): string =>
  Array.from({ length: 1 + random.below(longest) }, () => random.pick(pieces)).join('');

export const patterns: Target = {
  name: 'patterns',
  sliceMs: 200,
  async run(random) {
    const pattern = text(random, random.chance(8) ? 40 : 8, PIECES);
    const names = Array.from({ length: 4 }, () =>
      text(random, 12, ['a', 'b', 'ab', '/', '.', '*', '\xff', ' ', '\n', '[', '-']),
    );
    if (random.chance(4)) names.push('a'.repeat(200));
    const started = performance.now();
    const rules = await accepted(() => parseGitignore(pattern));
    const selection = await accepted(() => compileSelection([pattern]));
    const excludes = await accepted(() => compileExcludes([pattern]));
    for (const name of names) {
      if (rules !== undefined) decide(rules, name, random.chance(2));
      selection?.matches(name);
      excludes?.matches(name, random.chance(2));
    }
    // Far from what any machine takes for patterns that do not go astray.
    holds(performance.now() - started < 5000, `${JSON.stringify(pattern)} takes too long`);
  },
};
