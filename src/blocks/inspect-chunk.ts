/**
 * What the tar headers of one verified chunk say, and the hashes of its contents, as columns: for code that compares
 * instead of writing. Runs on a worker, or on the main thread if there are none.
 */
import type { Codec } from '../codec/codec.ts';
import { type PlainError, toPlainError, ZnipError } from '../errors.ts';
import { FingerprintHead } from '../format/fingerprint.ts';
import { type Remark, remarksOf } from '../format/remarks.ts';
import { paddedLength } from '../format/tar/tar-header.ts';
import { TarReader } from '../format/tar/tar-reader.ts';
import type { ByteString } from '../format/values/byte-string.ts';
import { CHECKSUM_LENGTH } from '../format/values/constants.ts';
import { KIND, type Member } from '../format/values/entry.ts';

/**
 * Members whose headers are in one chunk, except those that an index does not know. Row i of every column is member i.
 */
export interface InspectedMembers {
  count: number;
  /** All names, one after the other, and where each ends. */
  paths: ByteString;
  pathEnds: Uint32Array;
  linkTargets: ByteString;
  linkEnds: Uint32Array;
  kinds: Uint8Array;
  modes: Uint32Array;
  mtimes: BigInt64Array;
  sizes: Float64Array;
  /** Chunk bytes at which headers start and contents start. */
  headerOffsets: Float64Array;
  dataOffsets: Float64Array;
  /** Bytes of data in the tar stream. Only the data of files is content. */
  dataLengths: Float64Array;
  /** -1 if the header has no valid one. */
  uids: Float64Array;
  gids: Float64Array;
  /** Names of owners by row; null if no member of the chunk has one. */
  unames: (ByteString | undefined)[] | null;
  gnames: (ByteString | undefined)[] | null;
  /** Extended attributes by row; null if no member of the chunk has some. */
  xattrs: (ByteString | undefined)[] | null;
  /** BLAKE3 of each content that is completely in the chunk. */
  checksums: Uint8Array;
}

/** The member in which a chunk ends. */
export interface UnfinishedMember {
  path: ByteString;
  /** Chunk byte at which its headers start. */
  headerOffset: number;
  size: number;
  /** Bytes of its content so far. */
  done: number;
  /** It is the last of the members, and a file. Otherwise, no index knows its content. */
  indexed: boolean;
}

export interface InspectedChunk {
  members: InspectedMembers;
  /** What an index cannot say about members; headers by chunk byte. */
  remarks: Remark[];
  unfinished: UnfinishedMember | null;
  /** Where the zeros at the end of the tar stream begin; null if they are not in this chunk. */
  endOffset: number | null;
  /** Why the tar stream cannot be followed any further, and where. */
  fault: PlainError | null;
  /** There is a global header, which also counts for later chunks. */
  hasGlobals: boolean;
  /** Stands for the bytes of the chunk; null if not all of its headers are known. */
  fingerprint: Uint8Array | null;
}

interface Placed {
  member: Member;
  dataLength: number;
  headerOffset: number;
  dataOffset: number;
}

/** `start` is where the first header is. `streamOffset` is the chunk's place in the tar stream, for messages. */
export function inspectChunk(
  chunk: Buffer,
  start: number,
  streamOffset: number,
  reader: TarReader,
  codec: Codec,
): InspectedChunk {
  const placed: Placed[] = [];
  const remarks: Remark[] = [];
  let unfinished: UnfinishedMember | null = null;
  let endOffset: number | null = null;
  let fault: PlainError | null = null;
  try {
    for (let position = start; position < chunk.byteLength;) {
      const item = reader.read(chunk, position, streamOffset, true);
      if (item === 'more')
        throw broken(streamOffset + position, 'the headers of a member do not end in its chunk');
      if (item === 'end') {
        const stray = chunk.subarray(position).findIndex((byte) => byte !== 0);
        if (stray >= 0)
          throw broken(streamOffset + position + stray, 'bytes behind the end of the tar stream');
        endOffset = position;
        break;
      }
      const { member, path, size } = item;
      const dataOffset = position + item.headerLength;
      for (const remark of remarksOf(item, position)) remarks.push(remark);
      // The top directory itself has no entry.
      const indexed = member !== null && path !== '' && path !== '.';
      if (indexed) placed.push({ member, headerOffset: position, dataOffset, dataLength: size });
      const headerOffset = position;
      position = dataOffset + paddedLength(size);
      if (position > chunk.byteLength) {
        unfinished = {
          path,
          headerOffset,
          size,
          done: Math.min(size, chunk.byteLength - dataOffset),
          indexed: indexed && member.kind === KIND.file,
        };
      }
    }
  } catch (error) {
    if (!(error instanceof ZnipError)) throw error;
    fault = toPlainError(error);
  }
  const members = toColumns(placed, chunk, codec);
  const fingerprint = fault === null ? fingerprintOf(members, chunk, codec) : null;
  return { members, remarks, unfinished, endOffset, fault, hasGlobals: reader.hasGlobals, fingerprint };
}

