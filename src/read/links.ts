/**
 * Creates links. They come after every file, so that nothing in a run can be written through one.
 */
import { linkSync, lstatSync, symlinkSync } from 'node:fs';
import { errnoOf, ioError, ZnipError } from '../errors.ts';
import { toFsPath, toText, type ByteString } from '../format/byte-string.ts';
import { KIND } from '../format/entry.ts';
import { amend } from './amend.ts';
import { mayReplace, nameExists, removeIfAny, replaceFile, temporaryName } from './file-names.ts';
import type { HardLink, Link } from './member-tree.ts';
import type { TargetTree } from './target-tree.ts';

/** Runs `create`, for a name that must be new, by the policy for names that are taken. */
function place(
  path: ByteString,
  mtime: bigint,
  tree: TargetTree,
  create: (name: string | Buffer) => void,
): boolean {
  const name = tree.name(path);
  try {
    create(name);
    return true;
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw ioError('link', tree.text(path), error);
  }
  if (!mayReplace(path, mtime, tree)) return false;
  const temporary = temporaryName(path);
  try {
    create(tree.name(temporary));
  } catch (error) {
    throw ioError('link', tree.text(path), error);
  }
  const replaced = replaceFile(temporary, path, tree);
  // Where both names are of one file already, rename(2) does nothing and succeeds.
  removeIfAny(temporary, tree);
  return replaced;
}

/** Creates a symlink; false when its name is taken. Its target is kept as it is: nothing follows it. */
export function createSymlink(link: Link, tree: TargetTree): boolean {
  const { path, owner } = link;
  if (!place(path, link.mtime, tree, (name) => symlinkSync(toFsPath(link.target), name))) return false;
  const mtime = tree.settings.mtime ? link.mtime : null;
  const written = { path, kind: KIND.symlink, size: 0 };
  if ((owner !== null || mtime !== null) && !amend(written, { mtime, owner, mode: 0 }, tree)) {
    throw changed(path, tree);
  }
  return true;
}

/**
 * Creates a hard link to a file or symlink of this run; false when its name is taken. Two trees, because both names
 * must hold at once: one to reach the file, one to reach the link.
 */
export function createHardLink(link: HardLink, files: TargetTree, tree: TargetTree): boolean {
  const { path, target } = link;
  if (!nameExists(target, files)) throw changed(target, files);
  const stats = lstatSync(files.name(target));
  if (link.symlink === undefined ? !stats.isFile() : !stats.isSymbolicLink()) throw changed(target, files);
  return place(path, link.mtime, tree, (name) => linkSync(files.name(target), name));
}

function changed(path: ByteString, tree: TargetTree): ZnipError {
  return new ZnipError(
    'unsafe-link',
    `'${tree.text(path)}' is no longer what was written there: something else changes the target`,
    { member: toText(path) },
  );
}
