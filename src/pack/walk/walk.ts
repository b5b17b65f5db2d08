/**
 * Finds what is to be packed: walks trees in a fixed order and describes each member. Main thread.
 *
 * Order: roots as given, each directory before what it holds, names within a directory by their bytes.
 * It does not depend on how the file system lists names, so equal trees give equal archives.
 */
import { accessSync, constants } from 'node:fs';
import { errnoOf, isExhaustion, systemReason } from '../../errors.ts';
import { toFsPath, toText, type ByteString } from '../../format/values/byte-string.ts';
import { MAX_PATH_LENGTH } from '../../format/values/constants.ts';
import { KIND } from '../../format/values/entry.ts';
import { isOwnOutput, type OwnOutput } from '../../io/own-output.ts';
import { isTemporaryName } from '../../io/temporary-name.ts';
import { attributesAt } from '../../posix/attributes.ts';
import { type FileIdentity, type FileStat, isSameFile, lstat, stat } from '../../posix/stat.ts';
import type { OnAttributes } from './attribute-notes.ts';
import type { Metadata } from './metadata.ts';
import {
  baseOf,
  isOwnRoot,
  type MadeFile,
  onlyItself,
  requireDirectory,
  requireRoot,
  type Root,
} from './root.ts';
import { childDirectory, SourceDirectories, type SourceDirectory } from './source-directories.ts';
import { kindOf, whyLeftOut } from './source-kind.ts';
import type { SourceMember } from './source-member.ts';
import type { SpecialContents } from './special-contents.ts';
import type { DirectoryRules, WalkFilter } from './walk-filter.ts';
import type { Warning } from './warning.ts';

export interface WalkOptions {
  /** What to record about a member. */
  metadata: (stats: Pick<FileStat, 'mode' | 'mtime' | 'uid' | 'gid'>, kind: number) => Metadata;
  /** The archive itself, which must not be packed. */
  own: OwnOutput;
  /** What to leave out. */
  filter: WalkFilter | undefined;
  /** Pack what symlinks point to in their place. */
  dereference: boolean;
  /** Do not enter directories that are on another file system than the path that was named. */
  oneFileSystem: boolean;
  /** What was read of named things that are no files; undefined when they are left out. */
  special?: Pick<SpecialContents, 'get'> | undefined;
  onWarning: (warning: Warning) => void;
  onAttributes?: OnAttributes | undefined;
}

const OUT_OF_TIME =
  'its modification time is recorded as the nearest that an archive can hold: from 1677-09-21 to 2262-04-11';

const NAME_TAKEN = 'left out: a member that comes before it has the same name in the archive';

interface Level {
  /** Member path of the directory with a trailing slash; '' for a root without a name. */
  base: ByteString;
  names: ByteString[];
  next: number;
  /** What the filter says about its names; undefined without a filter, and for a name that was given. */
  rules: DirectoryRules | undefined;
  /** Where its names are. */
  directory: SourceDirectory;
  /** It holds the names by itself: it was walked into, or named as a whole. */
  listed: boolean;
}

/**
 * Yields every member below the roots, each name once. Throws `source-unreadable` when a root that is
 * required does not exist; what goes wrong below a root is a warning.
 */
export function* walk(roots: Iterable<Root>, options: WalkOptions): Generator<SourceMember, void, undefined> {
  const directories = new SourceDirectories(options.dereference);
  try {
    yield* walkRoots(roots, options, directories);
  } finally {
    directories.close();
  }
}

