/**
 * The native core: the Rust addon of `native/`, if there is one for this machine. Everything works without it, slower:
 * whoever asks for the core has the portable code beside it.
 *
 * `ZNIP_CORE=portable` goes without it. `ZNIP_CORE=native` makes it an error if it is missing. Each thread loads its own.
 */
import { createRequire } from 'node:module';
import { ZnipError } from '../errors.ts';
import type { ByteString } from '../format/values/byte-string.ts';

/** What the core can do. Calls of the system return a negative errno where they fail. */
export interface Core {
  zstdVersion(): string;
  /** Returns the length of the frame, or 0 if it does not fit. `chainLog` 0 leaves it to the level. */
  compress(
    source: Uint8Array,
    target: Uint8Array,
    level: number,
    windowLog: number,
    chainLog: number,
    longDistance: boolean,
  ): number;
  /** Returns the length of the content. Throws libzstd's reason. */
  decompress(source: Uint8Array, target: Uint8Array): number;
  StreamDecoder: new () => {
    /** Decodes from `source` to `target`, and writes the bytes taken and the bytes made to `counts`. */
    step(source: Uint8Array, target: Uint8Array, counts: Uint32Array): void;
  };
  /** BLAKE3: 32 bytes. */
  hash(bytes: Uint8Array): Buffer;
  /** See `format/fingerprint.ts`. */
  fingerprint(chunk: Uint8Array, head: Uint8Array): Buffer;
  /**
   * Hashes the subtrees that lie in a part of a content, which starts at byte `offset` of it, and writes their chaining
   * values, 32 bytes each. Returns their number, at most 54.
   */
  hashSubtrees(part: Uint8Array, offset: number, values: Uint8Array): number;
  /** BLAKE3 of parts in order. `values`: those of `hashSubtrees`; where they are missing, they are made. */
  TreeHasher: new () => { update(part: Uint8Array, values: Uint8Array): void; digest(): Buffer };
  Hasher: new () => { update(bytes: Uint8Array): void; digest(): Buffer };

  /** openat(2), closed on exec. */
  openAt(directory: number, name: ByteString, flags: number, mode: number): number;
  /** Writes to `words`: mode, nlink, uid, gid, dev, ino, size, seconds and nanoseconds of the modification time. */
  statAt(directory: number, name: ByteString, follow: boolean, words: BigInt64Array): number;
  statOpen(fd: number, words: BigInt64Array): number;
  /** futimens(3), for the modification time alone. */
  setTime(fd: number, mtime: bigint): number;
  setTimeAt(directory: number, name: ByteString, mtime: bigint, follow: boolean): number;
  /**
   * Reads a file from byte `position` on into all of `target`, without what is a hole. Returns how many bytes there were up to the
   * end of the file. Its own position moves.
   */
  readByHoles(fd: number, target: Uint8Array, position: number): number;
  /** linkat(2) to a name that must be unused; follows `from`. */
  linkAt(from: ByteString, directory: number, name: ByteString): number;
  /** Renames within a directory, to a name that must be unused. */
  renameNew(directory: number, from: ByteString, to: ByteString): number;
  /** flistxattr(2): names, each with a NUL after it; returns their length, 0 for none. */
  attributeNames(fd: number, names: Uint8Array): number;
  /** With `follow`, of what the name leads to. */
  attributeNamesAt(path: ByteString, names: Uint8Array, follow: boolean): number;
  /** getxattr(2), lgetxattr(2): returns the length of the value. */
  attributeAt(path: ByteString, name: ByteString, value: Uint8Array, follow: boolean): number;
  /** fsetxattr(2); also for a file that is open for its name alone (O_PATH). */
  setAttribute(fd: number, name: ByteString, value: Uint8Array): number;
  /** fremovexattr(2), for the same files. */
  removeAttribute(fd: number, name: ByteString): number;

