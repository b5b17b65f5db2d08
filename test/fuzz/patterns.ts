/**
 * Target for patterns: globs, excludes, ignore rules. Whatever they are, they are refused or they match, in so
 * many steps.
 */
import { compileGlob } from '../../src/select/glob.ts';
import { compileWildmatch, decide, parseGitignore } from '../../src/select/gitignore.ts';
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
    const rules = await accepted(() => parseGitignore(pattern));
    const selection = await accepted(() => compileSelection([pattern]));
    const excludes = await accepted(() => compileExcludes([pattern]));
    for (const name of names) {
      if (rules !== undefined) decide(rules, name, random.chance(2));
      selection?.matches(name);
      excludes?.matches(name, random.chance(2));
      excludes?.covers(name, random.chance(2));
      for (const automaton of [compileGlob(pattern), compileWildmatch(pattern)]) {
        automaton?.matches(name);
        // Every state for every character, and nothing more: an alternative has three.
        const most = 3 * (pattern.length + 1) * (name.length + 1);
        holds((automaton?.steps ?? 0) <= most, `${JSON.stringify(pattern)} takes ${automaton?.steps} steps`);
      }
    }
  },
};
