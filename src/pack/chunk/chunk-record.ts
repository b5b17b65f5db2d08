/**
 * What happened to a chunk and to each of its members. The worker writes it into the slot's record area, and the writer
 * reads it. It has fixed offsets in shared memory, so nothing is cloned or serialised.
 */
import { CHECKSUM_LENGTH } from '../../format/values/constants.ts';
import { CHUNK_FIELDS_LENGTH, RECORD_LENGTH } from '../../threads/ring.ts';

/** The member could not be read and is not in the chunk. */
const DROPPED = 1;
/** The file changed while it was read. */
const CHANGED = 2;

export interface ChunkResult {
  /** Bytes of tar stream in the slot's input. */
  chunkLength: number;
  /** Bytes of the frame in the slot's output; 0 if the chunk must be stored. */
  blobLength: number;
  /** Chunk byte of the first tar header; undefined if there is none. */
  firstHeaderOffset: number | undefined;
  /** Bytes of chunk that belong to a member of an earlier chunk. */
  continuationLength: number;
  /** The file behind the continuation changed while it was read. */
  continuationChanged: boolean;
  checksum: Uint8Array;
}

export interface MemberResult {
  dropped: boolean;
  changed: boolean;
  /** Chunk byte at which the member's data starts. */
  dataOffset: number;
  /** Bytes of content: fewer than planned if the file had shrunk. */
  size: number;
  /** BLAKE3 of the content; has no meaning for members that continue in the next chunk. */
  checksum: Uint8Array;
}

const NO_HEADER = 0xffffffff;

export function writeChunkResult(records: Buffer, result: ChunkResult): void {
  records.writeUInt32LE(result.chunkLength, 0);
  records.writeUInt32LE(result.blobLength, 4);
  records.writeUInt32LE(result.firstHeaderOffset ?? NO_HEADER, 8);
  records.writeUInt32LE(result.continuationLength, 12);
  records.writeUInt32LE(result.continuationChanged ? CHANGED : 0, 16);
  records.set(result.checksum, 24);
}

export function readChunkResult(records: Buffer): ChunkResult {
  const firstHeader = records.readUInt32LE(8);
  return {
    chunkLength: records.readUInt32LE(0),
    blobLength: records.readUInt32LE(4),
    firstHeaderOffset: firstHeader === NO_HEADER ? undefined : firstHeader,
    continuationLength: records.readUInt32LE(12),
    continuationChanged: records.readUInt32LE(16) === CHANGED,
    checksum: Uint8Array.from(records.subarray(24, 24 + CHECKSUM_LENGTH)),
  };
}

export function writeMemberResult(
  records: Buffer,
  row: number,
  result: { dropped?: boolean; changed?: boolean; dataOffset?: number; size?: number; checksum?: Uint8Array },
): void {
  const at = CHUNK_FIELDS_LENGTH + row * RECORD_LENGTH;
  records.writeUInt32LE(result.dataOffset ?? 0, at);
  records.writeUInt32LE(
    (result.dropped === true ? DROPPED : 0) | (result.changed === true ? CHANGED : 0),
    at + 4,
  );
  records.writeDoubleLE(result.size ?? 0, at + 8);
  if (result.checksum !== undefined) records.set(result.checksum, at + 16);
}

export function readMemberResult(records: Buffer, row: number): MemberResult {
  const at = CHUNK_FIELDS_LENGTH + row * RECORD_LENGTH;
  const flags = records.readUInt32LE(at + 4);
  return {
    dropped: (flags & DROPPED) !== 0,
    changed: (flags & CHANGED) !== 0,
    dataOffset: records.readUInt32LE(at),
    size: records.readDoubleLE(at + 8),
    // A view. The writer copies it into the index before it frees the slot.
    checksum: records.subarray(at + 16, at + 16 + CHECKSUM_LENGTH),
  };
}
