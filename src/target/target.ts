/**
 * The directory that a run unpacks into: how things are written there, and what comes last.
 */
import { closeSync, realpathSync } from 'node:fs';
import { resolve } from 'node:path';
import { errnoOf, ioError, toZnipError, ZnipError } from '../errors.ts';
import { fromText, type ByteString } from '../format/values/byte-string.ts';
import { holdDirectory } from '../posix/held-directories.ts';
import { makeDirectories } from '../posix/make-directories.ts';
import type { KeepGoingOptions } from '../rules/lost.ts';
import type { Directories, OnBlocked } from './directories.ts';
import { createHardLink, createSymlink, type LinkedFiles, type HardLink, type Link } from './links.ts';
import { isRefusal, type OnLost } from './refusals.ts';
import { TargetTree } from './target-tree.ts';
import type { ExistingPolicy, WriteSettings } from './write-settings.ts';

export interface TargetOptions {
  /** Target directory; made when it does not exist. Default: the working directory. */
  directory?: string | undefined;
  /**
   * What happens to a file or link that is there already. `fail` (the default) leaves it, unpacks
   * everything else, and then throws `exists`; `keep` leaves it; `keep-newer` replaces it when the
   * archive's is newer; `overwrite` replaces it.
   */
  existing?: ExistingPolicy | undefined;
  /** Restore modification times. Default: true. */
  mtime?: boolean | undefined;
  /** Restore permission bits as they are, also those that the umask takes away. Default: for root, as tar has it. */
  preservePermissions?: boolean | undefined;
  /** Store runs of 64 KiB and more of zeros as holes, which take no room on disk. Default: true. */
  sparse?: boolean | undefined;
  /**
   * Called for what could not be done of a member: one that is left out because the file system refuses it, a mode,
   * owner or time that is not set; from a stream, also a hard link whose file was not written and has gone by.
   */
  onLost?: ((path: string, reason: string) => void) | undefined;
  /**
   * Restore numeric owners where the archive records them, and with them set-user-id, set-group-id and
   * sticky bits, which are never restored otherwise. For root only. Default: false.
   */
  sameOwner?: boolean | undefined;
}

/** The target as a byte string with a trailing slash, and held, made if need be. Links in it are the user's own. */
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

/** The target where nothing is to be written: as it is, or as it would be called. */
function nameTarget(directory: string): ByteString {
  try {
    return `${fromText(realpathSync(directory))}/`;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return `${fromText(resolve(directory))}/`;
    throw ioError('unpack into', directory, error);
  }
}

/** `dry`: nothing will be written, so that the target need not be there. To be closed with `closeTarget`. */
export function openTarget(
  {
    directory = '.',
    existing = 'fail',
    mtime = true,
    preservePermissions = process.geteuid?.() === 0,
    sparse = true,
    sameOwner = false,
    keepGoing = false,
  }: TargetOptions & KeepGoingOptions,
  dry = false,
): TargetTree {
  if (sameOwner && process.geteuid?.() !== 0) {
    throw new ZnipError('usage', 'owners can only be restored by root: run as root, or without --same-owner');
  }
  return new TargetTree({
    ...(dry ? { target: nameTarget(directory), root: undefined } : makeTarget(directory)),
    existing,
    umask: process.umask(),
    preservePermissions,
    sparse,
    mtime,
    sameOwner,
    keepGoing,
  });
}

/** Lets go of a target, when no worker can come to it any more. */
export function closeTarget(tree: TargetTree): void {
  tree.release();
  if (tree.settings.root !== undefined) closeSync(tree.settings.root);
}

interface TreeEnd {
  symlinks: Iterable<Link>;
  hardLinks: Iterable<HardLink>;
  madeDirectories: Directories;
  tree: TargetTree;
  /** Names that are taken, by what stays. */
  taken: { has: (path: ByteString) => boolean; add: (path: ByteString) => unknown };
  /** Hears of members whose directory cannot be there. */
  onBlocked: OnBlocked;
  onLost: OnLost;
  linked: LinkedFiles;
}

type LinksEnd = Omit<TreeEnd, 'symlinks' | 'hardLinks'>;

/** Links after every file, so that nothing was written through one; directory modes and times last of all. */
export function finishTree({ symlinks, hardLinks, ...end }: TreeEnd): void {
  const missing = new Set<ByteString>();
  for (const link of symlinks) {
    if (!createBelow(link.path, end, () => createSymlink(link, end.tree))) missing.add(link.path);
  }
  createHardLinks(hardLinks, end, missing);
  end.madeDirectories.finish(end);
}

/**
 * Creates hard links to what this run has written, so none to what was kept: their targets are there by now, but for
 * the symlinks that are `missing`, because something has their name or nothing can.
 */
export function createHardLinks(
  hardLinks: Iterable<HardLink>,
  end: LinksEnd,
  missing: ReadonlySet<ByteString> = new Set(),
): void {
  const { tree, linked } = end;
  const files = new TargetTree(tree.settings);
  try {
    for (const link of hardLinks) {
      const { path, symlink, target } = link;
      createBelow(path, end, () =>
        // It becomes what the missing one was to be.
        symlink !== undefined && missing.has(target)
          ? createSymlink({ ...symlink, path }, tree)
          : createHardLink(link, files, tree, linked),
      );
    }
  } finally {
    files.release();
  }
}

/** Creates a link in its directory, where that can be there; false when it is not. */
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
