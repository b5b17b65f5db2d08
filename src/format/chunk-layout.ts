/**
 * Decides which part of the tar stream goes into which chunk. This depends only on the members, so the same tree gives
 * the same archive with any number of threads. Implements docs/format.md, "Chunks".
 */
import { ZnipError } from '../errors.ts';
import { MiB, CHUNK_GRANULE, MAX_CHUNK_SIZE, MIN_CHUNK_SIZE } from './values/constants.ts';

/**
 * Chunk sizes by total input size, in bytes. The first row whose limit is above the total applies; otherwise the size
 * after them.
 *
 * Small inputs get small chunks, so that every core has work. From 64 MiB on, chunks have 16 MiB: on two trees of 0.8
 * and 1.4 GB, the output was 0.957 and 0.979 of that of `zstd -3` (8 MiB: 0.974 and 0.991), at the same speed.
 */
const CHUNK_SIZES: readonly (readonly [below: number, chunkSize: number])[] = [
  [8 * MiB, 1 * MiB],
  [32 * MiB, 4 * MiB],
  [64 * MiB, 8 * MiB],
];
/** With `--long`: the longest chunk that the format allows. Every zstd decoder looks back that far by default. */
export const LONG_CHUNK_SIZE = 128 * MiB;
const LARGE_CHUNK_SIZE = 16 * MiB;

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