function fingerprintOf(members: InspectedMembers, chunk: Buffer, codec: Codec): Uint8Array {
  const { count, kinds, dataOffsets, sizes, checksums } = members;
  const head = new FingerprintHead(count);
  for (let row = 0; row < count; row++) {
    const offset = dataOffsets[row] ?? 0;
    const size = sizes[row] ?? 0;
    if (kinds[row] === KIND.file && offset + size <= chunk.byteLength) head.add(offset, size, checksums, row);
  }
  return codec.fingerprint(chunk, head.finish(chunk.byteLength));
}

function broken(offset: number, why: string): ZnipError {
  return new ZnipError('damaged-block', `tar stream at byte ${offset}: ${why}`, { offset });
}

function toColumns(placed: readonly Placed[], chunk: Buffer, codec: Codec): InspectedMembers {
  const count = placed.length;
  const paths: ByteString[] = [];
  const linkTargets: ByteString[] = [];
  const columns: InspectedMembers = {
    count,
    paths: '',
    pathEnds: new Uint32Array(count),
    linkTargets: '',
    linkEnds: new Uint32Array(count),
    kinds: new Uint8Array(count),
    modes: new Uint32Array(count),
    mtimes: new BigInt64Array(count),
    sizes: new Float64Array(count),
    headerOffsets: new Float64Array(count),
    dataOffsets: new Float64Array(count),
    dataLengths: new Float64Array(count),
    uids: new Float64Array(count),
    gids: new Float64Array(count),
    unames: namesOf(placed, 'uname'),
    gnames: namesOf(placed, 'gname'),
    xattrs: namesOf(placed, 'xattrs'),
    checksums: new Uint8Array(count * CHECKSUM_LENGTH),
  };
  let pathEnd = 0;
  let linkEnd = 0;
  placed.forEach(({ member, headerOffset, dataOffset, dataLength }, row) => {
    paths.push(member.path);
    linkTargets.push(member.linkTarget);
    pathEnd += member.path.length;
    linkEnd += member.linkTarget.length;
    columns.pathEnds[row] = pathEnd;
    columns.linkEnds[row] = linkEnd;
    columns.kinds[row] = member.kind;
    columns.modes[row] = member.mode;
    columns.mtimes[row] = member.mtime;
    columns.sizes[row] = member.size;
    columns.headerOffsets[row] = headerOffset;
    columns.dataOffsets[row] = dataOffset;
    columns.dataLengths[row] = dataLength;
    columns.uids[row] = member.uid ?? -1;
    columns.gids[row] = member.gid ?? -1;
    const end = dataOffset + member.size;
    if (member.kind === KIND.file && end <= chunk.byteLength) {
      columns.checksums.set(codec.hash(chunk.subarray(dataOffset, end)), row * CHECKSUM_LENGTH);
    }
  });
  columns.paths = paths.join('');
  columns.linkTargets = linkTargets.join('');
  return columns;
}

function namesOf(
  placed: readonly Placed[],
  which: 'uname' | 'gname' | 'xattrs',
): (ByteString | undefined)[] | null {
  const hasSome = placed.some(({ member }) => member[which] !== undefined);
  return hasSome ? placed.map(({ member }) => member[which]) : null;
}

/** Names of the members of a chunk, in order. */
export function pathAt({ paths, pathEnds }: InspectedMembers, row: number): ByteString {
  return paths.slice(row === 0 ? 0 : pathEnds[row - 1], pathEnds[row]);
}

export function linkTargetAt({ linkTargets, linkEnds }: InspectedMembers, row: number): ByteString {
  return linkTargets.slice(row === 0 ? 0 : linkEnds[row - 1], linkEnds[row]);
}