  /**
   * Lists a held directory: for each name in byte order a record of 64 bytes, and behind all records the names, each
   * followed by the target if it is a symlink. What a record has: see `NativeListing`.
   */
  listDirectory(directory: number, follow: boolean): Buffer | number;
  /** Copies rows `from` to `to` of what `listDirectory` gave to members from `row` on. Each path is `base` and the name. */
  takeListed(
    listing: Uint8Array,
    from: number,
    to: number,
    base: Uint8Array,
    columns: CoreListedColumns,
    row: number,
  ): void;
  /**
   * Puts members into a chunk until one is not as it should be. `state`: the member to begin with, the one to end before,
   * and the byte to begin at; then the member at which it stopped, and the byte behind what is filled.
   */
  fillChunk(plan: CoreChunkPlan, state: Uint32Array): void;
  /**
   * Writes files of a chunk below the held directory `root`, from row `from` on, before row `to`, until one is not as it
   * should be. Returns its row, or `to`.
   */
  writeFiles(root: number, chunk: Uint8Array, batch: CoreWriteBatch, from: number, to: number): number;
  /**
   * Reads the members of a chunk whose headers follow one another from byte `from` on, until one is not plain or not whole.
   * Returns their number.
   */
  readMembers(chunk: Uint8Array, from: number, columns: CoreMemberColumns): number;
  /**
   * Sets the times of files of this owner that were written before, until one is not as it should be. Returns its row,
   * or `to`.
   */
  setTimes(root: number, files: CoreWrittenFiles, owner: number, from: number, to: number): number;
  /** Finds the files below `root` whose contents have the expected hashes, on as many threads. */
  compareContents(root: number, files: CoreExpectedContents, threads: number): void;
  /** Checks of columns, see `format/tables/column-checks.ts`. */
  zeros(bits: Uint8Array, rows: number): number;
  firstFallingOffset(offsets: Uint32Array): number;
  firstFallingNumber(numbers: Float64Array, previous: number): number;
  total(numbers: Float64Array): number;
  exactNumbers(values: BigUint64Array, numbers: Float64Array): number;
  lookUp(indices: Uint8Array, words: Uint8Array, unknown: number, result: Uint8Array): number;
  firstUnusual(entries: CoreKindColumns, from: number): number;
  /** Writes two rows to `rows`. */
  pathExtent(bytes: Uint8Array, offsets: Uint32Array, rows: Uint32Array): void;
  lines(bytes: Uint8Array, offsets: Uint32Array, end: number, target: Uint8Array): void;
  /**
   * Takes rows `from` to `to` of entries into tables of names, until one is no file or directory, or not safe, or clashes with
   * what is there. `sizes`: the numbers of names in both tables. Returns how many it added.
   */
  addNames(
    entries: CoreNamedEntries,
    from: number,
    to: number,
    members: CoreNameTable & { kinds: Uint8Array },
    parents: CoreNameTable,
    key: Uint32Array,
    sizes: Uint32Array,
  ): number;
  /**
   * Compares rows `from` to `to` of the index with members that have arrived, from row `at` on, until two do not agree, or
   * are no plain files or directories. Returns how many agree.
   */
  agreeing(indexed: CoreEntries, from: number, to: number, arrived: CoreArrived, at: number): number;
}

/** Where members are written. */
export interface CoreMemberColumns {
  pathBytes: Uint8Array;
  pathEnds: Uint32Array;
  kinds: Uint8Array;
  modes: Uint32Array;
  /** Nanoseconds since 1970. */
  mtimes: BigInt64Array;
  sizes: Float64Array;
  /** Chunk byte at which each content starts. */
  offsets: Float64Array;
  uids: Uint32Array;
  gids: Uint32Array;
}

export interface CoreNamedEntries {
  paths: Uint8Array;
  pathEnds: Uint32Array;
  kinds: Uint8Array;
}

/** Bitmaps, but for the first three. */
export interface CoreKindColumns {
  kinds: Uint8Array;
  modes: Uint32Array;
  sizes: Float64Array;
  checksums: Uint8Array;
  targets: Uint8Array;
  pathBytes: Uint8Array;
  targetBytes: Uint8Array;
}

/** A hash table of names, see `NameTable`, with room for more. */
export interface CoreNameTable {
  bytes: Uint8Array;
  ends: Uint32Array;
  hashes: Uint32Array;
  slots: Uint32Array;
}

/** Members that were written. What is no file, and times of whole seconds, are passed over. */
export interface CoreWrittenFiles extends CoreNamedEntries {
  sizes: Float64Array;
  mtimes: BigInt64Array;
}

/** Entries of an index, in the order of the tar stream. */
export interface CoreEntries extends CoreWrittenFiles {
  modes: Uint32Array;
  streamOffsets: Float64Array;
  /** BLAKE3 of each content. */
  checksums: Uint8Array;
}

/** Members of a tar stream that have arrived. */
export interface CoreArrived extends CoreEntries {
  /** 1 for files that have a hash in `checksums`. */
  written: Uint8Array;
}

