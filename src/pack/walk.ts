/**
 * Finds what is to be packed: walks trees in a fixed order and describes each member. Main thread.
 *
 * Order: roots as given, each directory before what it holds, names within a directory by their bytes.
 * It does not depend on how the file system lists names, so equal trees give equal archives.
 */
import { accessSync, constants, readdirSync, readlinkSync } from 'node:fs';
import { errnoOf, ioError, systemReason, ZnipError } from '../errors.ts';
import { compareBytes, toFsPath, toText, type ByteString } from '../format/byte-string.ts';
import { MAX_PATH_LENGTH } from '../format/constants.ts';
import { KIND } from '../format/entry.ts';
import { type FileIdentity, type FileStat, lstat, stat } from '../posix/stat.ts';
import type { SourceMember } from './chunk-plan.ts';
import type { Metadata } from './metadata.ts';
import type { Root } from './root.ts';
import type { DirectoryRules, WalkFilter } from './walk-filter.ts';
import type { Warning } from './warning.ts';

export interface WalkOptions {
  /** What to record about a member. */
  metadata: (stats: FileStat, kind: number) => Metadata;
  /** Files that must not be packed, by device and inode: the archive itself. */
  avoid: readonly FileIdentity[];
  /** What to leave out. */
  filter: WalkFilter | undefined;
  /** Pack what symlinks point to in their place. */
  dereference: boolean;
  /** Do not enter directories that are on another file system than the path that was named. */
  oneFileSystem: boolean;
  onWarning: (warning: Warning) => void;
}

interface Level {
  /** Member path of the directory with a trailing slash; '' for a root without a name. */
  base: ByteString;
  names: ByteString[];
  next: number;
  /** What the filter says about its names; undefined without a filter, and for a name that was given. */
  rules: DirectoryRules | undefined;
  /** Which directory it is; undefined where that does not matter. */
  identity: FileIdentity | undefined;
}

/** Names of a directory as byte strings, in byte order. */
function readNames(directory: ByteString): ByteString[] {
  return readdirSync(toFsPath(directory), { encoding: 'latin1' }).sort(compareBytes);
}

/**
 * Yields every member below the roots, each name once. Throws `source-unreadable` when a root that is
 * required does not exist; what goes wrong below a root is a warning.
 */
