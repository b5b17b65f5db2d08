/**
 * Where the data of a sparse file goes: a run of the stream becomes pieces of the file, with holes between them.
 */
import type { SparseMap } from '../format/tar/sparse.ts';

/** A piece of the data, `start` bytes into the requested range, and its place in the file. */
export interface SparsePiece {
  start: number;
  fileOffset: number;
  length: number;
}

/** The pieces of the file for the data's bytes `[from, from + length)`. */
export function* sparsePieces(
  { offsets, lengths, starts }: SparseMap,
  from: number,
  length: number,
): Generator<SparsePiece, void, undefined> {
  const end = from + length;
  for (let i = firstBehind(starts, from); i < starts.length && (starts[i] ?? 0) < end; i++) {
    const start = Math.max(from, starts[i] ?? 0);
    const pieceEnd = Math.min(end, (starts[i] ?? 0) + (lengths[i] ?? 0));
    if (pieceEnd <= start) continue;
    const fileOffset = (offsets[i] ?? 0) + (start - (starts[i] ?? 0));
    yield { start: start - from, fileOffset, length: pieceEnd - start };
  }
}

/** The last run that begins at or before `from`. A run without bytes begins where the next one does. */
function firstBehind(starts: Float64Array, from: number): number {
  let low = 0;
  let high = starts.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((starts[middle] ?? 0) <= from) low = middle + 1;
    else high = middle;
  }
  return Math.max(0, low - 1);
}
