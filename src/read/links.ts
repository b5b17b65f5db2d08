/**
 * Creates links. They come after every file, so that nothing in a run can be written through one.
 */
import { lchownSync, linkSync, lstatSync, symlinkSync } from 'node:fs';
import { errnoOf, ioError, ZnipError } from '../errors.ts';
import { toFsPath, toText, type ByteString } from '../format/byte-string.ts';
import type { Link } from './member-tree.ts';
import type { TargetTree } from './target-tree.ts';
import { mayReplace, nameExists, removeIfAny, replaceFile, temporaryName } from './write-file.ts';

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
  replaceFile(temporary, path, tree);
  // Where both names are of one file already, rename(2) does nothing and succeeds.
  removeIfAny(temporary, tree);
  return true;
}

/** Creates a symlink; false when its name is taken. Its target is kept as it is: nothing follows it. */
export function createSymlink(link: Link, tree: TargetTree): boolean {
  const { path, mtime, owner } = link;
  const created = place(path, mtime, tree, (name) => symlinkSync(toFsPath(link.target), name));
  if (created && owner !== null) {
    try {
      lchownSync(tree.name(path), owner.uid, owner.gid);
    } catch (error) {
      throw ioError('set the owner of', tree.text(path), error);
    }
  }
  if (created && tree.settings.mtime) {
    try {
      tree.setTime(path, mtime);
    } catch (error) {
      throw ioError('set the time of', tree.text(path), error);
    }
  }
  return created;
}

/**
 * Creates a hard link to a file of this run; false when its name is taken. Two trees, because both names
 * must hold at once: one to reach the file, one to reach the link.
 */
export function createHardLink(link: Link, files: TargetTree, tree: TargetTree): boolean {
  if (!nameExists(link.target, files) || !lstatSync(files.name(link.target)).isFile()) {
    throw new ZnipError(
      'unsafe-link',
      `hard link '${toText(link.path)}': '${toText(link.target)}' is not a file, expected the member of that name`,
      { member: toText(link.path) },
    );
  }
  return place(link.path, link.mtime, tree, (name) => linkSync(files.name(link.target), name));
}
