/**
 * Gives what has been written its name, by the policy for names that are taken. Any thread.
 *
 * Somebody else may write in the same directories meanwhile. So a name is taken without replacing what has it,
 * unless the policy is to replace: a check before would be out of date when the name is taken.
 */
import { linkSync, lstatSync, renameSync, rmdirSync, unlinkSync } from 'node:fs';
import { errnoOf, ioError, ZnipError } from '../errors.ts';
import type { ByteString } from '../format/values/byte-string.ts';
import { uniquePart } from '../posix/unique-name.ts';
import type { TargetTree } from './target-tree.ts';
import type { ExistingPolicy } from './write-settings.ts';

/** A name beside `path` that no member has. */
export function partName(path: ByteString): ByteString {
  const directory = path.slice(0, path.lastIndexOf('/') + 1);
  return `${directory}.znip-${uniquePart()}.part`;
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

/**
 * Gives the file that is open as `fd` its name: in place of what has it where the policy says so. Returns false when
 * the name is taken and what has it is kept. Its temporary name, beside it, is gone then as well.
 */
export function nameFile(
  { fd, temporary }: { fd: number; temporary: ByteString },
  { path, mtime }: { path: ByteString; mtime: bigint },
  tree: TargetTree,
  existing: ExistingPolicy = tree.settings.existing,
): boolean {
  try {
    if (nameNew(fd, temporary, path, tree)) return true;
  } catch (error) {
    removeIfAny(temporary, tree);
    throw error instanceof ZnipError ? error : ioError('name', tree.text(path), error);
  }
  if (mayReplace(path, mtime, tree, existing)) return replaceFile(temporary, path, tree, existing);
  removeIfAny(temporary, tree);
  return false;
}

/** Whether a file system has no hard links, or cannot have one more of this file. */
const NO_LINK: ReadonlySet<string | undefined> = new Set([
  'EPERM',
  'EMLINK',
  'ENOTSUP',
  'EOPNOTSUPP',
  'ENOSYS',
]);

/** Takes a name that nothing has; false when something has it. Throws Node.js's error. */
function nameNew(fd: number, temporary: ByteString, path: ByteString, tree: TargetTree): boolean {
  // By the descriptor: under the temporary name there may be something else by now.
  const linked = tree.linkOpen(fd, path);
  if (linked === 'taken') return false;
  if (linked === 'gone') throw goneError(path, tree);
  if (linked === 'done') {
    removeIfAny(temporary, tree);
    return true;
  }
  try {
    linkSync(tree.name(temporary), tree.name(path));
    removeIfAny(temporary, tree);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false;
    if (!NO_LINK.has(errnoOf(error))) throw error;
  }
  const renamed = tree.renameNew(temporary, path);
  if (renamed === 'gone') throw goneError(path, tree);
  if (renamed !== 'unsupported') return renamed === 'done';
  // What is left is to look first, as every program does on such file systems.
  if (nameExists(path, tree)) return false;
  renameSync(tree.name(temporary), tree.name(path));
  return true;
}

/** Whoever took the temporary name away can change everything that is written there. */
function goneError(path: ByteString, tree: TargetTree): ZnipError {
  const shown = tree.text(path);
  return new ZnipError(
    'io',
    `'${shown}' has no name any more before it got its own: something else changes the target`,
    {
      path: shown,
    },
  );
}

/**
 * Gives what has a temporary name its own, in place of what has it. Returns false when that is a directory that stays:
 * one that holds something, or any at all unless everything is to be replaced. The temporary name is gone in any case.
 */
export function replaceFile(
  temporary: ByteString,
  path: ByteString,
  tree: TargetTree,
  existing: ExistingPolicy = tree.settings.existing,
): boolean {
  try {
    if (renameOver(temporary, path, tree)) return true;
    if (existing === 'overwrite' && removeEmpty(path, tree) && renameOver(temporary, path, tree)) return true;
  } catch (error) {
    removeIfAny(temporary, tree);
    throw ioError('replace', tree.text(path), error);
  }
  removeIfAny(temporary, tree);
  return false;
}

/** False when a directory is in the way. Throws Node.js's error. */
function renameOver(temporary: ByteString, path: ByteString, tree: TargetTree): boolean {
  try {
    renameSync(tree.name(temporary), tree.name(path));
    return true;
  } catch (error) {
    if (errnoOf(error) !== 'EISDIR') throw error;
    return false;
  }
}

/** Removes a directory that holds nothing; false when it holds something. Throws Node.js's error. */
function removeEmpty(path: ByteString, tree: TargetTree): boolean {
  try {
    rmdirSync(tree.name(path));
    return true;
  } catch (error) {
    if (errnoOf(error) !== 'ENOTEMPTY' && errnoOf(error) !== 'EEXIST') throw error;
    return false;
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

/** Whether anything, a dangling link too, has this name. */
export function nameExists(path: ByteString, tree: TargetTree): boolean {
  try {
    return lstatSync(tree.name(path), { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    // Its directory is not there either.
    if (errnoOf(error) === 'ENOENT') return false;
    if (error instanceof ZnipError) throw error;
    throw ioError('look at', tree.text(path), error);
  }
}

/** Whether a directory, and no symlink to one, has this name. */
export function isDirectory(path: ByteString, tree: TargetTree): boolean {
  try {
    return lstatSync(tree.name(path), { throwIfNoEntry: false })?.isDirectory() === true;
  } catch (error) {
    throw ioError('look at', tree.text(path), error);
  }
}
