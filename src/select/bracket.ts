/**
 * Bracket expressions: `[a-z]`, `[!a]`, `[[:alpha:]]`; a `\` makes the next character mean itself. They are the same in
 * globs and in ignore rules; git's `wildmatch` defines them for the latter. None of them matches a slash.
 */
import type { CharacterSet } from './automaton.ts';

const range = (text: string): number[] => Array.from(text, (character) => character.charCodeAt(0));

/** POSIX classes in the C locale, as in git: first and last character of each range. */
const CLASSES: ReadonlyMap<string, number[]> = new Map([
  ['alnum', range('AZaz09')],
  ['alpha', range('AZaz')],
  ['blank', range('  \t\t')],
  ['cntrl', range('\x00\x1f\x7f\x7f')],
  ['digit', range('09')],
  ['graph', range('\x21\x7e')],
  ['lower', range('az')],
  ['print', range('\x20\x7e')],
  ['punct', range('\x21\x2f\x3a\x40\x5b\x60\x7b\x7e')],
  ['space', range('\t\r  ')],
  ['upper', range('AZ')],
  ['xdigit', range('09AFaf')],
]);

/**
 * The bracket expression whose content begins at `start`; `end` is its `]`. undefined if it has no end or names an
 * unknown class.
 */
export function parseBracket(pattern: string, start: number): { set: CharacterSet; end: number } | undefined {
  let i = start;
  const negated = pattern.charAt(i) === '!' || pattern.charAt(i) === '^';
  if (negated) i += 1;
  const ranges: number[] = [];
  /** The character that a range may begin with. */
  let previous: number | undefined;
  /** The next `]`. It is searched only once for all classes before it. */
  let close = -1;
  const codePoint = (): number | undefined => pattern.codePointAt(i);
  for (let first = true; first || pattern.charAt(i) !== ']'; first = false, i++) {
    let character = codePoint();
    if (character === undefined) return undefined;
    const isEscaped = pattern.charAt(i) === '\\';
    const next = pattern.charAt(i + 1);
    if (isEscaped) {
      i += 1;
      character = codePoint();
      if (character === undefined) return undefined;
    } else if (pattern.charAt(i) === '-' && previous !== undefined && next !== '' && next !== ']') {
      i += 1;
      if (pattern.charAt(i) === '\\') i += 1;
      const last = codePoint();
      if (last === undefined) return undefined;
      if (previous <= last) ranges.push(previous, last);
      previous = undefined;
      if (last > 0xffff) i += 1;
      continue;
    } else if (pattern.startsWith('[:', i)) {
      if (close < i + 2) close = pattern.indexOf(']', i + 2);
      if (close < 0) return undefined;
      if (close > i + 2 && pattern.charAt(close - 1) === ':') {
        const known = CLASSES.get(pattern.slice(i + 2, close - 1));
        if (known === undefined) return undefined;
        ranges.push(...known);
        previous = undefined;
        i = close;
        continue;
      }
    }
    ranges.push(character, character);
    previous = character;
    if (character > 0xffff) i += 1;
  }
  return { set: { ranges, negated }, end: i };
}