/** Files of a chunk, and what is set about them. */
export interface CoreWriteBatch {
  paths: Uint8Array;
  pathEnds: Uint32Array;
  /** Where each content starts in the chunk. */
  offsets: Float64Array;
  sizes: Float64Array;
  modes: Uint32Array;
  mtimes: BigInt64Array;
  /** BLAKE3 of each content: to compare with if `isKnown`, else to be written. */
  checksums: Uint8Array;
  isKnown: boolean;
  umask: number;
  preservePermissions: boolean;
  sparse: boolean;
  mtime: boolean;
  /** How temporary names begin that files have until they are complete; empty if they get their own at once. */
  part: Uint8Array;
  fsync: boolean;
}

/** Row i of each column is file i. */
export interface CoreExpectedContents {
  paths: Uint8Array;
  pathEnds: Uint32Array;
  /** BLAKE3 of each content. */
  checksums: Uint8Array;
  /** Written: 1 for a file that has this hash, 0 for any other and for what cannot be read. */
  same: Uint8Array;
}

/** Where files of a listing go. There is room for them. */
export interface CoreListedColumns {
  /** Behind the path of the member before `row`. */
  paths: Uint8Array;
  pathEnds: Uint32Array;
  /** Permission bits. */
  modes: Uint16Array;
  sizes: Float64Array;
  /** Nanoseconds since 1970. */
  mtimes: BigInt64Array;
}

/** The members of a chunk, whose directories are all below one base, and the slot that they come into. */
export interface CoreChunkPlan {
  /** '' is the working directory. */
  base: Uint8Array;
  /** Device and inode. */
  baseIdentity: BigUint64Array;
  /** Symlinks below the base are followed. */
  follow: boolean;
  directories: Uint8Array;
  directoryEnds: Uint32Array;
  /** Device and inode of each, one after the other. */
  directoryIdentities: BigUint64Array;
  directoryIndices: Uint32Array;
  paths: Uint8Array;
  pathEnds: Uint32Array;
  /** The names on disk. */
  sources: Uint8Array;
  sourceEnds: Uint32Array;
  kinds: Uint8Array;
  modes: Uint16Array;
  mtimes: BigInt64Array;
  sourceMtimes: BigInt64Array;
  sizes: Float64Array;
  linkTargets: Uint8Array;
  linkTargetEnds: Uint32Array;
  /** Empty if no owners are recorded. */
  uids: Uint32Array;
  gids: Uint32Array;
  /** BLAKE3 of each file; empty if files are read. */
  known: Uint8Array;
  /** From here on, what is written. */
  input: Uint8Array;
  dataOffsets: Uint32Array;
  flags: Uint32Array;
  contentSizes: Float64Array;
  checksums: Uint8Array;
}

/** Stands for the working directory in place of a descriptor (fcntl.h). */
export const AT_FDCWD = process.platform === 'darwin' ? -2 : -100;

/** Which core is in use, and why. */
export interface CoreState {
  core: Core | undefined;
  /** Why there is none; undefined if there is one. */
  reason: string | undefined;
}

function load(): CoreState {
  const asked = process.env['ZNIP_CORE'];
  if (asked === 'portable') return { core: undefined, reason: 'ZNIP_CORE=portable' };
  const require = createRequire(import.meta.url);
  const { platform, arch } = process;
  let reason = `there is none for ${platform}-${arch}`;
  // Beside the bundles; and, for code that runs from its source, in what was built.
  for (const folder of ['./core/', '../../dist/core/']) {
    for (const name of namesFor(platform, arch)) {
      try {
        return { core: require(`${folder}${name}.node`) as Core, reason: undefined };
      } catch (error) {
        const { code, message } = error as NodeJS.ErrnoException;
        if (code !== 'MODULE_NOT_FOUND') reason = message.split('\n')[0] ?? message;
      }
    }
  }
  if (asked === 'native')
    throw new ZnipError(
      'codec-unavailable',
      `ZNIP_CORE=native, but the native core does not load: ${reason}`,
    );
  return { core: undefined, reason };
}

/** On Linux, the binary for the other libc does not load. */
function namesFor(platform: string, arch: string): string[] {
  const name = `znip-${platform}-${arch}`;
  return platform === 'linux' ? [`${name}-gnu`, `${name}-musl`] : [name];
}

let state: CoreState | undefined;

/** This thread's core, and why there is none. Throws `codec-unavailable` if it was asked for and does not load. */
export function coreState(): CoreState {
  state ??= load();
  return state;
}

/** This thread's core; undefined if there is none. Loaded at the first call, in about a millisecond. */
export function core(): Core | undefined {
  return coreState().core;
}
