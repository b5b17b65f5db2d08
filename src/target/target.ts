/**
 * The directory that a run unpacks into: how files are written there, and what comes last.
 */
import { closeSync, realpathSync } from 'node:fs';
import { resolve } from 'node:path';
import { errnoOf, ioError, toZnipError, ZnipError } from '../errors.ts';
import { fromText, type ByteString } from '../format/values/byte-string.ts';
import { holdDirectory } from '../posix/held-directories.ts';
import { makeDirectories } from '../posix/make-directories.ts';
import { requireXattrs } from '../posix/xattrs.ts';
import type { KeepGoingOptions } from '../rules/lost.ts';
import { patternsOf, type XattrPatterns } from '../select/xattr-choice.ts';
import type { Directories, OnBlocked } from './directories.ts';
import type { LinkedFiles } from './linked-files.ts';
import { createHardLink, createSymlink, type HardLink, type Link } from './links.ts';
import { isRefusal, type OnLost } from './refusals.ts';
import { TargetTree } from './target-tree.ts';
import type { ExistingPolicy, WriteSettings } from './write-settings.ts';
import { type AttributedMember, restoreXattrs } from './xattrs.ts';

export interface TargetOptions {
  /** Target directory; made when it does not exist. Default: the working directory. */
  directory?: string | undefined;
  /**
   * What happens to a file or link that already exists. `fail` (the default) keeps it, unpacks everything else, and
   * then throws `exists`. `keep` keeps it. `keep-newer` replaces it if the archive's is newer. `overwrite` replaces it.
   */
  existing?: ExistingPolicy | undefined;
  /** Restore modification times. Default: true. */
  mtime?: boolean | undefined;
  /** Restore permission bits as they are, also those that the umask takes away. Default: for root, as tar has it. */
  preservePermissions?: boolean | undefined;
  /** Store runs of 64 KiB and more of zeros as holes, which take no room on disk. Default: true. */
  sparse?: boolean | undefined;
  /**
   * Called for what could not be done about a member: it is left out because the file system refuses it, or a mode,
   * owner or time is not set. From a stream, also for a hard link whose file was not written and has passed.
   */
  onLost?: ((path: string, reason: string) => void) | undefined;
  /**
   * Restore numeric owners if the archive records them, and with them set-user-id, set-group-id and sticky bits.
   * Without this option, these bits are never restored. For root only. Default: false.
   */
  sameOwner?: boolean | undefined;
  /**
   * Restore extended attributes (xattr(7)) and ACLs as far as they are recorded; with patterns, those that they name. What
   * only root may set, such as capabilities, takes `sameOwner`, too. Permission bits are then restored as they are. `false`:
   * do not even say that there are some. Needs the native core. Default: none is restored, and what is lost is told.
   */
  xattrs?: boolean | XattrPatterns | undefined;
  /** Wait until everything that was written is on the disk (fsync, POSIX). Default: false. */
  fsync?: boolean | undefined;
}

/**
 * The target as a byte string with a trailing slash; made if needed, and held. The user is responsible for links in it.
 */
function makeTarget(directory: string): Pick<WriteSettings, 'target' | 'root'> {
  try {
    makeDirectories(directory);
    const real = fromText(realpathSync(directory));
    return { target: real.endsWith('/') ? real : `${real}/`, root: holdDirectory(real) };
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') {
      throw new ZnipError(
        'io',
        `cannot unpack into '${directory}': it is not a directory`,
        { path: directory },
        error,
      );
    }
    throw ioError('unpack into', directory, error);
  }
}

/** The target if nothing will be written: its real name, or the name that it would have. */
function nameTarget(directory: string): ByteString {
  try {
    return `${fromText(realpathSync(directory))}/`;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return `${fromText(resolve(directory))}/`;
    throw ioError('unpack into', directory, error);
  }
}

/** `dry`: nothing will be written, so the target need not exist. `closeTarget` closes it. */
export function openTarget(
  {
    directory = '.',
    existing = 'fail',
    mtime = true,
    preservePermissions = process.geteuid?.() === 0,
    sparse = true,
    sameOwner = false,
    xattrs,
    fsync = false,
    keepGoing = false,
    atomic = false,
  }: TargetOptions & KeepGoingOptions & { atomic?: boolean },
  dry = false,
): TargetTree {
  if (sameOwner && process.geteuid?.() !== 0) {
    throw new ZnipError('usage', 'owners can only be restored by root: run as root, or without `sameOwner`');
  }
  return new TargetTree({
    ...(dry ? { target: nameTarget(directory), root: undefined } : makeTarget(directory)),
    existing,
    umask: process.umask(),
    // An access control list says what the permission bits are.
    preservePermissions: preservePermissions || patternsOf(xattrs) !== undefined,
    sparse,
    mtime,
    sameOwner,
    xattrs: xattrsOf(xattrs),
    atomic,
    fsync,
    keepGoing,
  });
}

