/**
 * Puts one verified content under a name. Runs on a worker, or on the main thread when there are none.
 */
import { closeSync, constants, fchmodSync, fchownSync, ftruncateSync } from 'node:fs';
import type { Owner } from '../archive/entries.ts';
import { errnoOf, ioError, systemReason, ZnipError } from '../errors.ts';
import type { ByteString } from '../format/values/byte-string.ts';
import { setFileTime } from '../posix/times.ts';
import { HOLE_LENGTH, writeFully, writeSparsely } from '../posix/write.ts';
import { mayReplace, removeIfAny, replaceFile, partName } from './file-names.ts';
import { attempt, isRefusal, reasons } from './refusals.ts';
import type { TargetTree } from './target-tree.ts';
import type { ExistingPolicy, WriteSettings } from './write-settings.ts';

/** What a file gets beside its content. */
export interface FileAttributes {
  mode: number;
  mtime: bigint;
  /** null where none is recorded, or none is to be restored. */
  owner: Owner | null;
}

/** Never through a symlink, never over something: the name must be new. */
export const CREATE_FLAGS =
  constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0);

/**
 * The permission bits to restore. Set-user-id and its like only together with the owner that they were
 * meant for: on a file of whoever unpacks, they would hand out his rights.
 */
export function permissionBits(mode: number, owner: Owner | null): number {
  return mode & (owner === null ? 0o777 : 0o7777);
}

/** The permission bits that a member gets: those of the archive, less the umask unless it is to be passed over. */
export function wantedBits(mode: number, owner: Owner | null, settings: WriteSettings): number {
  const bits = permissionBits(mode, owner);
  return settings.preservePermissions ? bits : bits & ~settings.umask;
}

/**
 * Sets owner, mode and time of a file that has all its content and the permission bits `made`. Returns what of it was
 * refused, in words; undefined when all is set.
 */
export function finishFile(
  fd: number,
  { mode, mtime, owner }: FileAttributes,
  settings: WriteSettings,
  made: number | undefined,
): string | undefined {
  // The owner first: chown(2) takes set-user-id away.
  const owned = owner === null ? undefined : attempt('owner', () => fchownSync(fd, owner.uid, owner.gid));
  // Never set-user-id for whom it was not meant for.
  const wanted = wantedBits(mode, owned === undefined ? owner : null, settings);
  const allowed = wanted === made ? undefined : attempt('mode', () => fchmodSync(fd, wanted));
  const timed = settings.mtime ? attempt('time', () => setFileTime(fd, mtime)) : undefined;
  return reasons(owned, allowed, timed);
}

/** What came of a file: `taken` where something has its name and is kept; otherwise what was refused of it. */
export type WriteOutcome = 'written' | 'taken' | { written: boolean; reason: string };

/**
 * Writes `content` as the file `path` (below the target). Something that stands there is kept where the policy is not
 * to replace it. A file that could not be written whole is removed again. Throws `io` where the disk fails.
 */
export function writeFile(
  path: ByteString,
  content: Uint8Array,
  attributes: FileAttributes,
  tree: TargetTree,
  existing: ExistingPolicy,
): WriteOutcome {
  const outcome = createFile(path, content, attributes, tree);
  if (outcome !== 'taken' || !mayReplace(path, attributes.mtime, tree, existing)) return outcome;
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
      // open(2) has set the permission bits, less those of the umask, and none of the others.
      const reason = finishFile(fd, attributes, settings, attributes.mode & 0o777 & ~settings.umask);
      return reason === undefined ? 'written' : { written: true, reason };
    } finally {
      // Network file systems may tell only now that the disk is full.
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
