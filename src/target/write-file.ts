/**
 * Writes one verified content under a name. Runs on a worker, or on the main thread if there are none.
 */
import { closeSync, constants, fchmodSync, fchownSync, fsyncSync, ftruncateSync } from 'node:fs';
import type { Owner } from '../archive/entries.ts';
import { errnoOf, ioError, systemReason, ZnipError } from '../errors.ts';
import type { ByteString } from '../format/values/byte-string.ts';
import { setFileTime } from '../posix/times.ts';
import { HOLE_LENGTH, writeFully, writeSparsely } from '../posix/write.ts';
import { mayReplace, removeIfAny, replaceFile, partName } from './file-names.ts';
import { attempt, isRefusal, reasons } from './refusals.ts';
import type { TargetTree } from './target-tree.ts';
import type { ExistingPolicy, WriteSettings } from './write-settings.ts';

/** What a file gets besides its content. */
export interface FileAttributes {
  mode: number;
  mtime: bigint;
  /** null if none is recorded, or none is to be restored. */
  owner: Owner | null;
}

/** Never follows a symlink and never replaces a file: the name must be new. */
export const CREATE_FLAGS =
  constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0);

/**
 * The permission bits to restore. Set-user-id and similar bits are restored only together with the owner that they were
 * meant for. On a file of the user who unpacks, they would give away that user's rights.
 */
export function permissionBits(mode: number, owner: Owner | null): number {
  return mode & (owner === null ? 0o777 : 0o7777);
}

/** The permission bits that a member gets: those in the archive minus the umask, unless the umask is to be ignored. */
export function wantedBits(mode: number, owner: Owner | null, settings: WriteSettings): number {
  const bits = permissionBits(mode, owner);
  return settings.preservePermissions ? bits : bits & ~settings.umask;
}

/**
 * Sets owner, mode and time of a file that has all its content and the permission bits `made`. Returns in words what
 * was refused; undefined if everything is set.
 */
export function finishFile(
  fd: number,
  { mode, mtime, owner }: FileAttributes,
  settings: WriteSettings,
  made: number | undefined,
): string | undefined {
  // The owner comes first, because chown(2) removes set-user-id.
  const owned = owner === null ? undefined : attempt('owner', () => fchownSync(fd, owner.uid, owner.gid));
  // Never sets set-user-id for another owner.
  const wanted = wantedBits(mode, owned === undefined ? owner : null, settings);
  const allowed = wanted === made ? undefined : attempt('mode', () => fchmodSync(fd, wanted));
  const timed = settings.mtime ? attempt('time', () => setFileTime(fd, mtime)) : undefined;
  return reasons(owned, allowed, timed);
}

/** The result for a file: `taken` if another file has its name and is kept; otherwise what was refused about it. */
export type WriteOutcome = 'written' | 'taken' | { written: boolean; reason: string };

/**
 * Writes `content` as the file `path` (below the target). If the policy is not to replace, an existing file is kept. If
 * the file cannot be written completely, it is removed again. Throws `io` if the disk fails.
 */
export function writeFile(
  path: ByteString,
  content: Uint8Array,
  attributes: FileAttributes,
  tree: TargetTree,
  existing: ExistingPolicy,
): WriteOutcome {
  if (!tree.settings.atomic || existing !== 'overwrite') {
    const outcome = createFile(path, content, attributes, tree);
    if (outcome !== 'taken' || !mayReplace(path, attributes.mtime, tree, existing)) return outcome;
  }
  const temporary = partName(path);
  const replacement = createFile(temporary, content, attributes, tree);
  if (replacement === 'taken') {
    throw new ZnipError(
      'io',
      `cannot write '${tree.text(path)}': something else takes temporary names beside it`,
    );
  }
  if (typeof replacement === 'object' && !replacement.written) return replacement;
  try {
    return replaceFile(temporary, path, tree, existing) ? replacement : 'taken';
  } catch (error) {
    if (!isRefusal(error)) throw error;
    return { written: false, reason: `left out: it cannot be replaced: ${systemReason(error)}` };
  }
}

function createFile(
  path: ByteString,
  content: Uint8Array,
  attributes: FileAttributes,
  tree: TargetTree,
): WriteOutcome {
  const { settings } = tree;
  let fd: number;
  try {
    fd = tree.open(path, CREATE_FLAGS, attributes.mode & 0o777);
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return 'taken';
    if (isRefusal(error)) {
      return { written: false, reason: `left out: it cannot be created: ${systemReason(error)}` };
    }
    throw ioError('create', tree.text(path), error);
  }
  try {
    try {
      writeContent(fd, content, settings);
      // open(2) has set the permission bits minus the umask, and no other bits.
      const reason = finishFile(fd, attributes, settings, attributes.mode & 0o777 & ~settings.umask);
      if (settings.fsync) fsyncSync(fd);
      return reason === undefined ? 'written' : { written: true, reason };
    } finally {
      // Some network file systems report a full disk only now.
      closeSync(fd);
    }
  } catch (error) {
    removeIfAny(path, tree);
    throw ioError('write', tree.text(path), error);
  }
}

/** Writes a whole content to a new file. Long runs of zeros become holes. */
function writeContent(fd: number, content: Uint8Array, { sparse }: WriteSettings): void {
  if (!sparse || content.byteLength < HOLE_LENGTH) {
    if (content.byteLength > 0) writeFully(fd, content);
  } else if (writeSparsely(fd, content, 0)) ftruncateSync(fd, content.byteLength);
}
