/**
 * The expressions of GNU tar's --transform: `s/REGEXP/REPLACEMENT/FLAGS`, several of them separated by `;`, as in sed.
 * POSIX regular expressions are translated into those of JavaScript.
 */
import { ZnipError } from '../errors.ts';
import { type ByteString, fromText, isUtf8, toText } from '../format/values/byte-string.ts';

/** Renames. `isTarget` is for the target of a symlink; few expressions change those. */
export type Transform = (name: ByteString, isTarget: boolean) => ByteString;

interface Substitution {
  /** For names as text, and, for names that are not UTF-8, as bytes. */
  text: RegExp;
  bytes: RegExp;
  replacement: readonly Part[];
  /** The first match to replace, from 1; and whether all later ones are replaced, too. */
  first: number;
  all: boolean;
  names: boolean;
  targets: boolean;
}

/** Literal text, the match of a group, or a change of case for what follows. */
type Part = { text: string } | { group: number } | { toCase: string };

export function compileTransform(expressions: readonly string[]): Transform {
  const substitutions = expressions.flatMap(parseExpression);
  return (name, isTarget) => {
    const isText = isUtf8(name);
    let value = isText ? toText(name) : name;
    for (const one of substitutions) {
      if (isTarget ? one.targets : one.names) value = substitute(value, one, isText);
    }
    return isText ? fromText(value) : value;
  };
}

function substitute(
  value: string,
  { text, bytes, replacement, first, all }: Substitution,
  isText: boolean,
): string {
  let count = 0;
  return value.replace(isText ? text : bytes, (...found: unknown[]) => {
    count += 1;
    if (count < first || (count > first && !all)) return String(found[0]);
    const made = expand(replacement, found);
    return isText ? made : fromText(made);
  });
}

function expand(parts: readonly Part[], groups: readonly unknown[]): string {
  let result = '';
  let mode = '';
  let once = '';
  for (const part of parts) {
    if ('toCase' in part) {
      if (part.toCase === 'l' || part.toCase === 'u') once = part.toCase;
      else mode = part.toCase;
      continue;
    }
    const found = 'text' in part ? part.text : groups[part.group];
    let piece = typeof found === 'string' ? found : '';
    if (mode === 'L') piece = piece.toLowerCase();
    if (mode === 'U') piece = piece.toUpperCase();
    const head = piece.slice(0, 1);
    if (once !== '' && head !== '') {
      piece = (once === 'u' ? head.toUpperCase() : head.toLowerCase()) + piece.slice(1);
      once = '';
    }
    result += piece;
  }
  return result;
}

function invalid(expression: string, why: string): ZnipError {
  return new ZnipError(
    'usage',
    `'${expression}' is no \`transform\`: ${why}; expected s/REGEXP/REPLACEMENT/FLAGS`,
  );
}

function parseExpression(expression: string): Substitution[] {
  const substitutions: Substitution[] = [];
  for (let at = 0; at < expression.length;) {
    const delimiter = expression.charAt(at + 1);
    if (expression.charAt(at) !== 's' || delimiter === '' || delimiter === '\\') {
      throw invalid(expression, 'it does not begin with s and a delimiter');
    }
    const pattern = fieldAt(expression, at + 2, delimiter);
    const replacement = fieldAt(expression, pattern.end + 1, delimiter);
    const semicolon = expression.indexOf(';', replacement.end + 1);
    const end = semicolon < 0 ? expression.length : semicolon;
    const flags = expression.slice(replacement.end + 1, end);
    substitutions.push(substitutionOf(expression, pattern.text, replacement.text, flags));
    at = end + 1;
  }
  if (substitutions.length === 0) throw invalid(expression, 'it is empty');
  return substitutions;
}

/** The text before the next delimiter. A delimiter after a backslash does not count. */
function fieldAt(expression: string, start: number, delimiter: string): { text: string; end: number } {
  let text = '';
  for (let i = start; i < expression.length; i++) {
    const character = expression.charAt(i);
    if (character === delimiter) return { text, end: i };
    text += character;
    // As in GNU tar, the backslash stays, because an escaped delimiter may be an operator.
    if (character === '\\') text += expression.charAt(++i);
  }
  throw invalid(expression, `a '${delimiter}' is missing`);
}