function* walkRoots(
  roots: Iterable<Root>,
  options: WalkOptions,
  directories: SourceDirectories,
): Generator<SourceMember, void, undefined> {
  const { filter, dereference, oneFileSystem, metadata, own } = options;
  const statSource = dereference ? stat : lstat;
  // One root has every name once. By name: the root that it came from.
  const seen = Array.isArray(roots) && roots.length === 1 ? undefined : new Map<ByteString, Root>();
  const hardLinks = new Map<string, ByteString>();
  // With `pack *`, the archive that is replaced is one of many; by itself it is a mistake.
  if (Array.isArray(roots)) {
    for (const root of roots) requireRoot(root);
    const [first] = roots;
    if (first !== undefined && roots.every((root) => isOwnRoot(root, own))) throw onlyItself(first);
  }
  let itself: Root | undefined;
  let hasOthers = false;

  for (const root of roots) {
    if (!hasOthers && isOwnRoot(root, own)) itself ??= root;
    else hasOthers = true;
    const { prefix, path: rootPath } = root;
    const warn = (path: ByteString, reason: string, failed: boolean): void => {
      options.onWarning({ path: toText(`${prefix}${path}`), reason, failed });
    };
    if (root.made !== undefined) {
      if (seen?.has(rootPath) === true) warn(rootPath, NAME_TAKEN, true);
      else yield madeMember(root, root.made, metadata);
      seen?.set(rootPath, root);
      continue;
    }
    const levels: Level[] = [];
    let device: bigint | undefined;
    const enter = (
      path: ByteString,
      name: ByteString,
      above: DirectoryRules | undefined,
      directory: SourceDirectory,
    ): void => {
      try {
        directories.enter(directory);
        const names = directories.names();
        const rules = filter?.enter(directories.pathOf(''), name, names, above);
        levels.push({ base: path === '' ? '' : `${path}/`, names, next: 0, rules, directory, listed: true });
      } catch (error) {
        if (isExhaustion(error)) throw error;
        warn(path, `cannot read the directory: ${systemReason(error)}`, true);
      }
    };

    if (!Array.isArray(roots)) requireRoot(root);
    if (rootPath === '') {
      const base = requireDirectory(prefix, () => directories.openBase(prefix));
      device = base.identity.dev;
      if (root.recurse) enter('', '', undefined, base);
    } else {
      const base = baseOf(root);
      try {
        const directory = directories.openBase(base.path);
        levels.push({
          base: base.members,
          names: [base.name],
          next: 0,
          rules: undefined,
          directory,
          listed: false,
        });
      } catch (error) {
        if (isExhaustion(error)) throw error;
        if (filter?.drops(undefined, base.name, rootPath, false) !== true) {
          warn(rootPath, systemReason(error), true);
        }
      }
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
      if (earlier?.made !== undefined) {
        warn(path, NAME_TAKEN, true);
        continue;
      }
      // All that this name stands for has been packed already.
      if (earlier !== undefined && earlier.prefix === prefix && (earlier.recurse || !root.recurse)) continue;
      const { rules, directory: within } = level;
      let stats: FileStat;
      try {
        directories.enter(within);
        stats = directories.stat(name, dereference);
      } catch (error) {
        if (isExhaustion(error)) throw error;
        if (filter?.drops(rules, name, path, false) === true) continue;
        warn(path, dereference ? linkReason(directories, name, error) : systemReason(error), true);
        continue;
      }
      const directory = stats.isDirectory();
      if (filter?.drops(rules, name, path, directory) === true) continue;
      if (
        dereference &&
        directory &&
        levels.some((above) => above.listed && isSameFile(above.directory.identity, stats))
      ) {
        warn(path, 'left out: the link leads back to a directory that it is in', true);
        continue;
      }
      if (earlier !== undefined) {
        if (directory && statIsDirectory(`${earlier.prefix}${path}`, statSource)) {
          // Packed already, but not all that is in this one.
          if (!root.recurse) continue;
          seen?.set(path, root);
          enter(path, name, rules, childDirectory(within, name, stats));
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
      const content = level.listed ? undefined : options.special?.get(`${prefix}${path}`);
      const kind = kindOf(stats) ?? (content === undefined ? undefined : KIND.file);
      if (kind === undefined || typeof content === 'string') {
        warn(path, typeof content === 'string' ? content : whyLeftOut(stats, !level.listed), true);
        continue;
      }
      const recorded = metadata(stats, kind);
      if (recorded.sourceMtime === null && recorded.mtime !== stats.mtime) warn(path, OUT_OF_TIME, true);
      const member: SourceMember = {
        prefix,
        path,
        directory: within,
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
        options.onAttributes?.(attributesAt(directories.pathOf(name)), `${prefix}${path}`);
        yield member;
        if (root.recurse && (!oneFileSystem || stats.dev === device)) {
          enter(path, name, rules, childDirectory(within, name, stats));
        }
      } else if (kind === KIND.symlink) {
        try {
          member.linkTarget = directories.readLink(name);
        } catch (error) {
          warn(path, systemReason(error), true);
          continue;
        }
        yield member;
      } else if (content !== undefined) {
        yield { ...member, size: content.size, content };
      } else {
        if (isOwnOutput(own, stats, { directory: within.identity, name }, dereference)) {
          if (!level.listed) warn(path, 'left out: it is the archive that is written', false);
          continue;
        }
        if (level.listed && isTemporaryName(name)) {
          warn(
            path,
            'left out: an archive that is not complete, of a pack that was ended or still runs',
            false,
          );
          continue;
        }
        let first: ByteString | undefined;
        if (stats.nlink > 1) {
          // Later names will point to this one: be sure that it gets into the archive.
          try {
            accessSync(toFsPath(directories.pathOf(name)), constants.R_OK);
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
  if (itself !== undefined && !hasOthers) throw onlyItself(itself);
  for (const pattern of filter?.unmatched() ?? []) {
    options.onWarning({
      path: pattern,
      reason: '--include matched nothing; it does not bring back what is below a directory that is left out',
      failed: true,
    });
  }
}

function madeMember(
  { path }: Root,
  { content, mode, mtime }: MadeFile,
  metadata: WalkOptions['metadata'],
): SourceMember {
  const uid = process.getuid?.() ?? 0;
  const gid = process.getgid?.() ?? 0;
  return {
    ...metadata({ mode, mtime, uid, gid }, KIND.file),
    prefix: '',
    path,
    kind: KIND.file,
    size: content.size,
    linkTarget: '',
    follow: false,
    linked: false,
    content,
  };
}

type Stat = (path: ByteString) => FileStat;

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
function linkReason(directories: SourceDirectories, name: ByteString, error: unknown): string {
  try {
    if (!directories.stat(name, false).isSymbolicLink()) return systemReason(error);
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
