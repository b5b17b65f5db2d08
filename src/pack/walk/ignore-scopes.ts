/**
 * Finds the ignore files that apply in a directory: its own .gitignore, those of the directories above it up to the
 * repository's root, the repository's info/exclude, and the user's own (core.excludesFile). Main thread.
 */
import { existsSync, realpathSync, statSync } from 'node:fs';
import { errnoOf, systemReason } from '../../errors.ts';
import { type ByteString, toFsPath, toText } from '../../format/values/byte-string.ts';
import { parseGitIndex } from '../../select/git-index.ts';
import { decide, type GitignoreRules, parseGitignore } from '../../select/gitignore.ts';
import { excludesFile, gitVariables, hashLengthOf, readRegular } from './git-files.ts';
import type { Warning } from './warning.ts';

/** The rules of one ignore file, and the rules that apply if it says nothing. */
export interface IgnoreScope {
  rules: GitignoreRules;
  /** Length of the path of the directory that the rules are relative to, including its last slash. */
  length: number;
  above: IgnoreScope | undefined;
  /** For a repository's root: names that git tracks, which are never ignored. */
  tracked?: ReadonlySet<ByteString> | undefined;
}

/** Whether git tracks this path, or something in this directory. */
export function isTracked(scope: IgnoreScope | undefined, path: ByteString, directory: boolean): boolean {
  for (let at = scope; at !== undefined; at = at.above) {
    if (at.tracked !== undefined) return at.tracked.has(`${path.slice(at.length)}${directory ? '/' : ''}`);
  }
  return false;
}

/** Whether the ignore files name this path. The deepest file that says anything decides. */
export function isIgnored(scope: IgnoreScope | undefined, path: ByteString, directory: boolean): boolean {
  for (let at = scope; at !== undefined; at = at.above) {
    const decision = decide(at.rules, path.slice(at.length), directory);
    if (decision !== undefined) return decision;
  }
  return false;
}

/** Directories are identified by their real, absolute paths with a slash at the end. */
export class IgnoreScopes {
  private readonly onWarning: (warning: Warning) => void;
  private readonly keepTracked: boolean;
  /** The rules that apply in a directory, for directories above named ones. */
  private readonly known = new Map<ByteString, IgnoreScope | undefined>();

  constructor(onWarning: (warning: Warning) => void, keepTracked: boolean) {
    this.keepTracked = keepTracked;
    this.onWarning = onWarning;
  }

  realDirectory(source: ByteString): ByteString {
    // The native version, because the other one reads names as UTF-8.
    const real = realpathSync.native(toFsPath(source === '' ? '.' : source), { encoding: 'latin1' });
    return real === '/' ? real : `${real}/`;
  }

  /** What applies in a directory because of the directories above it; nothing if it is not in a repository. */
  scopeAbove(directory: ByteString): IgnoreScope | undefined {
    const above: ByteString[] = [];
    for (let at = directory; !isRepository(at); at = parentOf(at)) {
      if (at === '/') return undefined;
      above.push(parentOf(at));
    }
    let scope: IgnoreScope | undefined;
    for (const parent of above.reverse()) {
      if (!this.known.has(parent))
        this.known.set(parent, this.scopeIn(parent, ['.git', '.gitignore'], scope));
      scope = this.known.get(parent);
    }
    return scope;
  }

  /**
   * The rules that apply in a directory with these names; `above` applies in its parent. `source` comes before a name
   * in it, for the file system: the directory may be held open.
   */
  scopeIn(
    directory: ByteString,
    names: readonly ByteString[],
    above: IgnoreScope | undefined,
    source = directory,
  ): IgnoreScope | undefined {
    let scope = above;
    const add = (file: ByteString, followed: boolean): void => {
      const shown = file.startsWith(source) ? `${directory}${file.slice(source.length)}` : file;
      const rules = parseGitignore(this.read(file, followed, shown));
      if (rules.length > 0) scope = { rules, length: directory.length, above: scope };
    };
    if (names.includes('.git') && isRepository(source)) {
      // A repository of its own: files outside it say nothing about it.
      scope = undefined;
      const common = commonDirectory(source);
      const variables = gitVariables(common);
      add(excludesFile(variables, directory), true);
      add(`${common}/info/exclude`, true);
      const tracked = this.keepTracked
        ? this.readIndex(source, directory, hashLengthOf(variables))
        : undefined;
      scope = { rules: [], length: directory.length, above: scope, tracked };
    }
    // git does not follow a .gitignore that is a symlink.
    if (names.includes('.gitignore')) add(`${source}.gitignore`, false);
    return scope;
  }

  /** What a repository tracks; undefined, with a warning, if that cannot be found out. */
  private readIndex(
    source: ByteString,
    directory: ByteString,
    hashLength: number,
  ): ReadonlySet<ByteString> | undefined {
    try {
      const tracked = parseGitIndex(readRegular(`${gitDirectory(source)}/index`, true), hashLength);
      if (tracked !== undefined) return tracked;
      const reason = 'its index is of a form that is not read here (split, sparse, or of another version)';
      this.onWarning({
        path: toText(directory),
        reason: `what git tracks is not known: ${reason}`,
        failed: true,
      });
    } catch (error) {
      // A repository without an index tracks nothing.
      if (errnoOf(error) === 'ENOENT') return undefined;
      const reason = `what git tracks is not known: ${systemReason(error)}`;
      this.onWarning({ path: toText(directory), reason, failed: true });
    }
    return undefined;
  }

  private read(file: ByteString, followed: boolean, shown: ByteString): ByteString {
    try {
      return readRegular(file, followed).toString('latin1');
    } catch (error) {
      const errno = errnoOf(error);
      if (errno === 'ENOENT' || errno === 'ENOTDIR' || errno === 'EISDIR') return '';
      const link = errno === 'ELOOP';
      const reason = link ? 'git does not follow it, it is a symbolic link' : systemReason(error);
      this.onWarning({ path: toText(shown), reason: `ignore rules not read: ${reason}`, failed: !link });
      return '';
    }
  }
}

function parentOf(directory: ByteString): ByteString {
  return directory.slice(0, directory.lastIndexOf('/', directory.length - 2) + 1);
}

function isRepository(directory: ByteString): boolean {
  try {
    const stats = statSync(toFsPath(`${directory}.git`), { throwIfNoEntry: false });
    return stats !== undefined && (stats.isFile() || existsSync(toFsPath(`${directory}.git/HEAD`)));
  } catch {
    return false;
  }
}

/** Where a work tree keeps its own files (gitrepository-layout(5)). */
function gitDirectory(directory: ByteString): ByteString {
  const git: ByteString = `${directory}.git`;
  const link = firstLine(git);
  return link?.startsWith('gitdir: ') === true ? resolveFrom(directory, link.slice('gitdir: '.length)) : git;
}

/** Where a repository keeps the files that its work trees share. */
function commonDirectory(directory: ByteString): ByteString {
  const git = gitDirectory(directory);
  const common = firstLine(`${git}/commondir`);
  return common === undefined ? git : resolveFrom(git, common);
}

function resolveFrom(base: ByteString, path: ByteString): ByteString {
  return path.startsWith('/') ? path : `${base}/${path}`;
}

function firstLine(file: ByteString): ByteString | undefined {
  try {
    return readRegular(file, true).toString('latin1').split('\n')[0]?.trimEnd();
  } catch {
    return undefined;
  }
}
