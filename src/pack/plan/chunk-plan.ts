/**
 * What the main thread decides about a chunk: which members it holds, and where their bytes are. The bytes of a tree
 * are in files that the worker reads; those of a tar stream are already in the slot. Plans travel to the worker, and to
 * the writer that indexes the chunk. So they are columns of plain values: cloning an object for each member would cost
 * more than reading the member.
 */
import type { Remark } from '../../format/remarks.ts';
import type { ByteString } from '../../format/values/byte-string.ts';
import {
  byteStringsOf,
  type ByteStrings,
  ByteStringsBuilder,
  stringAt,
} from '../../format/values/byte-strings.ts';
import { type Group, KIND, type Member, MODE_MASK, NO_ID } from '../../format/values/entry.ts';
import type { FileIdentity } from '../../posix/stat.ts';
import type { Slot } from '../../threads/ring.ts';
import type { SpooledContent } from '../walk/content-spool.ts';
import type { SourceDirectory } from '../walk/source-directories.ts';
import { plainLength } from '../walk/plain-files.ts';
import type { MemberRun, SourceMember } from '../walk/source-member.ts';

/** The members whose headers are in one chunk. Row i of every column belongs to member i. */
export interface MemberColumns {
  count: number;
  paths: ByteStrings;
  /** The names of members on disk, if they are recorded under other names; null if all names are the same. */
  foundPaths: ByteStrings | null;
  /** What comes before a path in messages, if there are files: one of `prefixes`, by index. */
  prefixes: string[];
  prefixIndices: Uint32Array;
  /** The directories of the members, if there are files to open: one of them by index. */
  directories: DirectoryColumns;
  directoryIndices: Uint32Array;
  kinds: Uint8Array;
  modes: Uint16Array;
  mtimes: BigInt64Array;
  /** The files' own mtimes, if others are recorded. They show whether a file has changed. */
  sourceMtimes: BigInt64Array | null;
  /** Whether symlinks are followed when files are opened. */
  follow: boolean;
  sizes: Float64Array;
  /** Only links have one. */
  linkTargets: ByteStrings;
  /** By row: contents that were read before the walk, from what is no file. */
  contents: Map<number, SpooledContent>;
  /** Rows of files with other names, which hard links refer to. */
  linked: Set<number>;
  /** Owners, if recorded; NO_ID for members without one. */
  uids: Uint32Array | null;
  gids: Uint32Array | null;
  /** Names of owners by row; null if no member of the chunk has one. */
  unames: (ByteString | undefined)[] | null;
  gnames: (ByteString | undefined)[] | null;
  /** Index into the groups announced so far. */
  groups: Uint32Array;
}

/** Directories that members are in. Row i of every column is directory i. */
export interface DirectoryColumns {
  /** Below the base. */
  paths: ByteStrings;
  /** Device and inode of each, one after the other. */
  identities: BigUint64Array;
  bases: { path: ByteString; identity: FileIdentity }[];
  baseIndices: Uint32Array;
}

/** A run of one member's data in one chunk. */
export interface MemberPart {
  path: ByteString;
  /** First byte of the run within the member's content. */
  fileOffset: number;
  /** Bytes of the run. */
  length: number;
  /** Bytes of the whole content; UNKNOWN_SIZE before the last part. */
  size: number;
  /** The member has an entry in the index, because the index knows its kind. */
  indexed: boolean;
}

/** A run of one file's data. The main thread opened the file, and closes it. */
export interface FilePart extends MemberPart {
  fd: number;
  /** Byte of the file at which the content starts, where that is a spool, which stays open; null for a file as it is. */
  spoolOffset: number | null;
  /** The name that was opened, for messages. */
  source: ByteString;
  /** The file's own mtime, as the walk found it. */
  mtime: bigint;
}

/**
 * The size of a member whose end has not arrived. Its header is alone in a chunk that is stored, so that the writer can
 * write it again when the size is known.
 */
export const UNKNOWN_SIZE = Infinity;

