/**
 * Many byte strings as one run of bytes: they cross threads and the border to native code as two arrays, whatever their
 * number.
 */
import type { ByteString } from './byte-string.ts';

/** Byte strings, one after the other, and where each ends. */
export interface ByteStrings {
  bytes: Uint8Array;
  ends: Uint32Array;
}

/** The string of a row; '' for a row that there is not. */
export function stringAt({ bytes, ends }: ByteStrings, row: number): ByteString {
  const start = startOf(ends, row);
  const end = ends[row] ?? start;
  return start === end
    ? ''
    : Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('latin1');
}

/** Where the string of a row starts. */
export function startOf(ends: Uint32Array, row: number): number {
  return row === 0 ? 0 : (ends[row - 1] ?? 0);
}

/** The columns of these strings. */
export function byteStringsOf(strings: readonly ByteString[]): ByteStrings {
  const ends = new Uint32Array(strings.length);
  let end = 0;
  for (let row = 0; row < strings.length; row++) {
    end += strings[row]?.length ?? 0;
    ends[row] = end;
  }
  // One write of all of them: a write for each would cost a call out of JavaScript each.
  const bytes = new Uint8Array(end);
  Buffer.from(bytes.buffer).write(strings.join(''), 'latin1');
  return { bytes, ends };
}