export function* walk(roots: Iterable<Root>, options: WalkOptions): Generator<SourceMember, void, undefined> {
  const { filter, dereference, oneFileSystem, metadata } = options;
  const statSource = dereference ? stat : lstat;
  // One root has every name once. By name: the root that it came from.
  const seen = Array.isArray(roots) && roots.length === 1 ? undefined : new Map<ByteString, Root>();
  const hardLinks = new Map<string, ByteString>();

  for (const root of roots) {
    const { prefix, path: rootPath } = root;
    const warn = (path: ByteString, reason: string, failed: boolean): void => {
      options.onWarning({ path: toText(`${prefix}${path}`), reason, failed });
    };
    const levels: Level[] = [];
    let device: bigint | undefined;
    const enter = (
      path: ByteString,
      name: ByteString,
      above: DirectoryRules | undefined,
      identity: FileIdentity | undefined,
    ): void => {
      const source = path === '' ? prefix : `${prefix}${path}`;
      try {
        const names = readNames(source);
        const rules = filter?.enter(source, name, names, above);
        levels.push({ base: path === '' ? '' : `${path}/`, names, next: 0, rules, identity });
      } catch (error) {
        warn(path, `cannot read the directory: ${systemReason(error)}`, true);
      }
    };

    if (rootPath === '') {
      const identity = statDirectory(prefix);
      device = identity.dev;
      if (root.recurse) enter('', '', undefined, dereference ? identity : undefined);
    } else {
      levels.push({ base: '', names: [rootPath], next: 0, rules: undefined, identity: undefined });
      if (root.required) requireRoot(`${prefix}${rootPath}`);
    }

    for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
      const name = level.names[level.next++];
      if (name === undefined) {
        levels.pop();
        continue;
      }
      const path = `${level.base}${name}`;
      if (path.length > MAX_PATH_LENGTH) {
        warn(path, `its name is longer than ${MAX_PATH_LENGTH} bytes`, true);
        continue;
      }
      const earlier = seen?.get(path);
      // All that this name stands for has been packed already.
      if (earlier !== undefined && earlier.prefix === prefix && (earlier.recurse || !root.recurse)) continue;
      const source = `${prefix}${path}`;
      const { rules } = level;
      let stats: FileStat;
      try {
        stats = statSource(source);
      } catch (error) {
        if (filter?.drops(rules, name, path, false) === true) continue;
        warn(path, dereference ? linkReason(source, error) : systemReason(error), true);
        continue;
      }
      const directory = stats.isDirectory();
      if (filter?.drops(rules, name, path, directory) === true) continue;
      if (
        dereference &&
        directory &&
        levels.some(({ identity }) => identity !== undefined && isSameFile(identity, stats))
      ) {
        warn(path, 'left out: the link leads back to a directory that it is in', true);
        continue;
      }
      if (earlier !== undefined) {
        if (directory && statIsDirectory(`${earlier.prefix}${path}`, statSource)) {
          // Packed already, but not all that is in this one.
          if (!root.recurse) continue;
          seen?.set(path, root);
          enter(path, name, rules, dereference ? stats : undefined);
        } else if (earlier.prefix !== prefix && !isSame(`${earlier.prefix}${path}`, stats, statSource)) {
          warn(
            path,
            `left out: '${toText(`${earlier.prefix}${path}`)}' has the same name in the archive`,
            true,
          );
        }
        continue;
      }
      seen?.set(path, root);
      const kind = directory
        ? KIND.directory
        : stats.isSymbolicLink()
          ? KIND.symlink
          : stats.isFile()
            ? KIND.file
            : undefined;
      if (kind === undefined) {
        warn(path, `${kindName(stats)} skipped: an archive holds files, directories and links`, false);
        continue;
      }
      const recorded = metadata(stats, kind);
      const member: SourceMember = {
        prefix,
        path,
        kind,
        mode: recorded.mode,
        mtime: recorded.mtime,
        sourceMtime: recorded.sourceMtime,
        size: 0,
        linkTarget: '',
        uid: recorded.uid,
        gid: recorded.gid,
        follow: dereference,
        linked: false,
      };
      if (kind === KIND.directory) {
        device ??= stats.dev;
        yield member;
        if (root.recurse && (!oneFileSystem || stats.dev === device)) {
          enter(path, name, rules, dereference ? stats : undefined);
        }
      } else if (kind === KIND.symlink) {
        try {
          member.linkTarget = readlinkSync(toFsPath(source), { encoding: 'latin1' });
        } catch (error) {
          warn(path, systemReason(error), true);
          continue;
        }
        yield member;
      } else {
        if (options.avoid.some((file) => isSameFile(file, stats))) {
          warn(path, 'it is the archive itself, left out', false);
          continue;
        }
        let first: ByteString | undefined;
        if (stats.nlink > 1) {
          // Later names will point to this one: be sure that it gets into the archive.
          try {
            accessSync(toFsPath(source), constants.R_OK);
          } catch (error) {
            warn(path, systemReason(error), true);
            continue;
          }
          first = registerHardLink(hardLinks, stats, path);
        }
        if (first !== undefined) {
          member.kind = KIND.hardlink;
          member.linkTarget = first;
        } else {
          member.size = stats.size;
          member.linked = stats.nlink > 1;
        }
        yield member;
      }
    }
  }
}

type Stat = (path: ByteString) => FileStat;

function isSameFile(a: FileIdentity, b: FileIdentity): boolean {
  return a.ino === b.ino && a.dev === b.dev;
}

function isSame(source: ByteString, stats: FileStat, statSource: Stat): boolean {
  try {
    return isSameFile(statSource(source), stats);
  } catch {
    return false;
  }
}

function statIsDirectory(source: ByteString, statSource: Stat): boolean {
  try {
    return statSource(source).isDirectory();
  } catch {
    return false;
  }
}

/** Why a name could not be followed to a file: it is gone, or a link to nothing, or to itself. */
function linkReason(source: ByteString, error: unknown): string {
  try {
    if (!lstat(source).isSymbolicLink()) return systemReason(error);
  } catch {
    return systemReason(error);
  }
  const reason = errnoOf(error) === 'ELOOP' ? 'it leads back to itself' : systemReason(error);
  return `the link cannot be followed: ${reason}`;
}

/** Path of the first member with this inode; undefined, and remembered, when this is the first. */
function registerHardLink(
  hardLinks: Map<string, ByteString>,
  stats: FileIdentity,
  path: ByteString,
): ByteString | undefined {
  const inode = `${stats.dev}:${stats.ino}`;
  const first = hardLinks.get(inode);
  if (first === undefined) hardLinks.set(inode, path);
  return first;
}

function kindName(stats: FileStat): string {
  if (stats.isSocket()) return 'socket';
  if (stats.isFIFO()) return 'FIFO';
  return 'device';
}

function requireRoot(source: ByteString): void {
  try {
    lstat(source);
  } catch (error) {
    throw sourceError(source, error);
  }
}

function statDirectory(source: ByteString): FileStat {
  let stats: FileStat;
  try {
    stats = stat(source);
  } catch (error) {
    throw sourceError(source, error);
  }
  if (stats.isDirectory()) return stats;
  throw new ZnipError('source-unreadable', `'${toText(source)}' is not a directory`, {
    path: toText(source),
  });
}

function sourceError(source: ByteString, error: unknown): ZnipError {
  const { message, context } = ioError('pack', toText(source), error);
  return new ZnipError('source-unreadable', message, context, error);
}
