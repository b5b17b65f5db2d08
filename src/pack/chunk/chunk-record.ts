/**
 * What happened to a chunk and to each of its members. The worker writes it into the slot, and the writer reads it. It
 * has fixed places in shared memory, so nothing is cloned or serialised.
 */
import { CHECKSUM_LENGTH } from '../../format/values/constants.ts';
import type { MemberResults } from '../../threads/ring.ts';

/** The member could not be read and is not in the chunk. */
export const DROPPED = 1;
/** The file changed while it was read. */
export const CHANGED = 2;

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
  /** BLAKE3 of the blob. */
  checksum: Uint8Array;
  /** Bytes of what is hashed of the continuation, and of the overflow. */
  continuationSubtrees: number;
  overflowSubtrees: number;
  /** Stands for the bytes of the chunk, see `format/fingerprint.ts`. */
  fingerprint: Uint8Array;
}

const NO_HEADER = 0xffffffff;

export function writeChunkResult(fields: Buffer, result: ChunkResult): void {
  fields.writeUInt32LE(result.chunkLength, 0);
  fields.writeUInt32LE(result.blobLength, 4);
  fields.writeUInt32LE(result.firstHeaderOffset ?? NO_HEADER, 8);
  fields.writeUInt32LE(result.continuationLength, 12);
  fields.writeUInt32LE(result.continuationChanged ? CHANGED : 0, 16);
  fields.writeUInt32LE(result.continuationSubtrees, 20);
  fields.set(result.checksum, 24);
  fields.writeUInt32LE(result.overflowSubtrees, 56);
  fields.set(result.fingerprint, 60);
}

export function readChunkResult(fields: Buffer): ChunkResult {
  const firstHeader = fields.readUInt32LE(8);
  return {
    chunkLength: fields.readUInt32LE(0),
    blobLength: fields.readUInt32LE(4),
    firstHeaderOffset: firstHeader === NO_HEADER ? undefined : firstHeader,
    continuationLength: fields.readUInt32LE(12),
    continuationChanged: fields.readUInt32LE(16) === CHANGED,
    continuationSubtrees: fields.readUInt32LE(20),
    checksum: Uint8Array.from(fields.subarray(24, 24 + CHECKSUM_LENGTH)),
    overflowSubtrees: fields.readUInt32LE(56),
    fingerprint: Uint8Array.from(fields.subarray(60, 60 + CHECKSUM_LENGTH)),
  };
}

/** A member that is in the chunk. */
interface MemberResult {
  changed: boolean;
  /** Chunk byte at which its data starts. */
  dataOffset: number;
  size: number;
  /** undefined if it is no file, or goes on in the next chunk. */
  checksum: Uint8Array | undefined;
}

export function writeMemberResult(members: MemberResults, row: number, result: MemberResult): void {
  members.dataOffsets[row] = result.dataOffset;
  members.flags[row] = result.changed ? CHANGED : 0;
  members.sizes[row] = result.size;
  if (result.checksum !== undefined) members.checksums.set(result.checksum, row * CHECKSUM_LENGTH);
}

export function dropMember(members: MemberResults, row: number): void {
  members.flags[row] = DROPPED;
}
