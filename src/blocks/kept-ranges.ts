/**
 * The parts of a chunk that go into another archive, when members of it do not.
 */
import type { Remark } from '../format/remarks.ts';
import { paddedLength } from '../format/tar/tar-header.ts';
import type { InspectedChunk, InspectedMembers } from './inspect-chunk.ts';

/** What is kept of a chunk: members by row, and whether the one in which it ends is among them. */
export interface Kept {
  rows: readonly number[];
  tail: boolean;
}

/** A run of bytes of a chunk. */
export interface Range {
  start: number;
  end: number;
}

/** A chunk, and the byte of it at which its first header starts. */
interface Placed {
  chunkLength: number;
  start: number;
}

/**
 * The kept runs of the chunk: everything except members that are not kept, and the first bytes up to `continuationLength`.
 */
export function keptRanges(
  { chunkLength, start }: Placed,
  { members, unfinished, endOffset, fault }: InspectedChunk,
  { rows, tail }: Kept,
  continuationLength: number,
): Range[] {
  const keptRows = new Set(rows);
  let end = endOffset ?? chunkLength;
  if (unfinished !== null && !tail) end = unfinished.headerOffset;
  if (fault !== null) end = Math.max(start, endOfLast(members));
  const ranges: Range[] = [{ start: 0, end: continuationLength }];
  let from = start;
  for (let row = 0; row < members.count; row++) {
    const header = members.headerOffsets[row] ?? 0;
    if (keptRows.has(row) || header >= end) continue;
    ranges.push({ start: from, end: header });
    from = Math.min(end, endOf(members, row));
  }
  ranges.push({ start: from, end });
  return ranges.filter((range) => range.end > range.start);
}

/** Copies the runs, one behind the other. */
export function copyRanges(chunk: Buffer, ranges: readonly Range[], target: Uint8Array): void {
  let position = 0;
  for (const { start, end } of ranges) {
    chunk.copy(target, position, start, end);
    position += end - start;
  }
}

/** Where bytes of a chunk are if only these ranges of it are kept. Must be asked in order. */
export class Places {
  private readonly ranges: readonly Range[];
  private next = 0;
  /** Kept bytes before the next range. */
  private before = 0;

  constructor(ranges: readonly Range[]) {
    this.ranges = ranges;
  }

  /** undefined if the byte is not kept. */
  of(offset: number): number | undefined {
    for (;;) {
      const range = this.ranges[this.next];
      if (range === undefined || offset < range.start) return undefined;
      if (offset < range.end) return this.before + offset - range.start;
      this.before += range.end - range.start;
      this.next += 1;
    }
  }
}

/** The remarks of kept members, with the new places of their headers. */
export function keptRemarks({ remarks }: InspectedChunk, ranges: readonly Range[]): Remark[] {
  const places = new Places(ranges);
  return remarks.flatMap((remark) => {
    const headerOffset = places.of(remark.headerOffset);
    return headerOffset === undefined ? [] : [{ ...remark, headerOffset }];
  });
}

function endOf(members: InspectedMembers, row: number): number {
  return (members.dataOffsets[row] ?? 0) + paddedLength(members.dataLengths[row] ?? 0);
}

function endOfLast(members: InspectedMembers): number {
  return members.count === 0 ? 0 : endOf(members, members.count - 1);
}