interface CommonPlan {
  /** Number of the chunk in the archive, from 0. */
  sequence: number;
  /** The end of the tar stream, and nothing else. */
  last: boolean;
  /** The chunk begins with data of a member whose header is in an earlier chunk. */
  continuation: MemberPart | null;
  members: MemberColumns;
  /** The last member's data continues in the next chunk; this is the part of it in this chunk. */
  overflow: MemberPart | null;
  /** Groups that no earlier plan has announced; their numbers follow the earlier ones. */
  newGroups: Group[];
}

/** A chunk that its worker fills, from files. */
export interface FileChunkPlan extends CommonPlan {
  filled: null;
  continuation: FilePart | null;
  overflow: FilePart | null;
}

/** What is in a slot that the main thread has filled. */
export interface FilledSlot {
  chunkLength: number;
  /** Chunk byte of the first tar header; undefined if there is none. */
  firstHeaderOffset: number | undefined;
  /** Bytes of chunk that belong to a member of an earlier chunk, including padding. */
  continuationLength: number;
  /** Chunk byte at which each member's data starts, by row. */
  dataOffsets: Uint32Array;
  /** The chunk is stored without compression, whatever it holds. */
  stored: boolean;
}

/** A chunk that the main thread has filled, from a stream. */
export interface FilledChunkPlan extends CommonPlan {
  /** What the index cannot say about members in the chunk; headers by chunk byte. */
  remarks?: Remark[];
  filled: FilledSlot;
}

export type ChunkPlan = FileChunkPlan | FilledChunkPlan;

/** Builds the columns of one chunk's members. */
export class MemberColumnsBuilder {
  count = 0;
  private readonly paths = new ByteStringsBuilder();
  private readonly foundPaths = new ByteStringsBuilder();
  private readonly linkTargets = new ByteStringsBuilder();
  private readonly prefixes: string[] = [];
  private readonly directories = new DirectoryColumnsBuilder();
  private readonly contents = new Map<number, SpooledContent>();
  private readonly linked = new Set<number>();
  private readonly unames = new OptionalNames();
  private readonly gnames = new OptionalNames();
  private follow = false;
  private isRenamed = false;
  private isDated = false;
  private isOwned = false;
  private columns = emptyColumns(INITIAL_ROWS);

  append(member: SourceMember, group: number): void {
    const row = this.count;
    const { path, foundPath, linkTarget, mtime, sourceMtime, uid, gid } = member;
    this.makeRoom(1);
    this.count += 1;
    const { columns } = this;
    this.paths.append(path);
    // If one member of a walk has another name, all have.
    if (foundPath !== undefined) this.foundPaths.append(foundPath);
    this.isRenamed ||= foundPath !== undefined;
    this.linkTargets.append(linkTarget);
    columns.prefixIndices[row] = this.prefixIndex(member.prefix);
    columns.directoryIndices[row] =
      member.directory === undefined ? 0 : this.directories.index(member.directory);
    columns.kinds[row] = member.kind;
    columns.modes[row] = member.mode;
    columns.mtimes[row] = mtime;
    this.isDated ||= sourceMtime !== null;
    columns.sourceMtimes[row] = sourceMtime ?? mtime;
    this.follow ||= member.follow;
    columns.sizes[row] = member.size;
    if (member.linked) this.linked.add(row);
    if (member.content !== undefined) this.contents.set(row, member.content);
    this.isOwned ||= uid !== null || gid !== null;
    columns.uids[row] = uid ?? NO_ID;
    columns.gids[row] = gid ?? NO_ID;
    this.unames.set(row, member.uname);
    this.gnames.set(row, member.gname);
    columns.groups[row] = group;
  }

  /**
   * Appends the files of a run from row `first` of its listing on, as far as they take `room` bytes of tar stream at most.
   * Returns the row behind them, and the bytes that they take.
   */
  appendRun(run: MemberRun, first: number, group: number, room: number): { end: number; length: number } {
    const { listing, to } = run;
    let end = first;
    let length = 0;
    let names = 0;
    for (; end < to; end++) {
      const more = plainLength(listing.size(end));
      if (length + more > room) break;
      length += more;
      names += listing.nameEnd(end) - listing.nameStart(end);
    }
    if (end > first) this.takeRun(run, first, end, names, group);
    return { end, length };
  }

