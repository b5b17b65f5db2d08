/**
 * How a command line is read: options and operands in their order, with what was typed for each.
 */
import { Option } from 'commander';
import { expect, test } from 'vitest';
import { OptionalValue, readArguments, type Grammar, type Token } from '../../../src/cli/args/read.ts';

const level = new Option('--level <n>');
const options = [
  new Option('-q, --quiet'),
  new Option('-C, --directory <dir>'),
  new OptionalValue('--owner [uid]', '', /^\d+$/),
  new Option('--no-mtime'),
];
const PLAIN: Grammar = { options, digits: undefined, idle: undefined };

/** `option=value (typed)`, `operand`, `operand!` behind `--`, `?flag (typed)`. */
function shown(token: Token): string {
  if (token.kind === 'operand') return `${token.value}${token.literal ? '!' : ''}`;
  if (token.kind === 'unknown') return `?${token.flag} (${token.typed})`;
  const value = token.value === undefined ? '' : `=${token.value}`;
  return `${token.option.name()}${value} (${token.typed})`;
}

test.each<[line: string, tokens: string[], grammar?: Partial<Grammar>]>([
  ['a -q b', ['a', 'quiet (-q)', 'b']],
  [
    '-C d -Ce --directory f --directory=g',
    ['directory=d (-C)', 'directory=e (-Ce)', 'directory=f (--directory)', 'directory=g (--directory=g)'],
  ],
  ['-qC d x', ['quiet (-qC)', 'directory=d (-qC)', 'x']],
  ['-C -q', ['directory=-q (-C)']],
  ['-C -- x', ['directory=-- (-C)', 'x']],
  ['--directory=', ['directory= (--directory=)']],
  ['x -C', ['x', 'directory (-C)']],
  ['-q -- -q --', ['quiet (-q)', '-q!', '--!']],
  ['- -5 -1.5', ['-', '-5', '-1.5']],
  [
    '--owner 5 --owner x --owner=x --owner',
    ['owner=5 (--owner)', 'owner (--owner)', 'x', 'owner=x (--owner=x)', 'owner (--owner)'],
  ],
  ['--no-mtime --mtime', ['no-mtime (--no-mtime)', '?--mtime (--mtime)']],
  ['--quiet=3 --other=3', ['?--quiet=3 (--quiet=3)', '?--other=3 (--other=3)']],
  ['-z -qzq a', ['?-z (-z)', 'quiet (-qzq)', '?-zq (-qzq)', 'a']],
  ['-9 -19 -199', ['level=9 (-9)', 'level=19 (-19)', '-199'], { digits: level }],
  ['-5', ['?-5 (-5)'], { options: [new Option('-0, --null')] }],
  ['-qh -hq -h', ['quiet (-qh)', 'quiet (-hq)', '?-h (-h)'], { idle: 'h' }],
])('%s', (line, tokens, grammar = {}) => {
  expect(readArguments(line.split(' '), { ...PLAIN, ...grammar }).map(shown)).toEqual(tokens);
});
