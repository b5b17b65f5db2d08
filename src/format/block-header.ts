/**
 * Block headers: they tell a one-pass reader what it needs to know about the blob that follows. Implements
 * docs/format.md, "Block header".
 */
import { ZnipError } from '../errors.ts';
import type { ByteString } from './values/byte-string.ts';
import { type Hash, equalBytes } from './values/bytes.ts';
import {
  CHECKSUM_LENGTH,
  FORMAT_MAJOR,
  FORMAT_MINOR,
  MAX_CHUNK_SIZE,
  MAX_PATH_LENGTH,
  SHORT_CHECKSUM_LENGTH,
  SKIPPABLE_HEADER_LENGTH,
  TAG,
} from './values/constants.ts';
import { readUint64, writeUint64 } from './values/integers.ts';
import {
  checkMajor,
  readTag,
  skippableFrameLength,
  viewOf,
  writeSkippableHeader,
} from './zstd/skippable-frame.ts';

const FIXED_LENGTH = 88;
const NO_HEADER = 0xffffffff;

const FLAG_STORED = 1;
const FLAG_LAST = 2;

/** Length of the shortest block header. */
export const MIN_BLOCK_HEADER_LENGTH = FIXED_LENGTH + SHORT_CHECKSUM_LENGTH;

/** Length of the longest block header: a stream reader must be able to hold that much. */
export const MAX_BLOCK_HEADER_LENGTH = FIXED_LENGTH + MAX_PATH_LENGTH + SHORT_CHECKSUM_LENGTH;

/** Where a chunk begins, if it begins inside a member. */
export interface Continuation {
  path: ByteString;
  /** Bytes of the member's data that earlier chunks hold. */
  memberOffset: number;
  /** Bytes of the member's data in all. */
  memberSize: number;
}

export interface BlockHeader {
  /** The blob is a frame of raw blocks. */
  stored: boolean;
  /** This is the last block: its chunk is the end of the tar stream and nothing else. */
  last: boolean;
  /** Bytes of the zstd frame that follows. */
  blobLength: number;
  /** Bytes of tar stream in it. */
  chunkLength: number;
  /** Where the chunk starts in the tar stream. */
  streamOffset: number;
  /** Chunk byte at which the first tar header starts; undefined if none starts in the chunk. */
  firstHeaderOffset: number | undefined;
  continuation: Continuation | undefined;
  /** BLAKE3 of the blob. */
  checksum: Uint8Array;
}

export function encodeBlockHeader(header: BlockHeader, hash: Hash): Uint8Array {
  const { continuation } = header;
  const pathLength = continuation?.path.length ?? 0;
  const frame = Buffer.alloc(FIXED_LENGTH + pathLength + SHORT_CHECKSUM_LENGTH);
  const view = viewOf(frame);
  writeSkippableHeader(frame);
  // 8: tag
  frame.write(TAG.blockHeader, 8, 'latin1');
  // 12: major version, 13: minor version
  frame[12] = FORMAT_MAJOR;
  frame[13] = FORMAT_MINOR;
  // 14: flags
  view.setUint16(14, (header.stored ? FLAG_STORED : 0) | (header.last ? FLAG_LAST : 0), true);
  // 16: blob length, 20: chunk length
  view.setUint32(16, header.blobLength, true);
  view.setUint32(20, header.chunkLength, true);
  // 24: stream offset
  writeUint64(view, 24, header.streamOffset);
  // 32: first header offset, 36: path length
  view.setUint32(32, header.firstHeaderOffset ?? NO_HEADER, true);
  view.setUint32(36, pathLength, true);
  // 40: member offset, 48: member size
  writeUint64(view, 40, continuation?.memberOffset ?? 0);
  writeUint64(view, 48, continuation?.memberSize ?? 0);
  // 56: checksum of the blob
  frame.set(header.checksum, 56);
  // 88: path, then the header's own checksum
  if (continuation !== undefined) frame.write(continuation.path, FIXED_LENGTH, 'latin1');
  frame.set(ownChecksum(frame, hash), frame.byteLength - SHORT_CHECKSUM_LENGTH);
  return frame;
}

