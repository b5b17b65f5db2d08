/**
 * The directory that a run unpacks into: how things are written there, and what comes last.
 */
import { closeSync, realpathSync } from 'node:fs';
import { resolve } from 'node:path';
import { errnoOf, ioError, ZnipError } from '../errors.ts';
import { fromText, type ByteString } from '../format/byte-string.ts';
import { holdDirectory } from '../posix/held-directories.ts';
import { makeDirectories } from '../posix/make-directories.ts';
import type { Directories } from './directories.ts';
import { createHardLink, createSymlink } from './links.ts';
import type { KeepGoingOptions } from './lost.ts';
import type { Link } from './member-tree.ts';
import { TargetTree } from './target-tree.ts';
import type { ExistingPolicy, WriteSettings } from './write-settings.ts';

/** Below this much content, starting threads takes longer than the work. */
export const INLINE_BYTES = 8 * 1024 * 1024;

export interface TargetOptions {
  /** Target directory; made when it does not exist. Default: the working directory. */
  directory?: string;
  /**
   * What happens to a file or link that is there already. `fail` (the default) leaves it, unpacks
   * everything else, and then throws `exists`; `keep` leaves it; `keep-newer` replaces it when the
   * archive's is newer; `overwrite` replaces it.
   */
  existing?: ExistingPolicy;
  /** Restore modification times. Default: true. */
  mtime?: boolean;
  /**
   * Restore numeric owners where the archive records them, and with them set-user-id, set-group-id and
   * sticky bits, which are never restored otherwise. For root only. Default: false.
   */
  sameOwner?: boolean;
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
  hardLinks: Iterable<Link>;
  madeDirectories: Directories;
  tree: TargetTree;
  onTaken: (path: ByteString) => void;
}

/** Links after every file, so that nothing was written through one; directory modes and times last of all. */
export function finishTree({ symlinks, hardLinks, madeDirectories, tree, onTaken }: TreeEnd): void {
  for (const link of symlinks) {
    madeDirectories.ensureParent(link.path);
    if (!createSymlink(link, tree)) onTaken(link.path);
  }
  const files = new TargetTree(tree.settings);
  try {
    for (const link of hardLinks) {
      madeDirectories.ensureParent(link.path);
      if (!createHardLink(link, files, tree)) onTaken(link.path);
    }
  } finally {
    files.release();
  }
  madeDirectories.finish();
}
