/**
 * What the file system says about a file, to the nanosecond, through the native core if there is one, otherwise through
 * Node.js. Both give the same.
 */
import { type BigIntStats, constants, fstatSync, lstatSync, statSync } from 'node:fs';
import { AT_FDCWD, core } from '../core/core.ts';
import { toFsPath, type ByteString } from '../format/values/byte-string.ts';
import { NANOSECONDS } from '../format/values/entry.ts';

/** Which file it is. */
export interface FileIdentity {
  dev: bigint;
  ino: bigint;
}

export function isSameFile(a: FileIdentity, b: FileIdentity): boolean {
  return a.ino === b.ino && a.dev === b.dev;
}

export class FileStat implements FileIdentity {
  /** Type and permission bits, as in st_mode (POSIX, sys/stat.h). */
  readonly mode: number;
  readonly nlink: number;
  readonly uid: number;
  readonly gid: number;
  readonly dev: bigint;
  readonly ino: bigint;
  /** Bytes. */
  readonly size: number;
  /** Nanoseconds since 1970-01-01T00:00:00Z. */
  readonly mtime: bigint;

  constructor(
    mode: number,
    nlink: number,
    uid: number,
    gid: number,
    dev: bigint,
    ino: bigint,
    size: number,
    mtime: bigint,
  ) {
    this.mode = mode;
    this.nlink = nlink;
    this.uid = uid;
    this.gid = gid;
    this.dev = dev;
    this.ino = ino;
    this.size = size;
    this.mtime = mtime;
  }

  isFile(): boolean {
    return (this.mode & constants.S_IFMT) === constants.S_IFREG;
  }

  isDirectory(): boolean {
    return (this.mode & constants.S_IFMT) === constants.S_IFDIR;
  }

  isSymbolicLink(): boolean {
    return (this.mode & constants.S_IFMT) === constants.S_IFLNK;
  }

  isSocket(): boolean {
    return (this.mode & constants.S_IFMT) === constants.S_IFSOCK;
  }

  isFIFO(): boolean {
    return (this.mode & constants.S_IFMT) === constants.S_IFIFO;
  }
}

/** The file with this name itself, even if it is a symlink. Throws Node.js's error. */
export function lstat(path: ByteString): FileStat {
  return statAt(AT_FDCWD, path, false) ?? fromStats(lstatSync(toFsPath(path), { bigint: true }));
}

/** The file that the name leads to. Throws Node.js's error. */
export function stat(path: ByteString): FileStat {
  return statAt(AT_FDCWD, path, true) ?? fromStats(statSync(toFsPath(path), { bigint: true }));
}

/**
 * The file with this name in an open directory; with `follow`, the file that the name leads to. For Node.js, `prefix`
 * before the name means the same directory. Throws its error.
 */
export function statIn(directory: number, prefix: ByteString, name: ByteString, follow: boolean): FileStat {
  const found = statAt(directory, name, follow);
  if (found !== undefined) return found;
  const path = toFsPath(`${prefix}${name}`);
  return fromStats(follow ? statSync(path, { bigint: true }) : lstatSync(path, { bigint: true }));
}

/** The open file. Throws Node.js's error. */
export function fstat(fd: number): FileStat {
  if (core()?.statOpen(fd, words) === 0) return fromWords();
  return fromStats(fstatSync(fd, { bigint: true }));
}

/** What the core writes about a file; see `Core.statAt`. */
const words = new BigInt64Array(9);

/** undefined if it fails or there is no core. Then Node.js is asked, and it has the error. */
function statAt(directory: number, path: ByteString, follow: boolean): FileStat | undefined {
  // A NUL would end the name early. Node.js refuses it.
  if (path.includes('\0') || core()?.statAt(directory, path, follow, words) !== 0) return undefined;
  return fromWords();
}

function fromWords(): FileStat {
  const [mode = 0n, nlink = 0n, uid = 0n, gid = 0n, dev = 0n, ino = 0n, size = 0n, seconds = 0n, rest = 0n] =
    words;
  return new FileStat(
    Number(mode),
    Number(nlink),
    Number(uid),
    Number(gid),
    BigInt.asUintN(64, dev),
    BigInt.asUintN(64, ino),
    Number(size),
    seconds * NANOSECONDS + rest,
  );
}

function fromStats(stats: BigIntStats): FileStat {
  return new FileStat(
    Number(stats.mode),
    Number(stats.nlink),
    Number(stats.uid),
    Number(stats.gid),
    stats.dev,
    stats.ino,
    Number(stats.size),
    stats.mtimeNs,
  );
}
