/**
 * Sets what is wrong about a file or symlink that has the right content already: its owner, mode, attributes and time. Main
 * thread.
 *
 * It is held open and recognised first: if something else has its name by now, nothing is set.
 */
import { chmodSync, chownSync, closeSync, constants, fchmodSync, lchownSync } from 'node:fs';
import type { Owner } from '../archive/entries.ts';
import { errnoOf, ioError } from '../errors.ts';
import type { ByteString } from '../format/values/byte-string.ts';
import { nameOfOpen, O_PATH } from '../posix/held-directories.ts';
import { type FileIdentity, fstat, isSameFile, lstat } from '../posix/stat.ts';
import { setHeldTime, setLinkTime } from '../posix/times.ts';
import { attempt, isRefusal, reasons } from './refusals.ts';
import type { TargetTree } from './target-tree.ts';
import { wantedBits } from './write-file.ts';
import { changeXattrs, type XattrChange } from './xattrs.ts';

export interface Mend {
  path: ByteString;
  /** What was found there. */
  found: FileIdentity;
  /** Permission bits as the archive has them; undefined if they stay. */
  mode: number | undefined;
  /** undefined if it stays. */
  mtime: bigint | undefined;
  /** null if it stays. */
  owner: Owner | null;
  /** undefined if they stay. */
  xattrs: XattrChange | undefined;
}

/** Returns in words what was refused. Throws `io`. */
export function mend(wanted: Mend, tree: TargetTree): string | undefined {
  try {
    return tree.isHeld ? mendHeld(wanted, tree) : mendByName(wanted, tree);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ELOOP') return GONE;
    const failure = ioError('set owner, mode and time of', tree.text(wanted.path), error);
    if (isRefusal(error)) return failure.message;
    throw failure;
  }
}

const GONE = 'not mended: something else has its name by now';

function mendHeld({ path, found, mode, mtime, owner, xattrs }: Mend, tree: TargetTree): string | undefined {
  const fd = tree.open(path, O_PATH | (constants.O_NOFOLLOW ?? 0));
  try {
    if (!isSameFile(fstat(fd), found)) return GONE;
    const name = nameOfOpen(fd);
    // The owner comes first, because chown(2) removes set-user-id, which is never set for another owner.
    const owned = owner === null ? undefined : attempt('owner', () => chownSync(name, owner.uid, owner.gid));
    const bits =
      mode === undefined ? undefined : wantedBits(mode, owned === undefined ? owner : null, tree.settings);
    const allowed = bits === undefined ? undefined : attempt('mode', () => chmodSync(name, bits));
    const attributed =
      xattrs === undefined ? undefined : changeXattrs(fd, xattrs, (bit) => chmodSync(name, bit));
    const timed = mtime === undefined ? undefined : attempt('time', () => setHeldTime(fd, mtime));
    return reasons(owned, allowed, attributed, timed);
  } finally {
    closeSync(fd);
  }
}

/** For systems where nothing can be held. */
function mendByName({ path, found, mode, mtime, owner, xattrs }: Mend, tree: TargetTree): string | undefined {
  if (!isSameFile(lstat(tree.fullName(path)), found)) return GONE;
  const name = tree.name(path);
  const owned = owner === null ? undefined : attempt('owner', () => lchownSync(name, owner.uid, owner.gid));
  const bits =
    mode === undefined ? undefined : wantedBits(mode, owned === undefined ? owner : null, tree.settings);
  const allowed = bits === undefined ? undefined : attempt('mode', () => chmodSync(name, bits));
  const attributed = xattrs === undefined ? undefined : changeByName(path, xattrs, tree);
  const timed =
    mtime === undefined ? undefined : attempt('time', () => setLinkTime(tree.fullName(path), mtime));
  return reasons(owned, allowed, attributed, timed);
}

function changeByName(path: ByteString, xattrs: XattrChange, tree: TargetTree): string | undefined {
  const fd = tree.open(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0));
  try {
    return changeXattrs(fd, xattrs, (mode) => fchmodSync(fd, mode));
  } finally {
    closeSync(fd);
  }
}
