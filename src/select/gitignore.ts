/**
 * What a `.gitignore` says about a name, as git decides it (gitignore(5); git's dir.c and wildmatch.c).
 *
 * Names and patterns are byte strings: git compares bytes, so `?` is one byte and patterns need not be
 * UTF-8. A rule says something about one path and nothing about what is below it: git never enters a
 * directory that is ignored, and neither does the walk. (The npm package `ignore` asks a path's parents
 * too, which gives wrong answers where a deeper .gitignore takes a directory back.)
 */
import type { ByteString } from '../format/byte-string.ts';

interface Rule {
  negated: boolean;
  directoryOnly: boolean;
  /** Compare with the last component alone. */
  nameOnly: boolean;
  matches(name: ByteString): boolean;
}

/** The rules of one file, in its order. */
export type GitignoreRules = readonly Rule[];

/**
 * What the rules say about a path relative to the directory they are for: true to ignore it, false to keep
 * it, undefined when no rule says anything. The last rule that matches decides.
 */
export function decide(rules: GitignoreRules, path: ByteString, directory: boolean): boolean | undefined {
  const name = path.slice(path.lastIndexOf('/') + 1);
  for (let i = rules.length - 1; i >= 0; i--) {
    const rule = rules[i] as Rule;
    if (rule.directoryOnly && !directory) continue;
    if (rule.matches(rule.nameOnly ? name : path)) return !rule.negated;
  }
  return undefined;
}

/** Reads the rules of a file's content. */
export function parseGitignore(content: ByteString): GitignoreRules {
  const rules: Rule[] = [];
  for (const line of content.replace(/^\xef\xbb\xbf/, '').split('\n')) {
    if (line.startsWith('#')) continue;
    const pattern = trimTrailingSpaces(line.endsWith('\r') ? line.slice(0, -1) : line);
    const rule = pattern === '' ? undefined : parseRule(pattern);
    if (rule !== undefined) rules.push(rule);
  }
  return rules;
}

/** Spaces at the end do not count, unless there is a backslash before them. */
function trimTrailingSpaces(line: ByteString): ByteString {
  return /^((?:[^\\ ]|\\.| +(?! *$))*) *$/s.exec(line)?.[1] ?? line;
}

function parseRule(line: ByteString): Rule | undefined {
  const negated = line.startsWith('!');
  let pattern = negated ? line.slice(1) : line;
  const directoryOnly = pattern.endsWith('/');
  if (directoryOnly) pattern = pattern.slice(0, -1);
  const nameOnly = !pattern.includes('/');
  if (pattern.startsWith('/')) pattern = pattern.slice(1);
  if (pattern === '') return undefined;
  return { negated, directoryOnly, nameOnly, matches: compile(pattern, nameOnly) };
}

function compile(pattern: ByteString, nameOnly: boolean): (name: ByteString) => boolean {
  const special = pattern.search(/[*?[\\]/);
  if (special < 0) return (name) => name === pattern;
  if (nameOnly && special === 0 && /^\*[^*?[\\]*$/.test(pattern)) {
    const ending = pattern.slice(1);
    return (name) => name.endsWith(ending);
  }
  // git compares what comes before the first special character by itself, and gives wildmatch the rest: to
  // it, the `**` of `a**/b` is at the beginning.
  const prefix = pattern.slice(0, special);
  const expression = wildmatchToRegExp(pattern.slice(special));
  return (name) => name.startsWith(prefix) && expression.test(name.slice(prefix.length));
}

const NEVER = /(?!)/;

/** A pattern of git's wildmatch, with WM_PATHNAME, as a regular expression for byte strings. */
export function wildmatchToRegExp(pattern: ByteString): RegExp {
  let source = '';
  for (let i = 0; i < pattern.length; i++) {
    const character = pattern.charAt(i);
    if (character === '\\') {
      i += 1;
      if (i === pattern.length) return NEVER;
      source += literal(pattern.charAt(i));
    } else if (character === '?') {
      source += '[^/]';
    } else if (character === '*') {
      const start = i;
      while (pattern.charAt(i + 1) === '*') i += 1;
      const rest = pattern.slice(i + 1);
      const crosses =
        i > start &&
        (start === 0 || pattern.charAt(start - 1) === '/') &&
        (rest === '' || rest.startsWith('/') || rest.startsWith('\\/'));
      if (!crosses) source += '[^/]*';
      else if (rest.startsWith('/')) {
        source += '(?:.*/)?';
        i += 1;
      } else source += '.*';
    } else if (character === '[') {
      const set = parseSet(pattern, i + 1);
      if (set === undefined) return NEVER;
      source += set.source;
      i = set.end;
    } else {
      source += literal(character);
    }
  }
  return new RegExp(`^${source}$`, 's');
}

function literal(character: string): string {
  return `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
}

/** POSIX classes, in the C locale, as git has them. */
const CLASSES: Record<string, string> = {
  alnum: 'A-Za-z0-9',
  alpha: 'A-Za-z',
  blank: ' \\t',
  cntrl: '\\x00-\\x1f\\x7f',
  digit: '0-9',
  graph: '\\x21-\\x7e',
  lower: 'a-z',
  print: '\\x20-\\x7e',
  punct: '\\x21-\\x2f\\x3a-\\x40\\x5b-\\x60\\x7b-\\x7e',
  space: '\\t-\\r ',
  upper: 'A-Z',
  xdigit: '0-9A-Fa-f',
};

/**
 * The bracket expression whose content begins at `start`; `end` is its `]`. undefined when it has no end
 * or names an unknown class: such a pattern matches nothing.
 */
function parseSet(pattern: ByteString, start: number): { source: string; end: number } | undefined {
  let i = start;
  const negated = pattern.charAt(i) === '!' || pattern.charAt(i) === '^';
  if (negated) i += 1;
  let members = '';
  /** The character that a range may begin with. */
  let previous = '';
  for (let first = true; first || pattern.charAt(i) !== ']'; first = false, i++) {
    let character = pattern.charAt(i);
    if (character === '') return undefined;
    const next = pattern.charAt(i + 1);
    if (character === '\\') {
      character = pattern.charAt(++i);
      if (character === '') return undefined;
    } else if (character === '-' && previous !== '' && next !== '' && next !== ']') {
      let last = pattern.charAt(++i);
      if (last === '\\') last = pattern.charAt(++i);
      if (last === '') return undefined;
      if (previous <= last) members += `${literal(previous)}-${literal(last)}`;
      previous = '';
      continue;
    } else if (character === '[' && next === ':') {
      const close = pattern.indexOf(']', i + 2);
      if (close < 0) return undefined;
      if (close > i + 2 && pattern.charAt(close - 1) === ':') {
        const known = CLASSES[pattern.slice(i + 2, close - 1)];
        if (known === undefined) return undefined;
        members += known;
        previous = '';
        i = close;
        continue;
      }
    }
    members += literal(character);
    previous = character;
  }
  const set = negated ? `[^/${members}]` : members === '' ? '(?!)' : `(?!/)[${members}]`;
  return { source: set, end: i };
}
