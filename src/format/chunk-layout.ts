/**
 * Decides which part of the tar stream goes into which chunk. This depends only on the members, so the same tree gives
 * the same archive with any number of threads. Implements docs/format.md, "Chunks".
 */
import { ZnipError } from '../errors.ts';
import type { ByteString } from './values/byte-string.ts';
import { MiB, CHUNK_GRANULE, MAX_CHUNK_SIZE, MIN_CHUNK_SIZE } from './values/constants.ts';

/**
 * Chunk sizes by total input size, in bytes. The first row whose limit is above the total applies; otherwise the size
 * after them.
 *
 * Small inputs get small chunks, so that every core has work. From 64 MiB on, chunks have 22 MiB at most, and 16 MiB on
 * average: a chunk ends anywhere in its second half, see `CutPoint`.
 */
const CHUNK_SIZES: readonly (readonly [below: number, chunkSize: number])[] = [
  [8 * MiB, 1 * MiB],
  [32 * MiB, 4 * MiB],
  [64 * MiB, 8 * MiB],
];
/** With `--long`: the longest chunk that the format allows. Every zstd decoder looks back that far by default. */
export const LONG_CHUNK_SIZE = 128 * MiB;
const LARGE_CHUNK_SIZE = 22 * MiB;

/** From this total on, the chunk size is fixed, so a walk may begin to fill chunks before it ends. */
export const SETTLED_TOTAL = 64 * MiB;

/**
 * The chunk size for `total` bytes of tar stream; `total` is Infinity if it is not known. The result is at least
 * `least`, if a size in the table is.
 */
export function chooseChunkSize(total: number, least = 0): number {
  for (const [below, chunkSize] of CHUNK_SIZES) if (total < below && least <= chunkSize) return chunkSize;
  return LARGE_CHUNK_SIZE;
}

/** Refuses a chunk size that the format does not allow. Returns it in bytes, rounded up to the granule. */
export function checkChunkSize(chunkSize: number): number {
  if (!Number.isFinite(chunkSize) || chunkSize < MIN_CHUNK_SIZE || chunkSize > MAX_CHUNK_SIZE) {
    throw new ZnipError(
      'usage',
      `chunk size ${chunkSize} is out of range: it must be from 64K to 128M (${MIN_CHUNK_SIZE} to ${MAX_CHUNK_SIZE} bytes)`,
    );
  }
  return Math.ceil(chunkSize / CHUNK_GRANULE) * CHUNK_GRANULE;
}

/** FNV-1a of 32 bits (RFC 9923): offset basis and prime. */
const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/** Of a name's rank, what its bytes so far come to. */
export type RankState = number;

export const RANK_START: RankState = FNV_OFFSET | 0;

export function rankByte(state: RankState, byte: number): RankState {
  return Math.imul(state ^ byte, FNV_PRIME);
}

export function rankName(state: RankState, name: ByteString): RankState {
  for (let i = 0; i < name.length; i++) state = rankByte(state, name.charCodeAt(i));
  return state;
}

/** Names that differ in one byte must not have similar ranks, so the bits are mixed as MurmurHash3 does it (fmix32). */
export function rankOf(state: RankState): number {
  state = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
  state = Math.imul(state ^ (state >>> 13), 0xc2b2ae35);
  return (state ^ (state >>> 16)) >>> 0;
}

/**
 * Where a chunk that cannot take all of the next member ends: before the member of the lowest rank among those that start
 * in its second half. So a file that comes or goes moves only the ends of chunks near it, and later chunks hold what they
 * held before.
 */
export class CutPoint {
  /** Chunk byte before which no chunk is cut. */
  readonly half: number;
  /** Chunk byte of the cut; undefined if no member starts in the second half. */
  position: number | undefined;
  private rank = Infinity;

  constructor(chunkSize: number) {
    this.half = chunkSize / 2;
  }

  /** Takes a member that starts at byte `position`, in order. Returns whether the chunk would now end before it. */
  offer(position: number, rank: number): boolean {
    if (position < this.half || rank >= this.rank) return false;
    this.rank = rank;
    this.position = position;
    return true;
  }

  /** A new chunk begins. */
  reset(): void {
    this.rank = Infinity;
    this.position = undefined;
  }
}
