/**
 * Gives a written file its name, by the policy for existing names. Any thread.
 *
 * Somebody else may write in the same directories meanwhile. So a name is taken without replacing an existing file,
 * unless the policy is to replace. A check before would be out of date when the name is taken.
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
  return `${directory}${partPrefix()}.part`;
}

/** How a temporary name begins that nothing else has. */
export function partPrefix(): string {
  return `.znip-${uniquePart()}`;
}

/** Whether a member with this time replaces the file that has its name. */
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
 * Gives the file that is open as `fd` its name. Replaces an existing file if the policy says so. Returns false if the
 * name is taken and the existing file is kept. The temporary name, beside it, is then gone, too.
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

/** Whether a file system has no hard links, or allows no more of this file. */
const NO_LINK: ReadonlySet<string | undefined> = new Set([
  'EPERM',
  'EMLINK',
  'ENOTSUP',
  'EOPNOTSUPP',
  'ENOSYS',
]);

/** Takes an unused name; false if it is taken. Throws Node.js's error. */
function nameNew(fd: number, temporary: ByteString, path: ByteString, tree: TargetTree): boolean {
  // Uses the descriptor, because another file may have the temporary name by now.
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
  // The only way left is to check first, as every program does on such file systems.
  if (nameExists(path, tree)) return false;
  renameSync(tree.name(temporary), tree.name(path));
  return true;
}

/** A person who removed the temporary name can change everything that is written there. */
function goneError(path: ByteString, tree: TargetTree): ZnipError {
  const shown = tree.text(path);
  return new ZnipError(
    'io',
    `'${shown}' lost its temporary name before it got its own name: something else changes the target`,
    {
      path: shown,
    },
  );
}

/**
 * Gives a file with a temporary name its own name, and replaces an existing file. Returns false for an existing
 * directory that stays: one that is not empty, or any directory unless everything is to be replaced. The temporary name
 * is gone in any case.
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

/** False if a directory is in the way. Throws Node.js's error. */
function renameOver(temporary: ByteString, path: ByteString, tree: TargetTree): boolean {
  try {
    renameSync(tree.name(temporary), tree.name(path));
    return true;
  } catch (error) {
    if (errnoOf(error) !== 'EISDIR') throw error;
    return false;
  }
}

/** Removes an empty directory; false if it is not empty. */
function removeEmpty(path: ByteString, tree: TargetTree): boolean {
  try {
    rmdirSync(tree.name(path));
    return true;
  } catch (error) {
    if (errnoOf(error) !== 'ENOTEMPTY' && errnoOf(error) !== 'EEXIST') throw error;
    return false;
  }
}

/** Removes something that this run made and cannot finish. */
export function removeIfAny(path: ByteString, tree: TargetTree): void {
  try {
    unlinkSync(tree.name(path));
  } catch {
    // It is gone, or the directory is no longer writable. Nothing is left to do.
  }
}

/** Whether anything has this name, even a dangling link. */
export function nameExists(path: ByteString, tree: TargetTree): boolean {
  try {
    return lstatSync(tree.name(path), { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    // Its directory does not exist either.
    if (errnoOf(error) === 'ENOENT') return false;
    if (error instanceof ZnipError) throw error;
    throw ioError('look at', tree.text(path), error);
  }
}

/** Whether a directory has this name, and not a symlink to one. */
export function isDirectory(path: ByteString, tree: TargetTree): boolean {
  try {
    return lstatSync(tree.name(path), { throwIfNoEntry: false })?.isDirectory() === true;
  } catch (error) {
    throw ioError('look at', tree.text(path), error);
  }
}
