/**
 * How long the headers of a member are in the part of a tar stream that has been read ahead. A chunk must hold them
 * whole. Main thread.
 */
import { readNumber } from '../../format/tar/record.ts';
import { paddedLength } from '../../format/tar/tar-header.ts';
import { FILE, isExtension, TYPES } from '../../format/tar/types.ts';
import { TAR_RECORD } from '../../format/values/constants.ts';

/**
 * The longest headers in these pieces of a tar stream. This uses only sizes and stops where they make no sense. Longer
 * headers that it misses are found when the chunks are cut.
 */
export function longestHeaders(pieces: readonly Uint8Array[]): number {
  const records = new Records(pieces);
  let longest = 0;
  let headers = 0;
  for (let at = 0; ;) {
    const record = records.at(at);
    if (record === undefined) return Math.max(longest, headers);
    const flag = record[156] ?? 0;
    const size = readNumber(record, 124, 12);
    if (!(size >= 0) || !Number.isSafeInteger(size)) return longest;
    const isExtended = isExtension(flag);
    headers += TAR_RECORD + (isExtended ? paddedLength(size) : 0);
    if (!isExtended) {
      longest = Math.max(longest, headers);
      headers = 0;
    }
    const { data } = TYPES[String.fromCharCode(flag)] ?? FILE;
    at += TAR_RECORD + (data ? paddedLength(size) : 0);
  }
}

/** Records of a stream in pieces. They must be asked for in order. */
class Records {
  private readonly pieces: readonly Uint8Array[];
  private index = 0;
  private start = 0;

  constructor(pieces: readonly Uint8Array[]) {
    this.pieces = pieces;
  }

  /** undefined if the pieces do not hold the whole record. */
  at(position: number): Buffer | undefined {
    for (;;) {
      const piece = this.pieces[this.index];
      if (piece === undefined) return undefined;
      const offset = position - this.start;
      if (offset + TAR_RECORD <= piece.byteLength) {
        return Buffer.from(piece.buffer, piece.byteOffset + offset, TAR_RECORD);
      }
      if (offset < piece.byteLength) return this.across(offset);
      this.start += piece.byteLength;
      this.index += 1;
    }
  }

  /** A record that continues in the next pieces. */
  private across(offset: number): Buffer | undefined {
    const record = Buffer.alloc(TAR_RECORD);
    let done = 0;
    for (let i = this.index; i < this.pieces.length && done < TAR_RECORD; i++) {
      const rest = this.pieces[i]?.subarray(i === this.index ? offset : 0).subarray(0, TAR_RECORD - done);
      if (rest === undefined) break;
      record.set(rest, done);
      done += rest.byteLength;
    }
    return done === TAR_RECORD ? record : undefined;
  }
}
