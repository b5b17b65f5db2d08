/**
 * Which extended attributes a file has, because Node.js cannot tell. Without the native core, nothing is
 * known.
 */
import { core } from '../core/core.ts';
import { ATTRIBUTES, meaningOf } from '../format/values/attributes.ts';
import type { ByteString } from '../format/values/byte-string.ts';

/** XATTR_LIST_MAX (Linux, linux/limits.h): no list of names is longer. */
const names = Buffer.alloc(65_536);

/** What the attributes of an open file mean, all together: see ATTRIBUTES. One system call. */
export function attributesOf(fd: number): number {
  return meaningOfAll(core()?.attributeNames(fd, names) ?? 0);
}

/** The same for the file with this name, or for the file that the name leads to. */
export function attributesAt(path: ByteString): number {
  return meaningOfAll(core()?.attributeNamesAt(path, names, true) ?? 0);
}

function meaningOfAll(length: number): number {
  // 0: the file has none. Negative: the file system has none, or does not say.
  if (length <= 0) return ATTRIBUTES.none;
  return names
    .toString('latin1', 0, length - 1)
    .split('\0')
    .reduce((all, name) => all | meaningOf(name), ATTRIBUTES.none as number);
}
