/**
 * What is removed from the target: names that the archive does not have, and what is in the way of a member.
 */
import { rmdirSync, unlinkSync } from 'node:fs';
import { errnoOf, systemReason } from '../../errors.ts';
import type { ByteString } from '../../format/values/byte-string.ts';
import { KIND } from '../../format/values/entry.ts';
import { type FileIdentity, type FileStat, isSameFile } from '../../posix/stat.ts';
import type { OnLost } from '../../target/refusals.ts';
import type { TargetTree } from '../../target/target-tree.ts';
import type { DiskDirectories, DiskDirectory } from './disk-directories.ts';

/** A name to remove. */
export interface Removal {
  path: ByteString;
  /** KIND.file for anything that is no directory and no symlink. */
  kind: number;
}

export interface RemovalOptions {
  disk: DiskDirectories;
  /** A file that stays: the archive itself. */
  avoid: FileIdentity | undefined;
  /** Called for what must stay, with the reason. */
  onStays: OnLost;
}

/**
 * Everything to remove so that `path` is gone, a directory behind what it holds. Leaves out, and tells, what must stay:
 * another file system that is mounted there, a directory that may not be read, the archive itself. `dev`: the file system
 * of its directory.
 */
export function removalsOf(
  path: ByteString,
  stats: FileStat,
  dev: bigint,
  { disk, avoid, onStays }: RemovalOptions,
): Removal[] {
  const removals: Removal[] = [];
  /** Returns whether all of it goes. Descends by a stack of its own: a path may have two thousand components. */
  const open: { path: ByteString; directory: DiskDirectory; row: number; isWhole: boolean }[] = [];
  const take = (name: ByteString, found: FileStat | undefined): boolean => {
    if (found === undefined) return true;
    if (avoid !== undefined && isSameFile(found, avoid)) {
      onStays(name, 'stays: it is the archive that is unpacked');
      return false;
    }
    if (!found.isDirectory()) {
      removals.push({ path: name, kind: found.isSymbolicLink() ? KIND.symlink : KIND.file });
      return true;
    }
    if (found.dev !== dev) {
      onStays(name, 'stays: another file system is mounted there');
      return false;
    }
    const directory = disk.at(name);
    if (typeof directory === 'string') {
      if (directory === 'unreadable') onStays(name, 'stays: the directory cannot be read');
      return directory !== 'unreadable';
    }
    open.push({ path: name, directory, row: 0, isWhole: true });
    return true;
  };
  if (!take(path, stats)) return removals;
  for (let level = open.at(-1); level !== undefined; level = open.at(-1)) {
    if (level.row < level.directory.listing.count) {
      const row = level.row++;
      const name = `${level.path}/${level.directory.listing.name(row)}`;
      if (!take(name, level.directory.statRow(row))) level.isWhole = false;
      continue;
    }
    open.pop();
    const above = open.at(-1);
    if (level.isWhole) removals.push({ path: level.path, kind: KIND.directory });
    else if (above !== undefined) above.isWhole = false;
  }
  return removals;
}

/**
 * Removes these names, in order. Returns how many are gone; `onStays` hears of the others. `open` is called before, with each: its
 * directory may have to be made writable.
 */
export function remove(
  removals: readonly Removal[],
  tree: TargetTree,
  onStays: OnLost,
  open?: (path: ByteString) => void,
): number {
  let count = 0;
  for (const { path, kind } of removals) {
    open?.(path);
    try {
      if (kind === KIND.directory) rmdirSync(tree.name(path));
      else unlinkSync(tree.name(path));
      count += 1;
    } catch (error) {
      // Somebody else removed it.
      if (errnoOf(error) === 'ENOENT') count += 1;
      else onStays(path, `not removed: ${systemReason(error)}`);
    }
  }
  // Directories of these names may be held, and are gone.
  tree.release();
  return count;
}
