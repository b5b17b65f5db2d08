/**
 * Calls of POSIX that Node.js lacks (futimens, linkat, renameat2) or makes slow (openat, statx), through koffi.
 *
 * The modules beside this one have a fallback for each call, in case koffi does not load. Then nanoseconds and some
 * speed are lost, but never a check.
 */
import { createRequire } from 'node:module';
import { errnoName } from '../errors.ts';
import { isAscii, type ByteString } from '../format/values/byte-string.ts';

/** The functions as in libc: -1 means an error. The caller finds the reason by asking Node.js. */
export interface Libc {
  /** openat(2). `pathArgument` makes the form of a path. */
  openat(directory: number, path: string | Buffer, flags: number, mode: number): number;
  write(fd: number, bytes: Uint8Array, length: number): number;
  close(fd: number): number;
  /** futimens(3): struct timespec[2], access time and modification time, each with seconds and nanoseconds. */
  futimens(fd: number, times: BigInt64Array): number;
  utimensat(directory: number, path: string | Buffer, times: BigInt64Array, flags: number): number;
  /** linkat(2). */
  linkat(
    fromDirectory: number,
    from: string | Buffer,
    directory: number,
    path: string | Buffer,
    flags: number,
  ): number;
  /** renameat2(2), which POSIX does not have: with a flag, it replaces nothing. */
  renameat2(
    fromDirectory: number,
    from: string | Buffer,
    directory: number,
    path: string | Buffer,
    flags: number,
  ): number;
  /** statx(2): the only stat whose structure is the same on every architecture. */
  statx(directory: number, path: string | Buffer, flags: number, mask: number, result: Uint8Array): number;
  /** flistxattr(2): names, each with a NUL after it; returns their length, 0 for none. */
  flistxattr(fd: number, names: Uint8Array, length: number): number;
  listxattr(path: string | Buffer, names: Uint8Array, length: number): number;
  /** Why the last call failed: ENOENT and so on. */
  errno(): string;
}

/** Stands for the working directory in place of a descriptor (Linux, fcntl.h). */
export const AT_FDCWD = -100;
export const AT_SYMLINK_NOFOLLOW = 0x100;
export const AT_SYMLINK_FOLLOW = 0x400;
/** Fail if the new name is taken (Linux, linux/fs.h). */
export const RENAME_NOREPLACE = 1;
/** An empty path means the descriptor itself. */
export const AT_EMPTY_PATH = 0x1000;

interface Koffi {
  load(library: null): { func(prototype: string): (...args: unknown[]) => number };
  /** errno of this thread. */
  errno(): number;
}

const PROTOTYPES: Record<Exclude<keyof Libc, 'errno'>, string> = {
  openat: 'int openat(int directory, const char *path, int flags, int mode)',
  write: 'long write(int fd, const void *bytes, size_t length)',
  close: 'int close(int fd)',
  futimens: 'int futimens(int fd, const void *times)',
  utimensat: 'int utimensat(int directory, const char *path, const void *times, int flags)',
  linkat: 'int linkat(int fromDirectory, const char *from, int directory, const char *path, int flags)',
  renameat2:
    'int renameat2(int fromDirectory, const char *from, int directory, const char *path, unsigned int flags)',
  flistxattr: 'long flistxattr(int fd, void *names, size_t length)',
  listxattr: 'long listxattr(const char *path, void *names, size_t length)',
  statx: 'int statx(int directory, const char *path, int flags, uint32_t mask, void *result)',
};

let loaded: Libc | null | undefined;

function load(): Libc | null {
  // Structures and constants are those of 64-bit Linux.
  if (process.platform !== 'linux' || !['x64', 'arm64'].includes(process.arch)) return null;
  try {
    const koffi = createRequire(import.meta.url)('koffi') as Koffi;
    const library = koffi.load(null);
    const functions = Object.entries(PROTOTYPES).map(([name, prototype]) => [name, library.func(prototype)]);
    return { ...Object.fromEntries(functions), errno: () => errnoName(koffi.errno()) };
  } catch {
    return null;
  }
}

/** Whether `libc()` has been called before: then another call costs nothing. */
export function isLibcLoaded(): boolean {
  return loaded !== undefined;
}

/** libc; null if it cannot be called. The first call loads it, which takes some ten milliseconds. */
export function libc(): Libc | null {
  if (loaded === undefined) loaded = load();
  return loaded;
}

/**
 * A path in the form that these functions take: text if it is ASCII, otherwise its bytes and a NUL. It must not contain
 * a NUL.
 */
export function pathArgument(path: ByteString): string | Buffer {
  return isAscii(path) ? path : Buffer.from(`${path}\0`, 'latin1');
}