function substitutionOf(
  expression: string,
  pattern: string,
  replacement: string,
  flags: string,
): Substitution {
  const match = /^([gixrRsShH]*)(\d*)([gixrRsShH]*)$/.exec(flags);
  if (match === null) throw invalid(expression, `its flags are '${flags}', of which some are unknown`);
  const letters = `${match[1] ?? ''}${match[3] ?? ''}`;
  if (letters.includes('H')) {
    throw invalid(expression, 'with H, hard links would lead to names that are not in the archive');
  }
  const source = translate(pattern, letters.includes('x'));
  const regExpFlags = letters.includes('i') ? 'gsi' : 'gs';
  try {
    return {
      text: new RegExp(source, `${regExpFlags}u`),
      bytes: new RegExp(fromText(source), regExpFlags),
      replacement: partsOf(replacement),
      first: Math.max(1, Number(match[2])),
      all: letters.includes('g'),
      names: !letters.includes('R'),
      targets: letters.includes('s') && !letters.includes('S'),
    };
  } catch (error) {
    throw invalid(expression, error instanceof Error ? error.message : String(error));
  }
}

function partsOf(replacement: string): Part[] {
  const parts: Part[] = [];
  for (let i = 0; i < replacement.length; i++) {
    const character = replacement.charAt(i);
    if (character === '&') parts.push({ group: 0 });
    else if (character !== '\\') parts.push({ text: character });
    else {
      i += 1;
      const escaped = replacement.charAt(i);
      if (/\d/.test(escaped)) parts.push({ group: Number(escaped) });
      else if (/[LUElu]/.test(escaped) && escaped !== '') parts.push({ toCase: escaped });
      else parts.push({ text: escaped === 'n' ? '\n' : escaped });
    }
  }
  return parts;
}

const CLASSES: Record<string, string> = {
  alpha: '\\p{L}',
  digit: '0-9',
  alnum: '\\p{L}0-9',
  upper: '\\p{Lu}',
  lower: '\\p{Ll}',
  space: '\\s',
  blank: ' \\t',
  punct: '\\p{P}\\p{S}',
  xdigit: '0-9A-Fa-f',
};

/** A regular expression of POSIX, basic or extended, in the syntax of JavaScript (POSIX.1-2017, chapter 9). */
function translate(pattern: string, extended: boolean): string {
  let result = '';
  for (let i = 0; i < pattern.length; i++) {
    const character = pattern.charAt(i);
    const isStart = result === '' || /(?:^|[^\\])(?:\\\\)*[(|]$/.test(result);
    if (character === '[') {
      const { set, end } = bracketAt(pattern, i);
      result += set;
      i = end;
    } else if (character === '\\') {
      i += 1;
      const escaped = pattern.charAt(i);
      if ('(){}|+?'.includes(escaped) && escaped !== '') result += extended ? `\\${escaped}` : escaped;
      else if (/[1-9wWsSbB]/.test(escaped)) result += `\\${escaped}`;
      else result += escaped === 'n' ? '\\n' : literal(escaped);
    } else if ('(){}|+?'.includes(character)) result += extended ? character : `\\${character}`;
    else if (character === '*') result += !extended && (isStart || result === '^') ? '\\*' : '*';
    else if (character === '^') result += extended || isStart ? '^' : '\\^';
    else if (character === '$') {
      const isEnd = i === pattern.length - 1 || /^\\[)|]/.test(pattern.slice(i + 1));
      result += extended || isEnd ? '$' : '\\$';
    } else result += character === '.' ? '.' : literal(character);
  }
  return result;
}

function literal(character: string): string {
  return /[\^$\\.*+?()[\]{}|/]/.test(character) ? `\\${character}` : character;
}

/** The bracket expression at `start`, and where it ends. Without an end, it is a plain bracket. */
function bracketAt(pattern: string, start: number): { set: string; end: number } {
  const negated = pattern.charAt(start + 1) === '^';
  let i = start + (negated ? 2 : 1);
  let set = negated ? '[^' : '[';
  for (let first = true; i < pattern.length; i++, first = false) {
    const character = pattern.charAt(i);
    if (character === ']' && !first) return { set: `${set}]`, end: i };
    const named = /^\[:([a-z]+):\]/.exec(pattern.slice(i));
    const members = CLASSES[named?.[1] ?? ''];
    if (named !== null && members !== undefined) {
      set += members;
      i += named[0].length - 1;
    } else set += character === '-' ? '-' : literal(character);
  }
  return { set: '\\[', end: start };
}
