/**
 * What the walk leaves out: by exclude patterns, by .gitignore files, by cache tags. Main thread.
 *
 * A directory that is left out is never read. An include pattern wins over all of these for the names that it matches.
 * It cannot bring back what is below a directory that stays out.
 */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { type ByteString, toFsPath, toText } from '../../format/values/byte-string.ts';
import { type Excludes, compileExcludes } from '../../select/patterns.ts';
import { type IgnoreScope, IgnoreScopes, isIgnored, isTracked } from './ignore-scopes.ts';
import type { Warning } from './warning.ts';

export interface FilterOptions {
  /** Patterns of names to leave out, as in tar: see `znip pack --help`. */
  exclude?: readonly string[] | undefined;
  /** Patterns of names to pack even if something else leaves them out. */
  include?: readonly string[] | undefined;
  /** Leave out .git, and what .gitignore files and .git/info/exclude name. */
  gitignore?: boolean | undefined;
  /** With `gitignore`: pack what git tracks, even if a rule ignores it, as git does. */
  keepTracked?: boolean | undefined;
  /** Leave out the directories of version control systems. */
  excludeVcs?: boolean | undefined;
  /** Leave out what directories with a CACHEDIR.TAG hold, but not the tag (https://bford.info/cachedir/). */
  excludeCaches?: boolean | undefined;
}

/**
 * The directories that GNU tar's --exclude-vcs names. Other than in tar, .gitignore and other control files stay,
 * because they are sources. `.git` is a file in submodules and further work trees.
 */
const VCS = ['.git', '.hg/', '.svn/', '.bzr/', '.jj/', '_darcs/', 'CVS/', 'RCS/', 'SCCS/'];

const CACHE_TAG = 'CACHEDIR.TAG';
const CACHE_SIGNATURE = 'Signature: 8a477f597d28d172789f06886806bc55';

/** The rules for the names in one directory. */
export interface DirectoryRules {
  /** The directory's real path with a slash at its end; '' if no option needs it. */
  directory: ByteString;
  scope: IgnoreScope | undefined;
  /** Git ignores the directory itself, so only tracked files in it count. */
  ignored: boolean;
  cache: boolean;
}

/** The filter that the options ask for; undefined if they leave nothing out. */
export function compileFilter(
  options: FilterOptions,
  onWarning: (warning: Warning) => void,
): WalkFilter | undefined {
  const {
    exclude = [],
    include = [],
    excludeVcs = false,
    excludeCaches = false,
    gitignore = false,
  } = options;
  if (exclude.length + include.length === 0 && !excludeVcs && !excludeCaches && !gitignore) return undefined;
  return new WalkFilter(options, onWarning);
}

export class WalkFilter {
  private readonly excludes: Excludes | undefined;
  private readonly includes: Excludes | undefined;
  /** Include patterns that have not matched anything so far. */
  private readonly unused: Map<string, Excludes>;
  private readonly ignores: IgnoreScopes | undefined;
  private readonly caches: boolean;
  /** Whether a directory above a named path is left out, by its path. */
  private readonly above = new Map<ByteString, boolean>();

  constructor(options: FilterOptions, onWarning: (warning: Warning) => void) {
    const { exclude = [], include = [], excludeVcs = false } = options;
    const excludes = excludeVcs ? [...exclude, ...VCS] : exclude;
    this.excludes = excludes.length > 0 ? compileExcludes(excludes) : undefined;
    this.includes = include.length > 0 ? compileExcludes(include) : undefined;
    this.unused = new Map(include.map((pattern) => [pattern, compileExcludes([pattern])]));
    this.ignores =
      options.gitignore === true ? new IgnoreScopes(onWarning, options.keepTracked === true) : undefined;
    this.caches = options.excludeCaches === true;
  }

  /**
   * Whether to leave out a name that the walk found in a directory with these rules; without rules, the user named it.
   */
  drops(rules: DirectoryRules | undefined, name: ByteString, path: ByteString, directory: boolean): boolean {
    if (this.unused.size > 0) this.use(path, directory);
    if (rules === undefined) return this.dropsNamed(path, directory);
    const dropped =
      (rules.cache && name !== CACHE_TAG) ||
      (this.ignores !== undefined && (name === '.git' || ignores(rules, name, directory))) ||
      this.excludes?.matches(toText(path), directory) === true;
    return dropped && !this.includesName(path, directory);
  }

  /**
   * Whether to leave out a named path. Exclude patterns apply to the path and to every directory in it. Ignore files do
   * not apply: a path that the user names is wanted.
   */
  private dropsNamed(path: ByteString, directory: boolean): boolean {
    const { excludes } = this;
    if (excludes === undefined) return false;
    if (this.dropsAbove(path)) return true;
    return excludes.matches(toText(path), directory) && !this.includesName(path, directory);
  }

  private dropsAbove(path: ByteString): boolean {
    const slash = path.lastIndexOf('/');
    if (slash < 0) return false;
    const parent = path.slice(0, slash);
    let dropped = this.above.get(parent);
    if (dropped === undefined) {
      dropped = this.dropsNamed(parent, true);
      this.above.set(parent, dropped);
    }
    return dropped;
  }

  /** Include patterns that have matched none of the names so far. */
  unmatched(): string[] {
    return [...this.unused.keys()];
  }

  private use(path: ByteString, directory: boolean): void {
    const text = toText(path);
    for (const [pattern, compiled] of this.unused) {
      if (compiled.matches(text, directory)) this.unused.delete(pattern);
    }
  }

  private includesName(path: ByteString, directory: boolean): boolean {
    return this.includes?.matches(toText(path), directory) === true;
  }

  /**
   * The rules for what a directory holds. `source` comes before a name in it, for the file system. `name` is its last
   * component. `above` are the rules of its parent; a directory that the user named has none.
   */
  enter(
    source: ByteString,
    name: ByteString,
    names: readonly ByteString[],
    above: DirectoryRules | undefined,
  ): DirectoryRules {
    const cache = this.caches && names.includes(CACHE_TAG) && isCacheTag(`${source}${CACHE_TAG}`);
    const { ignores: scopes } = this;
    if (scopes === undefined) return { directory: '', scope: undefined, ignored: false, cache };
    const directory = above === undefined ? scopes.realDirectory(source) : `${above.directory}${name}/`;
    const outer = above === undefined ? scopes.scopeAbove(directory) : above.scope;
    // Entered only for the tracked files in it.
    const ignored =
      above !== undefined &&
      (above.ignored ||
        (isIgnored(above.scope, directory.slice(0, -1), true) &&
          isTracked(above.scope, directory.slice(0, -1), true)));
    return { directory, scope: scopes.scopeIn(directory, names, outer, source), ignored, cache };
  }
}

/** Whether git ignores a name in a directory with these rules. */
function ignores(rules: DirectoryRules, name: ByteString, directory: boolean): boolean {
  const { scope, ignored, directory: within } = rules;
  const path = `${within}${name}`;
  return (ignored || isIgnored(scope, path, directory)) && !isTracked(scope, path, directory);
}

function isCacheTag(source: ByteString): boolean {
  const start = Buffer.alloc(CACHE_SIGNATURE.length);
  try {
    const fd = openSync(toFsPath(source), constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
    try {
      if (!fstatSync(fd).isFile()) return false;
      readSync(fd, start, 0, start.byteLength, 0);
    } finally {
      closeSync(fd);
    }
  } catch {
    // A tag that cannot be read says nothing. A symlink is not a tag (https://bford.info/cachedir/).
    return false;
  }
  return start.toString('latin1') === CACHE_SIGNATURE;
}