  private takeRun(run: MemberRun, first: number, end: number, names: number, group: number): void {
    const { listing, base, directory, prefix } = run;
    const count = end - first;
    const start = this.count;
    this.makeRoom(count);
    this.count += count;
    const before = Buffer.from(base, 'latin1');
    const { bytes, at, ends, row: firstEnd } = this.paths.reserve(count, names + count * before.byteLength);
    this.linkTargets.appendEmpty(count);
    const { columns } = this;
    const { modes, sizes, mtimeWords } = columns;
    const { texts } = listing;
    let place = at;
    // Plain loops over numbers: nothing is made for a file.
    for (let i = 0; i < count; i++) {
      const row = first + i;
      for (let k = 0; k < before.byteLength; k++) bytes[place++] = before[k] ?? 0;
      for (let k = listing.nameStart(row), to = listing.nameEnd(row); k < to; k++)
        bytes[place++] = texts[k] ?? 0;
      ends[firstEnd + i] = place;
      const member = start + i;
      modes[member] = listing.mode(row) & MODE_MASK;
      sizes[member] = listing.size(row);
      mtimeWords[2 * member] = listing.mtimeLow(row);
      mtimeWords[2 * member + 1] = listing.mtimeHigh(row);
    }
    columns.prefixIndices.fill(this.prefixIndex(prefix), start, this.count);
    columns.directoryIndices.fill(this.directories.index(directory), start, this.count);
    columns.kinds.fill(KIND.file, start, this.count);
    columns.groups.fill(group, start, this.count);
    columns.uids.fill(NO_ID, start, this.count);
    columns.gids.fill(NO_ID, start, this.count);
  }

  /** Exactly as long as the members: what is sent to a thread is copied as a whole. */
  finish(): MemberColumns {
    const { count, columns, isOwned } = this;
    return {
      count,
      paths: this.paths.finish(),
      foundPaths: this.isRenamed ? this.foundPaths.finish() : null,
      prefixes: this.prefixes,
      prefixIndices: columns.prefixIndices.slice(0, count),
      directories: this.directories.finish(),
      directoryIndices: columns.directoryIndices.slice(0, count),
      kinds: columns.kinds.slice(0, count),
      modes: columns.modes.slice(0, count),
      mtimes: columns.mtimes.slice(0, count),
      sourceMtimes: this.isDated ? columns.sourceMtimes.slice(0, count) : null,
      follow: this.follow,
      sizes: columns.sizes.slice(0, count),
      linkTargets: this.linkTargets.finish(),
      contents: this.contents,
      linked: this.linked,
      uids: isOwned ? columns.uids.slice(0, count) : null,
      gids: isOwned ? columns.gids.slice(0, count) : null,
      unames: this.unames.finish(count),
      gnames: this.gnames.finish(count),
      groups: columns.groups.slice(0, count),
    };
  }

  private makeRoom(rows: number): void {
    const needed = this.count + rows;
    if (needed > this.columns.kinds.length) this.columns = grownColumns(this.columns, 2 * needed);
  }

  private prefixIndex(prefix: string): number {
    const index = this.prefixes.indexOf(prefix);
    return index < 0 ? this.prefixes.push(prefix) - 1 : index;
  }
}

const INITIAL_ROWS = 64;

function emptyColumns(rows: number) {
  const mtimes = new BigInt64Array(rows);
  return {
    prefixIndices: new Uint32Array(rows),
    directoryIndices: new Uint32Array(rows),
    kinds: new Uint8Array(rows),
    modes: new Uint16Array(rows),
    mtimes,
    /** The same memory: a BigInt for each file is dear. */
    mtimeWords: new Uint32Array(mtimes.buffer),
    sourceMtimes: new BigInt64Array(rows),
    sizes: new Float64Array(rows),
    uids: new Uint32Array(rows),
    gids: new Uint32Array(rows),
    groups: new Uint32Array(rows),
  };
}

type NumberColumns = ReturnType<typeof emptyColumns>;

function grownColumns(columns: NumberColumns, rows: number): NumberColumns {
  const larger = emptyColumns(rows);
  for (const name of Object.keys(columns) as (keyof NumberColumns)[])
    larger[name].set(columns[name] as never);
  return larger;
}

