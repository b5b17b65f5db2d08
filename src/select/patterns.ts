/**
 * Which members a user means: names and patterns on the command line.
 *
 * Patterns are text, and so are the paths that they are compared with: a name that is not UTF-8 matches by
 * the text that `ls` shows for it, with U+FFFD for what cannot be read. Literal patterns are looked up, not
 * compared one by one, so that thousands of names cost little.
 */
import { ZnipError } from '../errors.ts';
import { globToRegExp, isGlob } from './glob.ts';

/** Some patterns, compiled. */
export interface Selection {
  /** Whether any of the patterns means this member. `path` is text, without a trailing slash. */
  matches(path: string): boolean;
  /** Patterns that have not matched anything so far, as they were given. */
  unmatched(): string[];
}

/**
 * Compiles member patterns. A pattern is a member's exact name, the name of a directory (which means all
 * below it too), or a glob for whole paths with `*`, `?`, `[...]`, `**` and `{a,b}`. A name that happens
 * to hold such characters is matched as a name, too. `./`, a leading `/` and a trailing one do not count,
 * because no member's name has them; `.` means everything.
 */
export function compileSelection(patterns: readonly string[]): Selection {
  const unused = new Set(patterns);
  const names = new Map<string, string[]>();
  const globs: { given: string; expression: RegExp }[] = [];
  let longest = 0;
  for (const given of unused) {
    const name = memberName(given);
    names.set(name, [...(names.get(name) ?? []), given]);
    longest = Math.max(longest, name.length);
    if (isGlob(name)) globs.push({ given, expression: globToRegExp(name) });
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
        if (end <= longest && use(names.get(path.slice(0, end)))) matched = true;
      }
      for (const { given, expression } of globs) {
        if (matched && !unused.has(given)) continue;
        if (!expression.test(path)) continue;
        unused.delete(given);
        matched = true;
      }
      return matched;
    },
    unmatched: () => [...unused],
  };
}

/** A pattern in the form that member names have. */
function memberName(pattern: string): string {
  const name = pattern.replace(/^(?:\.?\/+)+/, '').replace(/\/+$/, '');
  return name === '.' ? '' : name;
}

/** Patterns of names to leave out, compiled. */
export interface Excludes {
  /** Whether a pattern means this member itself; what a directory holds is the caller's business. */
  matches(path: string, directory: boolean): boolean;
}

/**
 * Compiles exclude patterns, as tar has them: a pattern means a whole path or any run of its last
 * components (`node_modules`, `*.log`, `build/tmp`); a leading `/` ties it to the first component; a
 * trailing `/` restricts it to directories. `*` and `?` do not match `/`; `**` does.
 */
export function compileExcludes(patterns: readonly string[]): Excludes {
  const anything = new ExcludeSet();
  const directories = new ExcludeSet();
  for (const pattern of patterns) {
    const body = pattern.replace(/^(?:\.\/+)+/, '/').replace(/\/+$/, '');
    const anchored = body.startsWith('/');
    const name = body.replace(/^\/+/, '');
    if (name === '') throw new ZnipError('usage', `'${pattern}' is not a pattern: it names nothing`);
    (pattern.endsWith('/') ? directories : anything).add(name, anchored);
  }
  return {
    matches: (path, directory) => anything.matches(path) || (directory && directories.matches(path)),
  };
}

/** Exclude patterns sorted by what it takes to match them; most are names or endings of names. */
class ExcludeSet {
  /** Whole paths. */
  private readonly paths = new Set<string>();
  /** Last components. */
  private readonly names = new Set<string>();
  /** Ends of last components: `*.log`. */
  private readonly endings: string[] = [];
  /** Runs of last components with a slash before them: `/build/tmp`. */
  private readonly tails: string[] = [];
  private readonly nameGlobs: RegExp[] = [];
  private readonly pathGlobs: RegExp[] = [];

  add(pattern: string, anchored: boolean): void {
    const single = !pattern.includes('/');
    const glob = isGlob(pattern);
    if (!glob && anchored) this.paths.add(pattern);
    else if (!glob && single) this.names.add(pattern);
    else if (!glob) {
      this.paths.add(pattern);
      this.tails.push(`/${pattern}`);
    } else if (anchored) this.pathGlobs.push(globToRegExp(pattern));
    else if (!single)
      this.pathGlobs.push(globToRegExp(pattern.startsWith('**/') ? pattern : `**/${pattern}`));
    else if (/^\*[^*?[\]{}\\]+$/.test(pattern)) this.endings.push(pattern.slice(1));
    else this.nameGlobs.push(globToRegExp(pattern));
  }

  matches(path: string): boolean {
    if (this.paths.has(path)) return true;
    const name = path.slice(path.lastIndexOf('/') + 1);
    return (
      this.names.has(name) ||
      this.endings.some((ending) => name.endsWith(ending)) ||
      this.tails.some((tail) => path.endsWith(tail)) ||
      this.nameGlobs.some((glob) => glob.test(name)) ||
      this.pathGlobs.some((glob) => glob.test(path))
    );
  }
}
