/**
 * Reads and sets extended attributes, which Node.js cannot. xattr(7) (Linux). Only with the native core.
 */
import { core } from '../core/core.ts';
import { errnoName, ZnipError } from '../errors.ts';
import type { ByteString } from '../format/values/byte-string.ts';

/** XATTR_LIST_MAX and XATTR_SIZE_MAX (Linux, linux/limits.h): no list of names, and no value, is longer. */
const MAX_LENGTH = 65_536;
const names = Buffer.alloc(MAX_LENGTH);
const value = Buffer.alloc(MAX_LENGTH);

/** Errors that say that a file has no attributes, or none that anybody may see. */
const HAS_NONE: ReadonlySet<string> = new Set(['EOPNOTSUPP', 'ENOTSUP', 'ENOSYS', 'EPERM', 'EACCES']);

/** Throws `codec-unavailable` if attributes can be neither read nor set here. */
export function requireXattrs(): void {
  if (core() !== undefined) return;
  throw new ZnipError(
    'codec-unavailable',
    '`xattrs` needs the native core: znip --version -v says why there is none; without `xattrs`, everything else works',
  );
}

/**
 * The attributes of the file with this name, or, with `follow`, of what the name leads to, as far as `isWanted`. Throws
 * Node.js's kind of error, with `code`.
 */
export function readXattrs(
  path: ByteString,
  follow: boolean,
  isWanted: (name: ByteString) => boolean,
): Map<ByteString, ByteString> {
  const system = core();
  const found = new Map<ByteString, ByteString>();
  const length = system?.attributeNamesAt(path, names, follow) ?? 0;
  if (length < 0 && !HAS_NONE.has(errnoName(-length))) throw failure('listxattr', -length);
  if (length <= 0) return found;
  for (const name of names.toString('latin1', 0, length - 1).split('\0')) {
    if (name === '' || !isWanted(name)) continue;
    const size = system?.attributeAt(path, name, value, follow) ?? 0;
    // ENODATA: it has gone meanwhile.
    if (size < 0 && errnoName(-size) === 'ENODATA') continue;
    if (size < 0) throw failure('getxattr', -size);
    found.set(name, value.toString('latin1', 0, size));
  }
  return found;
}

/** Sets an attribute of an open file, which may be open for its name alone (O_PATH). Throws as above. */
export function setXattr(fd: number, name: ByteString, content: ByteString): void {
  const result = core()?.setAttribute(fd, name, Buffer.from(content, 'latin1')) ?? 0;
  if (result < 0) throw failure('setxattr', -result);
}

/** Removes an attribute of an open file, as above. One that has gone already is no error. */
export function removeXattr(fd: number, name: ByteString): void {
  const result = core()?.removeAttribute(fd, name) ?? 0;
  if (result < 0 && errnoName(-result) !== 'ENODATA') throw failure('removexattr', -result);
}

function failure(syscall: string, errno: number): NodeJS.ErrnoException {
  const code = errnoName(errno);
  return Object.assign(new Error(`${code}: ${syscall}`), { code, errno: -errno, syscall });
}