/** Throws `codec-unavailable` if attributes are wanted and cannot be set. */
function xattrsOf(xattrs: TargetOptions['xattrs']): XattrPatterns | undefined {
  const patterns = patternsOf(xattrs);
  if (patterns !== undefined) requireXattrs();
  return patterns;
}

/** Closes a target, when no worker can reach it any more. */
export function closeTarget(tree: TargetTree): void {
  tree.release();
  if (tree.settings.root !== undefined) closeSync(tree.settings.root);
}

interface TreeEnd {
  symlinks: Iterable<Link>;
  hardLinks: Iterable<HardLink>;
  madeDirectories: Directories;
  tree: TargetTree;
  /** Names that are taken by files that stay. */
  taken: { has: (path: ByteString) => boolean; add: (path: ByteString) => unknown };
  /** Called for members whose directory cannot be there. */
  onBlocked: OnBlocked;
  onLost: OnLost;
  /** Called for members that are there, but not with all that is theirs. */
  onUnset: OnLost;
  /** The run has not written the member. */
  isLeft: (path: ByteString) => boolean;
  linked: LinkedFiles;
  /** What has extended attributes, by the name that it gets. Directories have their own. */
  attributed: ReadonlyMap<ByteString, AttributedMember>;
}

type LinksEnd = Omit<TreeEnd, 'symlinks' | 'hardLinks' | 'attributed' | 'isLeft' | 'onUnset'>;

type AttributesEnd = Pick<TreeEnd, 'attributed' | 'tree' | 'linked' | 'taken' | 'isLeft' | 'onUnset'>;

/** Links come after all files, so nothing was written through one. Directory modes and times come last. */
export function finishTree(end: TreeEnd): void {
  createLinks(end);
  finishXattrs(end);
  end.madeDirectories.finish(end);
}

/** Sets attributes of what was written and has its name; before directories get their modes. */
export function finishXattrs({ attributed, tree, linked, taken, isLeft, onUnset }: AttributesEnd): void {
  if (tree.settings.xattrs === undefined) return;
  restoreXattrs(attributed, tree, linked, (path) => taken.has(path) || isLeft(path), onUnset);
}

/** Creates symlinks, then hard links. */
export function createLinks({ symlinks, hardLinks, ...end }: TreeEnd): void {
  const missing = new Set<ByteString>();
  for (const link of symlinks) {
    if (!createBelow(link.path, end, () => createSymlink(link, end.tree))) missing.add(link.path);
  }
  createHardLinks(hardLinks, end, missing);
}

/**
 * Creates hard links to what this run has written, never to a kept file. Their targets exist by now, except the
 * symlinks in `missing`, whose name is taken or cannot exist.
 */
export function createHardLinks(
  hardLinks: Iterable<HardLink>,
  end: LinksEnd,
  missing: ReadonlySet<ByteString> = new Set(),
): void {
  const { tree, linked } = end;
  const files = new TargetTree(tree.settings);
  /** By the name of a missing symlink: the link that takes its place. */
  const heirs = new Map<ByteString, ByteString>();
  try {
    for (const link of hardLinks) {
      const { path, symlink } = link;
      const target = heirs.get(link.target) ?? link.target;
      if (symlink === undefined || !missing.has(target)) {
        createBelow(path, end, () => createHardLink({ ...link, target }, files, tree, linked));
      } else if (createBelow(path, end, () => createSymlink({ ...symlink, path }, tree))) {
        heirs.set(target, path);
      }
    }
  } finally {
    files.release();
  }
}

/** Creates a link in its directory, if that can exist; false if the link was not created. */
function createBelow(
  path: ByteString,
  { madeDirectories, taken, onBlocked, onLost }: LinksEnd,
  create: () => boolean,
): boolean {
  const block = madeDirectories.ensureParent(path);
  if (block !== undefined) {
    onBlocked(path, block);
    return false;
  }
  try {
    if (create()) return true;
    taken.add(path);
  } catch (error) {
    if (!isRefusal(error)) throw error;
    onLost(path, toZnipError(error).message);
  }
  return false;
}
