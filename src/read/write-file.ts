/**
 * Puts one verified content under a name. Runs on a worker, or on the main thread when there are none.
 */
import { closeSync, constants, fchmodSync, fchownSync, lstatSync, renameSync, unlinkSync } from 'node:fs';
import { errnoOf, ioError, ZnipError } from '../errors.ts';
import { toText, type ByteString } from '../format/byte-string.ts';
import { setFileTime } from '../posix/times.ts';
import { uniquePart } from '../posix/unique-name.ts';
import { writeFully } from '../posix/write.ts';
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

/** A name beside `path` that no member has. */
export function temporaryName(path: ByteString): ByteString {
  const directory = path.slice(0, path.lastIndexOf('/') + 1);
  return `${directory}.znip-${uniquePart()}.part`;
}

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

/** Sets owner, mode and time of a file of this run that has its name already. Never through a symlink. */
export function restoreAttributes(path: ByteString, attributes: FileAttributes, tree: TargetTree): void {
  try {
    const fd = tree.open(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0));
    try {
      finishFile(fd, attributes, { ...tree.settings, umask: 0o777 });
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    throw ioError('set owner, mode and time of', tree.text(path), error);
  }
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
  createFile(temporary, content, attributes, tree);
  replaceFile(temporary, path, tree);
  return true;
}

/** Whether a member with this time replaces what stands under its name. */
export function mayReplace(
  path: ByteString,
  mtime: bigint,
  tree: TargetTree,
  existing: ExistingPolicy = tree.settings.existing,
): boolean {
  if (existing !== 'keep-newer') return existing === 'overwrite';
  const name = tree.name(path);
  try {
    const stats = lstatSync(name, { bigint: true, throwIfNoEntry: false });
    return stats === undefined || stats.mtimeNs < mtime;
  } catch (error) {
    throw ioError('look at', tree.text(path), error);
  }
}

/** Gives a finished temporary file its name, beside it, in place of a file or link that has it. */
export function replaceFile(temporary: ByteString, path: ByteString, tree: TargetTree): void {
  try {
    renameSync(tree.name(temporary), tree.name(path));
  } catch (error) {
    removeIfAny(temporary, tree);
    throw ioError('replace', tree.text(path), error);
  }
}

/** Removes what this run has made and cannot finish. */
export function removeIfAny(path: ByteString, tree: TargetTree): void {
  try {
    unlinkSync(tree.name(path));
  } catch {
    // It is gone, or the directory is no longer writable: nothing is left to do.
  }
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

/** Whether anything, a dangling link too, has this name. */
export function nameExists(path: ByteString, tree: TargetTree): boolean {
  const name = tree.name(path);
  try {
    return lstatSync(name, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    throw ioError('look at', tree.text(path), error);
  }
}

/** The error for names that were taken when the policy is `fail`. */
export function existsError(names: readonly ByteString[]): ZnipError {
  const first = toText(names[0] ?? '');
  const others = names.length > 1 ? ` and ${names.length - 1} more` : '';
  return new ZnipError(
    'exists',
    `'${first}'${others} already exist${names.length > 1 ? '' : 's'} and ${names.length > 1 ? 'were' : 'was'} left as ${
      names.length > 1 ? 'they are' : 'it is'
    }: use --overwrite to replace or --keep-old to keep what is there`,
    { path: first },
  );
}
