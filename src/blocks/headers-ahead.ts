/**
 * The whole block headers in bytes that have been looked at. Each is found and checked only once, however often it is
 * asked for. Implements docs/format.md, "Of a damaged archive", step 2.
 */
import { ZnipError } from '../errors.ts';
import {
  type BlockHeader,
  blockHeaderLength,
  decodeBlockHeader,
  MAX_BLOCK_HEADER_LENGTH,
} from '../format/block-header.ts';
import { type Hash } from '../format/values/bytes.ts';
import { SKIPPABLE_HEADER_LENGTH, TAG } from '../format/values/constants.ts';
import { maxBlobLength } from '../format/zstd/zstd-frame.ts';

const TAG_BYTES = Buffer.from(TAG.blockHeader, 'latin1');

/** Forgotten headers are removed from the columns in groups of this many. */
const FORGET = 65_536;

/** Whether a blob can have the length that a header states for its chunk. */
export function hasPossibleBlob({ blobLength, chunkLength }: BlockHeader): boolean {
  return blobLength > 0 && blobLength <= maxBlobLength(chunkLength);
}

export class HeadersAhead {
  /** How many headers were checked so far. For the tests. */
  checked = 0;
  private readonly hash: Hash;
  /** All headers that begin before this archive byte have been found. */
  private seen = 0;
  /** Archive bytes at which headers begin, and their tar stream bytes. The first ones may be forgotten. */
  private positions: number[] = [];
  private streamOffsets: number[] = [];
  private forgotten = 0;
  /** For each tar stream byte, where its headers begin, and how many of these are forgotten. */
  private readonly byStreamOffset = new Map<number, { positions: number[]; forgotten: number }>();

  constructor(hash: Hash) {
    this.hash = hash;
  }

  /**
   * Looks for headers in these bytes of the archive, which begin at `offset`. Earlier bytes are not needed any more.
   * `ended`: no bytes follow.
   */
  look(bytes: Buffer, offset: number, ended: boolean): void {
    this.forget((position) => position < offset);
    for (let at = Math.max(0, this.seen - offset); ;) {
      const tag = bytes.indexOf(TAG_BYTES, at + SKIPPABLE_HEADER_LENGTH);
      if (tag < 0) break;
      at = tag - SKIPPABLE_HEADER_LENGTH;
      this.seen = Math.max(this.seen, offset + at);
      const rest = bytes.subarray(at, at + MAX_BLOCK_HEADER_LENGTH);
      const length = blockHeaderLength(rest);
      // It may continue in bytes that have not come yet.
      if (length !== undefined && length > rest.byteLength && !ended) return;
      if (length !== undefined && length <= rest.byteLength)
        this.check(rest.subarray(0, length), offset + at);
      at += 1;
    }
    const end = offset + bytes.byteLength - (ended ? 0 : SKIPPABLE_HEADER_LENGTH + TAG_BYTES.byteLength - 1);
    this.seen = Math.max(this.seen, end);
  }

  /**
   * Where the first header at or after `from` begins, for this tar stream byte or a later one. Between calls, neither
   * argument ever falls.
   */
  next(from: number, streamOffset: number): number | undefined {
    this.forget((position, found) => position < from || found < streamOffset);
    return this.positions[this.forgotten];
  }

  /** Where the first header for exactly this tar stream byte begins, at or after `from`. */
  nextFor(streamOffset: number, from: number): number | undefined {
    const same = this.byStreamOffset.get(streamOffset);
    if (same === undefined) return undefined;
    while ((same.positions[same.forgotten] ?? Infinity) < from) same.forgotten += 1;
    return same.positions[same.forgotten];
  }

  /** Forgets headers as long as they are of this kind. */
  private forget(isPast: (position: number, streamOffset: number) => boolean): void {
    const { positions, streamOffsets, byStreamOffset } = this;
    for (; this.forgotten < positions.length; this.forgotten++) {
      const position = positions[this.forgotten] ?? 0;
      const streamOffset = streamOffsets[this.forgotten] ?? 0;
      if (!isPast(position, streamOffset)) break;
      const same = byStreamOffset.get(streamOffset);
      if (same === undefined) continue;
      while ((same.positions[same.forgotten] ?? Infinity) <= position) same.forgotten += 1;
      if (same.forgotten === same.positions.length) byStreamOffset.delete(streamOffset);
    }
    if (this.forgotten < FORGET || 2 * this.forgotten < positions.length) return;
    this.positions = positions.slice(this.forgotten);
    this.streamOffsets = streamOffsets.slice(this.forgotten);
    this.forgotten = 0;
  }

  private check(frame: Buffer, position: number): void {
    this.checked += 1;
    let header: BlockHeader;
    try {
      header = decodeBlockHeader(frame, this.hash, position);
    } catch (error) {
      if (error instanceof ZnipError) return;
      throw error;
    }
    if (!hasPossibleBlob(header)) return;
    const { streamOffset } = header;
    this.positions.push(position);
    this.streamOffsets.push(streamOffset);
    const same = this.byStreamOffset.get(streamOffset);
    if (same === undefined) this.byStreamOffset.set(streamOffset, { positions: [position], forgotten: 0 });
    else same.positions.push(position);
  }
}
