/**
 * Creates links. They come after every file, so that a run never writes through its own links.
 */
import { closeSync, constants, linkSync, symlinkSync } from 'node:fs';
import type { EntryRef, Owner } from '../archive/entries.ts';
import { errnoOf, ioError, ZnipError } from '../errors.ts';
import { toFsPath, toText, type ByteString } from '../format/values/byte-string.ts';
import { KIND } from '../format/values/entry.ts';
import { O_PATH } from '../posix/held-directories.ts';
import { type FileStat, fstat, lstat } from '../posix/stat.ts';
import { amend } from './amend.ts';
import { mayReplace, removeIfAny, replaceFile, partName } from './file-names.ts';
import type { LinkedFiles } from './linked-files.ts';
import type { TargetTree } from './target-tree.ts';

/** A symlink, or what all links have in common. */
export interface Link {
  path: ByteString;
  target: ByteString;
  mtime: bigint;
  /** For symlinks: their owner. Hard links have the owner of their file. */
  owner: Owner | null;
}

/** A second name of something that is written. `target` is the name that this has in the tree. */
export interface HardLink extends Link {
  /** The symlink that it is a name of; undefined for a file. */
  symlink: Link | undefined;
  /** The entry of the file that it is a name of, if there is an index. */
  file: EntryRef | undefined;
}

/** Runs `create`, which returns false if the name is taken. Then follows the policy for existing names. */
function place(
  path: ByteString,
  mtime: bigint,
  tree: TargetTree,
  create: (path: ByteString) => boolean,
): boolean {
  try {
    if (create(path)) return true;
    if (!mayReplace(path, mtime, tree)) return false;
    const temporary = partName(path);
    if (!create(temporary)) return false;
    const replaced = replaceFile(temporary, path, tree);
    // If both names already belong to one file, rename(2) does nothing and succeeds.
    removeIfAny(temporary, tree);
    return replaced;
  } catch (error) {
    throw error instanceof ZnipError ? error : ioError('link', tree.text(path), error);
  }
}

/** False if the call says that the name is taken. */
function isNew(create: () => void): boolean {
  try {
    create();
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/** Creates a symlink; false if its name is taken. Its target stays unchanged, because nothing follows it. */
export function createSymlink(link: Link, tree: TargetTree): boolean {
  const { path, owner } = link;
  const target = toFsPath(link.target);
  if (!place(path, link.mtime, tree, (name) => isNew(() => symlinkSync(target, tree.name(name)))))
    return false;
  const mtime = tree.settings.mtime ? link.mtime : null;
  const written = { path, kind: KIND.symlink, size: 0 };
  if ((owner !== null || mtime !== null) && !amend(written, { mtime, owner, mode: 0 }, tree)) {
    throw changed(path, tree);
  }
  return true;
}

/**
 * Creates a hard link to a file or symlink of this run; false if its name is taken. There are two trees because both
 * names must be valid at once: one to reach the file, one to reach the link.
 */
export function createHardLink(
  link: HardLink,
  files: TargetTree,
  tree: TargetTree,
  linked: LinkedFiles,
): boolean {
  const { path, target, mtime } = link;
  if (!files.isHeld) {
    requireOwn(lstatOf(target, files), link, files, linked);
    return place(path, mtime, tree, (name) => isNew(() => linkSync(files.name(target), tree.name(name))));
  }
  const fd = openItself(target, files);
  try {
    requireOwn(fstat(fd), link, files, linked);
    return place(path, mtime, tree, (name) => {
      const done = tree.linkOpen(fd, name);
      if (done === 'gone') throw changed(target, files);
      if (done !== 'unsupported') return done === 'done';
      return isNew(() => linkSync(files.name(target), tree.name(name)));
    });
  } finally {
    closeSync(fd);
  }
}

function openItself(path: ByteString, tree: TargetTree): number {
  try {
    return tree.open(path, O_PATH | (constants.O_NOFOLLOW ?? 0));
  } catch (error) {
    throw errnoOf(error) === 'ENOENT' ? changed(path, tree) : ioError('look at', tree.text(path), error);
  }
}

function lstatOf(path: ByteString, tree: TargetTree): FileStat {
  try {
    return lstat(tree.fullName(path));
  } catch (error) {
    throw errnoOf(error) === 'ENOENT' ? changed(path, tree) : ioError('look at', tree.text(path), error);
  }
}

/** Throws if something else has the name by now. A written file has one name, unless this run gave it more. */
function requireOwn(
  stats: FileStat,
  { target, symlink }: HardLink,
  tree: TargetTree,
  linked: LinkedFiles,
): void {
  const isKind = symlink === undefined ? stats.isFile() : stats.isSymbolicLink();
  if (!isKind || (stats.nlink !== 1 && !linked.has(stats))) throw changed(target, tree);
  linked.add(stats);
}

function changed(path: ByteString, tree: TargetTree): ZnipError {
  return new ZnipError(
    'unsafe-link',
    `'${tree.text(path)}' is no longer what was written there: something else changes the target`,
    { member: toText(path) },
  );
}
