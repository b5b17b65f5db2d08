/**
 * What the file system says about a file, to the nanosecond, without a dozen BigInts for each file: through statx(2) if
 * libc can be called, otherwise through Node.js. Both give the same.
 */
import { type BigIntStats, constants, fstatSync, lstatSync, statSync } from 'node:fs';
import { toFsPath, type ByteString } from '../format/values/byte-string.ts';
import { AT_EMPTY_PATH, AT_FDCWD, AT_SYMLINK_NOFOLLOW, isLibcLoaded, libc, pathArgument } from './libc.ts';

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
  return (
    statAt(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW) ?? fromStats(lstatSync(toFsPath(path), { bigint: true }))
  );
}

/** The file that the name leads to. Throws Node.js's error. */
export function stat(path: ByteString): FileStat {
  return statAt(AT_FDCWD, path, 0) ?? fromStats(statSync(toFsPath(path), { bigint: true }));
}

/**
 * The file with this name in an open directory; with `follow`, the file that the name leads to. For Node.js, `prefix`
 * before the name means the same directory. Throws its error.
 */
export function statIn(directory: number, prefix: ByteString, name: ByteString, follow: boolean): FileStat {
  const found = statAt(directory, name, follow ? 0 : AT_SYMLINK_NOFOLLOW);
  if (found !== undefined) return found;
  const path = toFsPath(`${prefix}${name}`);
  return fromStats(follow ? statSync(path, { bigint: true }) : lstatSync(path, { bigint: true }));
}

/** The open file. Throws Node.js's error. */
export function fstat(fd: number): FileStat {
  return statAt(fd, '', AT_EMPTY_PATH) ?? fromStats(fstatSync(fd, { bigint: true }));
}

/** struct statx (Linux, linux/stat.h): byte offsets of its fields. */
const FIELD = {
  nlink: 16,
  uid: 20,
  gid: 24,
  mode: 28,
  ino: 32,
  size: 40,
  mtimeSeconds: 112,
  mtimeNanoseconds: 120,
  devMajor: 136,
  devMinor: 140,
} as const;
const STATX_LENGTH = 256;
const STATX_BASIC_STATS = 0x7ff;

const result = new Uint8Array(STATX_LENGTH);
const words = new Uint32Array(result.buffer);
const longs = new BigUint64Array(result.buffer);
const signedLongs = new BigInt64Array(result.buffer);

let lastMajor = -1;
let lastMinor = -1;
let lastDevice = 0n;

/** st_dev, built as in glibc's makedev(3). Most files are on the same device as the file before. */
function device(major: number, minor: number): bigint {
  if (major !== lastMajor || minor !== lastMinor) {
    const high = ((BigInt(major) & 0xfffff000n) << 32n) | ((BigInt(minor) & 0xffffff00n) << 12n);
    lastDevice = high | (BigInt(major & 0xfff) << 8n) | BigInt(minor & 0xff);
    lastMajor = major;
    lastMinor = minor;
  }
  return lastDevice;
}

function word(offset: number): number {
  return words[offset / 4] ?? 0;
}

/**
 * How many files Node.js is asked about before libc is loaded. Loading takes as long as it saves on a few thousand
 * files, and a tenth of the time to pack a hundred.
 */
const FEW_FILES = 1000;
let asked = 0;

/** undefined if it fails or does not pay. Then Node.js is asked, and it has the error. */
function statAt(directory: number, path: ByteString, flags: number): FileStat | undefined {
  if (!isLibcLoaded() && ++asked <= FEW_FILES) return undefined;
  const system = libc();
  // A NUL would end the name early. Node.js refuses it.
  if (system === null || path.includes('\0')) return undefined;
  if (system.statx(directory, pathArgument(path), flags, STATX_BASIC_STATS, result) !== 0) return undefined;
  return new FileStat(
    word(FIELD.mode) & 0xffff,
    word(FIELD.nlink),
    word(FIELD.uid),
    word(FIELD.gid),
    device(word(FIELD.devMajor), word(FIELD.devMinor)),
    longs[FIELD.ino / 8] ?? 0n,
    Number(longs[FIELD.size / 8] ?? 0n),
    (signedLongs[FIELD.mtimeSeconds / 8] ?? 0n) * 1_000_000_000n + BigInt(word(FIELD.mtimeNanoseconds)),
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
