/**
 * What the main thread decides about a chunk: which members it holds, and where their bytes are. The bytes of a tree
 * are in files that the worker reads; those of a tar stream are already in the slot. Plans travel to the worker, and to
 * the writer that indexes the chunk. So they are columns of plain values: cloning an object for each member would cost
 * more than reading the member.
 */
import type { Remark } from '../../format/remarks.ts';
import type { ByteString } from '../../format/values/byte-string.ts';
import type { Group, Member } from '../../format/values/entry.ts';
import type { Slot } from '../../threads/ring.ts';
import type { SpooledContent } from '../walk/content-spool.ts';
import type { SourceDirectory } from '../walk/source-directories.ts';
import type { SourceMember } from '../walk/source-member.ts';

/** The members whose headers are in one chunk. Row i of every column belongs to member i. */
export interface MemberColumns {
  count: number;
  paths: ByteString[];
  /** What comes before a path in messages, if there are files: one of `prefixes`, by index. */
  prefixes: string[];
  prefixIndices: Uint32Array;
  /** The directories of the members, if there are files to open: one of them by index. */
  directories: SourceDirectory[];
  directoryIndices: Uint32Array;
  kinds: Uint8Array;
  modes: Uint16Array;
  mtimes: BigInt64Array;
  /** The files' own mtimes, if others are recorded. They show whether a file has changed. */
  sourceMtimes: BigInt64Array | null;
  /** Whether symlinks are followed when files are opened. */
  follow: boolean;
  sizes: Float64Array;
  /** By row; only links have one. */
  linkTargets: Map<number, ByteString>;
  /** By row: the names of members on disk, if they are recorded under other names; null if all names are the same. */
  foundPaths: (ByteString | undefined)[] | null;
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

/** (uid_t)-1, which no owner has. */
const NO_ID = 0xffffffff;

/** Builds the columns of one chunk's members. */
export class MemberColumnsBuilder {
  private readonly members: SourceMember[] = [];
  private readonly groups: number[] = [];

  get count(): number {
    return this.members.length;
  }

  append(member: SourceMember, group: number): void {
    this.members.push(member);
    this.groups.push(group);
  }

  finish(): MemberColumns {
    const { members } = this;
    const count = members.length;
    const owned = members.some((member) => member.uid !== null);
    const dated = members.some((member) => member.sourceMtime !== null);
    const columns: MemberColumns = {
      count,
      paths: [],
      prefixes: [],
      prefixIndices: new Uint32Array(count),
      directories: [],
      directoryIndices: new Uint32Array(count),
      kinds: new Uint8Array(count),
      modes: new Uint16Array(count),
      mtimes: new BigInt64Array(count),
      sourceMtimes: dated ? new BigInt64Array(count) : null,
      follow: members.some((member) => member.follow),
      sizes: new Float64Array(count),
      linkTargets: new Map(),
      foundPaths: members.some(({ foundPath }) => foundPath !== undefined)
        ? members.map(({ foundPath }) => foundPath)
        : null,
      contents: new Map(),
      linked: new Set(),
      uids: owned ? new Uint32Array(count) : null,
      gids: owned ? new Uint32Array(count) : null,
      unames: namesOf(members, 'uname'),
      gnames: namesOf(members, 'gname'),
      groups: Uint32Array.from(this.groups),
    };
    // A plain loop: TypedArray.from with a callback takes ten times as long, and this is on the serial path.
    for (let row = 0; row < count; row++) {
      const member = members[row] as SourceMember;
      columns.paths.push(member.path);
      let prefix = columns.prefixes.indexOf(member.prefix);
      if (prefix < 0) prefix = columns.prefixes.push(member.prefix) - 1;
      columns.prefixIndices[row] = prefix;
      if (member.directory !== undefined) {
        // The walk gives all members of a directory together.
        if (columns.directories.at(-1) !== member.directory) columns.directories.push(member.directory);
        columns.directoryIndices[row] = columns.directories.length - 1;
      }
      columns.kinds[row] = member.kind;
      columns.modes[row] = member.mode;
      columns.mtimes[row] = member.mtime;
      if (columns.sourceMtimes !== null) columns.sourceMtimes[row] = member.sourceMtime ?? member.mtime;
      columns.sizes[row] = member.size;
      if (member.linkTarget !== '') columns.linkTargets.set(row, member.linkTarget);
      if (member.linked) columns.linked.add(row);
      if (member.content !== undefined) columns.contents.set(row, member.content);
      if (columns.uids !== null) columns.uids[row] = member.uid ?? NO_ID;
      if (columns.gids !== null) columns.gids[row] = member.gid ?? NO_ID;
    }
    return columns;
  }
}

/** Row `row` as a member. */
export function memberAt(columns: MemberColumns, row: number): Member {
  return {
    path: columns.paths[row] ?? '',
    kind: columns.kinds[row] ?? 0,
    mode: columns.modes[row] ?? 0,
    mtime: columns.mtimes[row] ?? 0n,
    size: columns.sizes[row] ?? 0,
    linkTarget: columns.linkTargets.get(row) ?? '',
    uid: idAt(columns.uids, row),
    gid: idAt(columns.gids, row),
    uname: columns.unames?.[row],
    gname: columns.gnames?.[row],
  };
}

function namesOf(members: readonly Member[], which: 'uname' | 'gname'): (ByteString | undefined)[] | null {
  return members.some((member) => member[which] !== undefined)
    ? members.map((member) => member[which])
    : null;
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
  return {
    directory: columns.directories[columns.directoryIndices[row] ?? 0],
    name: path.slice(path.lastIndexOf('/') + 1),
  };
}

/** The name of row `row` in messages, as a byte string. */
export function sourceAt(columns: MemberColumns, row: number): ByteString {
  return `${columns.prefixes[columns.prefixIndices[row] ?? 0] ?? ''}${foundPathAt(columns, row)}`;
}

function foundPathAt({ foundPaths, paths }: MemberColumns, row: number): ByteString {
  return foundPaths?.[row] ?? paths[row] ?? '';
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
