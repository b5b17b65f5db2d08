/**
 * Puts one verified content under a name. Runs on a worker, or on the main thread when there are none.
 */
import { closeSync, constants, fchmodSync, fchownSync } from 'node:fs';
import { errnoOf, ioError, ZnipError } from '../errors.ts';
import type { ByteString } from '../format/byte-string.ts';
import { setFileTime } from '../posix/times.ts';
import { writeFully } from '../posix/write.ts';
import { mayReplace, removeIfAny, replaceFile, temporaryName } from './file-names.ts';
import type { TargetTree } from './target-tree.ts';
import type { ExistingPolicy, WriteSettings } from './write-settings.ts';

/** A numeric owner and group as an archive records them. */
export interface Owner {
  uid: number;
  gid: number;
}

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

/** Sets owner, mode and time of a file that has all its content. */
export function finishFile(
  fd: number,
  { mode, mtime, owner }: FileAttributes,
  settings: WriteSettings,
): void {
  // The owner first: chown(2) takes set-user-id away.
  if (owner !== null) fchownSync(fd, owner.uid, owner.gid);
  const wanted = permissionBits(mode, owner);
  // open(2) has set the permission bits, less those of the umask, and none of the others.
  if ((wanted & settings.umask) !== 0 || (wanted & ~0o777) !== 0) fchmodSync(fd, wanted);
  if (settings.mtime) setFileTime(fd, mtime);
}

/**
 * Writes `content` as the file `path` (below the target). Returns false when something stands there and
 * the policy is not to replace it. A file that could not be written whole is removed again.
 */
export function writeFile(
  path: ByteString,
  content: Uint8Array,
  attributes: FileAttributes,
  tree: TargetTree,
  existing: ExistingPolicy,
): boolean {
  if (createFile(path, content, attributes, tree)) return true;
  if (!mayReplace(path, attributes.mtime, tree, existing)) return false;
  const temporary = temporaryName(path);
  if (!createFile(temporary, content, attributes, tree)) {
    throw new ZnipError(
      'io',
      `cannot write '${tree.text(path)}': something else takes temporary names beside it`,
    );
  }
  return replaceFile(temporary, path, tree, existing);
}

function createFile(
  path: ByteString,
  content: Uint8Array,
  attributes: FileAttributes,
  tree: TargetTree,
): boolean {
  let fd: number;
  try {
    fd = tree.open(path, CREATE_FLAGS, attributes.mode & 0o777);
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false;
    throw ioError('create', tree.text(path), error);
  }
  try {
    try {
      if (content.byteLength > 0) writeFully(fd, content);
      finishFile(fd, attributes, tree.settings);
    } finally {
      // Network file systems may tell only now that the disk is full.
      closeSync(fd);
    }
  } catch (error) {
    removeIfAny(path, tree);
    throw ioError('write', tree.text(path), error);
  }
  return true;
}