/** The first bytes of the BLAKE3 of the whole frame without this checksum. */
function ownChecksum(frame: Uint8Array, hash: Hash): Uint8Array {
  return hash(frame.subarray(0, frame.byteLength - SHORT_CHECKSUM_LENGTH)).subarray(0, SHORT_CHECKSUM_LENGTH);
}

/** Decodes a block header. `frame` is its whole skippable frame; `offset` is its place, for errors. */
export function decodeBlockHeader(frame: Uint8Array, hash: Hash, offset: number): BlockHeader {
  const damaged = (why: string): ZnipError =>
    new ZnipError('damaged-block', `block header at byte ${offset}: ${why}`, { offset });
  if (readTag(frame) !== TAG.blockHeader) throw damaged('expected a block header, found other bytes');
  if (frame.byteLength < MIN_BLOCK_HEADER_LENGTH) throw damaged('it is too short');
  if (skippableFrameLength(frame) !== frame.byteLength) throw damaged('its length is wrong');
  checkMajor(frame[12] ?? 0, frame[13] ?? 0);
  const stated = frame.subarray(frame.byteLength - SHORT_CHECKSUM_LENGTH);
  if (!equalBytes(ownChecksum(frame, hash), stated)) throw damaged('its checksum does not match');
  const view = viewOf(frame);
  const flags = view.getUint16(14, true);
  const chunkLength = view.getUint32(20, true);
  if (chunkLength === 0 || chunkLength > MAX_CHUNK_SIZE) {
    throw damaged(`chunk length ${chunkLength} is not from 1 to ${MAX_CHUNK_SIZE}`);
  }
  const firstHeader = view.getUint32(32, true);
  if (firstHeader !== NO_HEADER && firstHeader >= chunkLength) {
    throw damaged(`first header offset ${firstHeader} is past the chunk of ${chunkLength} bytes`);
  }
  const pathLength = view.getUint32(36, true);
  if (FIXED_LENGTH + pathLength + SHORT_CHECKSUM_LENGTH !== frame.byteLength) {
    throw damaged(`path length ${pathLength} does not fit the frame`);
  }
  const memberOffset = readUint64(view, 40, 'member offset', 'damaged-block');
  const memberSize = readUint64(view, 48, 'member size', 'damaged-block');
  if (pathLength > 0 && memberOffset >= memberSize) {
    throw damaged(`member offset ${memberOffset} is past the member of ${memberSize} bytes`);
  }
  return {
    stored: (flags & FLAG_STORED) !== 0,
    last: (flags & FLAG_LAST) !== 0,
    blobLength: view.getUint32(16, true),
    chunkLength,
    streamOffset: readUint64(view, 24, 'stream offset', 'damaged-block'),
    firstHeaderOffset: firstHeader === NO_HEADER ? undefined : firstHeader,
    continuation:
      pathLength === 0
        ? undefined
        : {
            path: Buffer.from(frame.buffer, frame.byteOffset + FIXED_LENGTH, pathLength).toString('latin1'),
            memberOffset,
            memberSize,
          },
    // A copy, because `slice` of a Buffer is a view of memory that the caller uses again.
    checksum: Uint8Array.from(frame.subarray(56, 56 + CHECKSUM_LENGTH)),
  };
}

/** Length of the block header's frame, from its first bytes; undefined if these do not begin a block header. */
export function blockHeaderLength(start: Uint8Array): number | undefined {
  if (readTag(start) !== TAG.blockHeader) return undefined;
  const length = skippableFrameLength(start);
  return length <= MAX_BLOCK_HEADER_LENGTH ? length : undefined;
}

export const BLOCK_HEADER_PROBE_LENGTH = SKIPPABLE_HEADER_LENGTH + 4;
