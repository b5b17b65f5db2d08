/**
 * Sets what becomes known after a file was written in this run: the time of a symlink, and nanoseconds and owners that
 * come with the index. Main thread.
 *
 * The file under the name is first held open and checked, and then everything is set on the held file. Somebody else
 * may have put another file there, and that file must not get an owner or a mode that was meant for ours.
 */
import { chmodSync, chownSync, closeSync, constants, lchownSync } from 'node:fs';
import type { Owner } from '../archive/entries.ts';
import { errnoOf, ioError } from '../errors.ts';
import type { ByteString } from '../format/values/byte-string.ts';
import { KIND } from '../format/values/entry.ts';
import { nameOfOpen, O_PATH } from '../posix/held-directories.ts';
import { type FileStat, fstat, lstat } from '../posix/stat.ts';
import { setHeldTime, setLinkTime } from '../posix/times.ts';
import type { LinkedFiles } from './linked-files.ts';
import type { TargetTree } from './target-tree.ts';
import { wantedBits } from './write-file.ts';

/** What was written and must still be there. */
export interface WrittenMember {
  path: ByteString;
  kind: number;
  /** Size of a file, in bytes. */
  size: number;
  /** Whom the run has given it to; undefined if it stays with who unpacks. */
  uid?: number | undefined;
  /** The files to which the run has given more names, if this may be one of them. */
  linked?: LinkedFiles;
}

export interface Amendment {
  /** null: the time stays unchanged. */
  mtime: bigint | null;
  /** null: owner and mode stay unchanged. */
  owner: Owner | null;
  /** Used with an owner, for a file: set-user-id and similar bits are only for that owner. */
  mode: number;
}

/** Returns false and sets nothing if something else has the name by now. Throws `io`. */
export function amend(written: WrittenMember, amendment: Amendment, tree: TargetTree): boolean {
  try {
    return tree.isHeld ? amendHeld(written, amendment, tree) : amendByName(written, amendment, tree);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw ioError('set owner, mode and time of', tree.text(written.path), error);
  }
}

function amendHeld(written: WrittenMember, { mtime, owner, mode }: Amendment, tree: TargetTree): boolean {
  const fd = tree.open(written.path, O_PATH | (constants.O_NOFOLLOW ?? 0));
  try {
    if (!isWritten(fstat(fd), written)) return false;
    if (owner !== null) {
      chownSync(nameOfOpen(fd), owner.uid, owner.gid);
      if (written.kind === KIND.file) chmodSync(nameOfOpen(fd), wantedBits(mode, owner, tree.settings));
    }
    if (mtime !== null) setHeldTime(fd, mtime);
    return true;
  } finally {
    closeSync(fd);
  }
}

/** For systems where nothing can be held. */
function amendByName(written: WrittenMember, { mtime, owner, mode }: Amendment, tree: TargetTree): boolean {
  const { path, kind } = written;
  if (!isWritten(lstat(tree.fullName(path)), written)) return false;
  if (owner !== null) {
    lchownSync(tree.name(path), owner.uid, owner.gid);
    if (kind === KIND.file) chmodSync(tree.name(path), wantedBits(mode, owner, tree.settings));
  }
  if (mtime !== null) setLinkTime(tree.fullName(path), mtime);
  return true;
}

/** Whether this is what the run wrote, as far as one can see. A file with a name that others gave it never is. */
export function isWritten(stats: FileStat, { kind, size, uid, linked }: WrittenMember): boolean {
  if (stats.uid !== process.geteuid?.() && stats.uid !== uid) return false;
  if (kind === KIND.symlink) return stats.isSymbolicLink();
  const isOwn = stats.nlink === 1 || linked?.has(stats) === true;
  return stats.isFile() && isOwn && stats.size === size;
}
