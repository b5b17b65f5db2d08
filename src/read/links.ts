/**
 * Creates links. They come after every file, so that nothing in a run can be written through one.
 */
import { lchownSync, linkSync, lstatSync, symlinkSync } from 'node:fs';
import { errnoOf, ioError, ZnipError } from '../errors.ts';
import { toFsPath, toText, type ByteString } from '../format/byte-string.ts';
import { setLinkTime } from './file-times.ts';
import type { Link } from './member-tree.ts';
import {
  mayReplace,
  nameExists,
  removeIfAny,
  replaceFile,
  temporaryName,
  type WriteSettings,
} from './write-file.ts';

/** Runs `create`, for a name that must be new, by the policy for names that are taken. */
function place(
  name: ByteString,
  mtime: bigint,
  settings: WriteSettings,
  create: (name: ByteString) => void,
): boolean {
  try {
    create(name);
    return true;
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw ioError('link', toText(name), error);
  }
  if (!mayReplace(name, mtime, settings)) return false;
  const temporary = temporaryName(name);
  try {
    create(temporary);
  } catch (error) {
    throw ioError('link', toText(name), error);
  }
  replaceFile(temporary, name);
  // Where both names are of one file already, rename(2) does nothing and succeeds.
  removeIfAny(temporary);
  return true;
}

/** Creates a symlink; false when its name is taken. Its target is kept as it is: nothing follows it. */
export function createSymlink(link: Link, settings: WriteSettings): boolean {
  const name = `${settings.target}${link.path}`;
  const created = place(name, link.mtime, settings, (at) => symlinkSync(toFsPath(link.target), toFsPath(at)));
  if (created && link.owner !== null) {
    try {
      lchownSync(toFsPath(name), link.owner.uid, link.owner.gid);
    } catch (error) {
      throw ioError('set the owner of', toText(name), error);
    }
  }
  if (created && settings.mtime) {
    try {
      setLinkTime(name, link.mtime);
    } catch (error) {
      throw ioError('set the time of', toText(name), error);
    }
  }
  return created;
}

/** Creates a hard link to a file of this run; false when its name is taken. */
export function createHardLink(link: Link, settings: WriteSettings): boolean {
  const name = `${settings.target}${link.path}`;
  const target = `${settings.target}${link.target}`;
  if (!nameExists(target) || !lstatSync(toFsPath(target)).isFile()) {
    throw new ZnipError(
      'unsafe-link',
      `hard link '${toText(link.path)}': '${toText(link.target)}' is not a file, expected the member of that name`,
      { member: toText(link.path) },
    );
  }
  return place(name, link.mtime, settings, (at) => linkSync(toFsPath(target), toFsPath(at)));
}
