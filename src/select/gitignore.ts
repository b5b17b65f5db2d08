/**
 * What a `.gitignore` says about a name, as git decides it (gitignore(5); git's dir.c and wildmatch.c).
 *
 * Names and patterns are byte strings: git compares bytes, so `?` is one byte and patterns need not be UTF-8. A rule
 * says something about one path and nothing about what is below it: git never enters an ignored directory, and neither
 * does the walk. (The npm package `ignore` also asks about the parents of a path. It gives wrong answers if a deeper
 * .gitignore takes a directory back.)
 */
import type { ByteString } from '../format/values/byte-string.ts';
import { type Automaton, AutomatonBuilder } from './automaton.ts';
import { parseBracket } from './bracket.ts';

interface Rule {
  negated: boolean;
  directoryOnly: boolean;
  /** Compare only with the last component. */
  nameOnly: boolean;
  matches(name: ByteString): boolean;
}

/** The rules of one file, in its order. */
export type GitignoreRules = readonly Rule[];

/**
 * What the rules say about a path, relative to their own directory: true to ignore it, false to keep it, undefined if
 * no rule applies. The last matching rule decides.
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

/** Reads the rules from a file's content. */
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

/** Spaces at the end do not count, except one after a backslash. */
function trimTrailingSpaces(line: ByteString): ByteString {
  let end = line.length;
  while (end > 0 && line.charAt(end - 1) === ' ') end -= 1;
  if (end === line.length) return line;
  let backslashes = 0;
  while (line.charAt(end - 1 - backslashes) === '\\') backslashes += 1;
  // Of two backslashes, the first makes the second mean itself.
  return line.slice(0, end + (backslashes % 2));
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
  // git itself compares what is before the first special character, and gives the rest to wildmatch. So for wildmatch,
  // the `**` of `a**/b` is at the beginning.
  const prefix = pattern.slice(0, special);
  const rest = compileWildmatch(pattern.slice(special));
  return (name) => name.startsWith(prefix) && rest?.matches(name.slice(prefix.length)) === true;
}

/**
 * A pattern of git's wildmatch, with WM_PATHNAME, for byte strings. undefined for a pattern that matches nothing
 * because it ends in a backslash or within brackets.
 */
export function compileWildmatch(pattern: ByteString): Automaton | undefined {
  const builder = new AutomatonBuilder();
  for (let i = 0; i < pattern.length; i++) {
    const character = pattern.charAt(i);
    if (character === '\\') {
      i += 1;
      if (i === pattern.length) return undefined;
      builder.literal(pattern.charCodeAt(i));
    } else if (character === '?') builder.any();
    else if (character === '*') i = addStars(builder, pattern, i);
    else if (character === '[') {
      const bracket = parseBracket(pattern, i + 1);
      if (bracket === undefined) return undefined;
      builder.set(bracket.set);
      i = bracket.end;
    } else builder.literal(pattern.charCodeAt(i));
  }
  return builder.finish();
}

/**
 * The stars at `start`. Several stars that are a whole component match across components. Returns the last character
 * that was used.
 */
function addStars(builder: AutomatonBuilder, pattern: ByteString, start: number): number {
  let last = start;
  while (pattern.charAt(last + 1) === '*') last += 1;
  const end = last + 1;
  const crosses =
    last > start &&
    (start === 0 || pattern.charAt(start - 1) === '/') &&
    (end === pattern.length || pattern.startsWith('/', end) || pattern.startsWith('\\/', end));
  if (!crosses) builder.star();
  else if (!pattern.startsWith('/', end)) builder.everything();
  else {
    builder.directories();
    return end;
  }
  return last;
}