/** Names that only few members have. */
class OptionalNames {
  private readonly names: (ByteString | undefined)[] = [];

  set(row: number, name: ByteString | undefined): void {
    if (name === undefined) return;
    while (this.names.length < row) this.names.push(undefined);
    this.names.push(name);
  }

  /** null if no member has one. */
  finish(count: number): (ByteString | undefined)[] | null {
    if (this.names.length === 0) return null;
    while (this.names.length < count) this.names.push(undefined);
    return this.names;
  }
}

class DirectoryColumnsBuilder {
  private readonly paths: ByteString[] = [];
  private readonly identities: bigint[] = [];
  private readonly bases: DirectoryColumns['bases'] = [];
  private readonly baseIndices: number[] = [];
  private last: SourceDirectory | undefined;
  private lastBase: ByteString | undefined;

  /** The walk gives all members of a directory together. */
  index(directory: SourceDirectory): number {
    if (directory === this.last) return this.paths.length - 1;
    this.last = directory;
    const { base, baseIdentity, path, identity } = directory;
    if (base !== this.lastBase) {
      this.lastBase = base;
      this.bases.push({ path: base, identity: baseIdentity });
    }
    this.baseIndices.push(this.bases.length - 1);
    this.identities.push(identity.dev, identity.ino);
    return this.paths.push(path) - 1;
  }

  finish(): DirectoryColumns {
    return {
      paths: byteStringsOf(this.paths),
      identities: BigUint64Array.from(this.identities),
      bases: this.bases,
      baseIndices: Uint32Array.from(this.baseIndices),
    };
  }
}

/** Row `row` as a member. */
export function memberAt(columns: MemberColumns, row: number): Member {
  return {
    path: stringAt(columns.paths, row),
    kind: columns.kinds[row] ?? 0,
    mode: columns.modes[row] ?? 0,
    mtime: columns.mtimes[row] ?? 0n,
    size: columns.sizes[row] ?? 0,
    linkTarget: stringAt(columns.linkTargets, row),
    uid: idAt(columns.uids, row),
    gid: idAt(columns.gids, row),
    uname: columns.unames?.[row],
    gname: columns.gnames?.[row],
  };
}

function idAt(ids: Uint32Array | null, row: number): number | null {
  const id = ids?.[row] ?? NO_ID;
  return id === NO_ID ? null : id;
}

/** Where the file of row `row` is: its directory, and its name in that directory. */
export function placeAt(
  columns: MemberColumns,
  row: number,
): { directory: SourceDirectory | undefined; name: ByteString } {
  const path = foundPathAt(columns, row);
  return { directory: directoryAt(columns, row), name: path.slice(path.lastIndexOf('/') + 1) };
}

function directoryAt(
  { directories, directoryIndices }: MemberColumns,
  row: number,
): SourceDirectory | undefined {
  const index = directoryIndices[row] ?? 0;
  const base = directories.bases[directories.baseIndices[index] ?? 0];
  const [dev, ino] = directories.identities.subarray(2 * index, 2 * index + 2);
  if (base === undefined || dev === undefined || ino === undefined) return undefined;
  return {
    base: base.path,
    baseIdentity: base.identity,
    path: stringAt(directories.paths, index),
    identity: { dev, ino },
  };
}

/** The name of row `row` in messages, as a byte string. */
export function sourceAt(columns: MemberColumns, row: number): ByteString {
  return `${columns.prefixes[columns.prefixIndices[row] ?? 0] ?? ''}${foundPathAt(columns, row)}`;
}

function foundPathAt({ foundPaths, paths }: MemberColumns, row: number): ByteString {
  return stringAt(foundPaths ?? paths, row);
}

/** Bytes of content that the plan's chunk holds. */
export function contentLength({ members, continuation, overflow }: ChunkPlan): number {
  let total = continuation?.indexed === true ? continuation.length : 0;
  const whole = overflow === null ? members.count : members.count - 1;
  for (let row = 0; row < whole; row++) total += members.sizes[row] ?? 0;
  return total + (overflow?.length ?? 0);
}

/** Returns the slot of a chunk when it is free. Throws if something stops the run meanwhile. */
export type AcquireSlot = (sequence: number) => Promise<Slot>;
