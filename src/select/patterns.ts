/**
 * Which members a user means: names and patterns on the command line.
 *
 * Patterns are text, and they are compared with paths as text. A name that is not UTF-8 is matched as the text that
 * `ls` shows for it, with U+FFFD for the wrong bytes. Literal patterns are looked up, not compared one by one, so
 * thousands of names cost little.
 */
import { ZnipError } from '../errors.ts';
import { withoutLeadingSlashes, withoutTrailingSlashes } from '../format/values/member-path.ts';
import type { Automaton } from './automaton.ts';
import { ExcludeSet } from './exclude-set.ts';
import { compileGlob, isGlob } from './glob.ts';

/** Some patterns, compiled. */
export interface Selection {
  /** Whether any of the patterns matches this member. `path` is text, without a trailing slash. */
  matches(path: string): boolean;
  /** Patterns that have not matched anything so far, as the user gave them. */
  unmatched(): string[];
}

/**
 * Compiles member patterns. A pattern is a member's exact name, the name of a directory (with everything below it), or
 * a glob for whole paths with `*`, `?`, `[...]`, `**` and `{a,b}`. A glob without a `/` matches at any depth, as with
 * `-x`, unless it begins with `/` or `./`. A name that happens to hold such characters is also matched as a name. `./`,
 * a leading `/` and a trailing one do not count, because no member's name has them. `.` means everything.
 */
export function compileSelection(patterns: readonly string[]): Selection {
  const unused = new Set(patterns);
  const names = new Map<string, string[]>();
  const globs: { given: string; glob: Automaton }[] = [];
  /** Lengths of names: no part is cut out of a path if no pattern has its length. */
  const lengths = new Set<number>();
  for (const given of unused) {
    const name = memberName(given);
    const alike = names.get(name);
    if (alike === undefined) names.set(name, [given]);
    else alike.push(given);
    lengths.add(name.length);
    if (isGlob(name)) globs.push({ given, glob: compileGlob(isAnyDepth(given, name) ? `**/${name}` : name) });
  }
  const use = (given: readonly string[] | undefined): boolean => {
    if (given === undefined) return false;
    if (unused.size > 0) for (const pattern of given) unused.delete(pattern);
    return true;
  };
  return {
    matches(path) {
      let matched = use(names.get(''));
      // The path and every directory above it.
      for (let end = path.length; end > 0; end = path.lastIndexOf('/', end - 1)) {
        if (lengths.has(end) && use(names.get(path.slice(0, end)))) matched = true;
      }
      for (const { given, glob } of globs) {
        if (matched && !unused.has(given)) continue;
        if (!glob.matches(path)) continue;
        unused.delete(given);
        matched = true;
      }
      return matched;
    },
    unmatched: () => [...unused],
  };
}

/** As for excludes: a glob of one component matches at any depth, unless a leading slash ties it to the first. */
function isAnyDepth(given: string, name: string): boolean {
  return !name.includes('/') && !given.startsWith('/') && !given.startsWith('./');
}

/** A pattern, or the name of a member as a user types it, in the form of members' names: `./a/` becomes `a`. */
export function memberName(pattern: string): string {
  const name = withoutTrailingSlashes(withoutLeadingSlashes(pattern));
  return name === '.' ? '' : name;
}

/** Patterns of names to leave out, compiled. */
export interface Excludes {
  /** Whether a pattern matches this member itself. The caller handles what a directory holds. */
  matches(path: string, directory: boolean): boolean;
  /** Whether a pattern matches this member or a directory above it. */
  covers(path: string, directory: boolean): boolean;
}

/**
 * Compiles exclude patterns, as in tar. A pattern matches a whole path or any run of its last components
 * (`node_modules`, `*.log`, `build/tmp`). A leading `/` ties it to the first component. A trailing `/` restricts it to
 * directories. `*` and `?` do not match `/`; `**` does.
 */
export function compileExcludes(patterns: readonly string[]): Excludes {
  const anything = new ExcludeSet();
  const directories = new ExcludeSet();
  for (const pattern of patterns) {
    const anchored = pattern.startsWith('/') || pattern.startsWith('./');
    const name = withoutTrailingSlashes(withoutLeadingSlashes(pattern));
    if (name === '') throw new ZnipError('usage', `'${pattern}' is not a pattern: it names nothing`);
    (pattern.endsWith('/') ? directories : anything).add(name, anchored);
  }
  return {
    matches: (path, directory) => anything.matches(path) || (directory && directories.matches(path)),
    covers(path, directory) {
      if (anything.covers(path)) return true;
      const end = directory ? path.length : path.lastIndexOf('/');
      return end > 0 && directories.covers(path.slice(0, end));
    },
  };
}
