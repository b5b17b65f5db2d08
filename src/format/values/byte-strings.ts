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

/** Collects byte strings. */
export class ByteStringsBuilder {
  private bytes = Buffer.alloc(0);
  private ends = new Uint32Array(0);
  private byteLength = 0;
  private length = 0;

  append(string: ByteString): void {
    const start = this.byteLength;
    this.makeRoom(1, string.length);
    if (string !== '') this.bytes.write(string, start, 'latin1');
    this.byteLength += string.length;
    this.ends[this.length++] = this.byteLength;
  }

  /** Appends rows `from` to `to` of these. */
  appendRows({ bytes, ends }: ByteStrings, from: number, to: number): void {
    const first = startOf(ends, from);
    const start = this.byteLength;
    const length = startOf(ends, to) - first;
    this.makeRoom(to - from, length);
    this.bytes.set(bytes.subarray(first, first + length), start);
    for (let row = from; row < to; row++) this.ends[this.length++] = start + (ends[row] ?? 0) - first;
    this.byteLength += length;
  }

  appendBytes(bytes: Uint8Array, start: number, end: number): void {
    this.makeRoom(1, end - start);
    const target = this.bytes;
    let at = this.byteLength;
    // A name is too short for an object that is made only to copy it.
    for (let i = start; i < end; i++) target[at++] = bytes[i] ?? 0;
    this.byteLength = at;
    this.ends[this.length++] = at;
  }

  /** How many strings there are. */
  get size(): number {
    return this.length;
  }

  /** Whether the string of a row is the bytes from `start` to `end`. */
  equals(row: number, bytes: Uint8Array, start: number, end: number): boolean {
    const at = startOf(this.ends, row);
    if ((this.ends[row] ?? at) - at !== end - start) return false;
    // From the end: names in one directory begin with the same bytes.
    for (let i = end - start - 1; i >= 0; i--) if (this.bytes[at + i] !== bytes[start + i]) return false;
    return true;
  }

  /** The string of a row. */
  get(row: number): ByteString {
    const start = startOf(this.ends, row);
    const end = row < this.length ? (this.ends[row] ?? start) : start;
    return this.bytes.toString('latin1', start, end);
  }

  appendEmpty(count: number): void {
    this.makeRoom(count, 0);
    this.ends.fill(this.byteLength, this.length, this.length + count);
    this.length += count;
  }

  /** All that is there, and room behind it for `count` strings of `length` bytes, for who writes them and then commits. */
  room(count: number, length: number): { bytes: Uint8Array; ends: Uint32Array } {
    this.makeRoom(count, length);
    return { bytes: this.bytes, ends: this.ends };
  }

  /** There are now `size` strings: those behind the ones of before were written to the room. */
  commit(size: number): void {
    this.length = size;
    this.byteLength = startOf(this.ends, size);
  }

  /** What is there so far, where it is: valid until the next change. */
  view(): ByteStrings {
    return { bytes: this.bytes.subarray(0, this.byteLength), ends: this.ends.subarray(0, this.length) };
  }

  /** Exactly as long as the strings. */
  finish(): ByteStrings {
    return {
      bytes: Uint8Array.prototype.slice.call(this.bytes, 0, this.byteLength),
      ends: this.ends.slice(0, this.length),
    };
  }

  private makeRoom(count: number, length: number): void {
    const end = this.byteLength + length;
    if (end > this.bytes.byteLength) {
      const longer = Buffer.alloc(Math.max(4096, end + (end >> 1)));
      this.bytes.copy(longer);
      this.bytes = longer;
    }
    const rows = this.length + count;
    if (rows > this.ends.length) {
      const longer = new Uint32Array(Math.max(64, rows + (rows >> 1)));
      longer.set(this.ends);
      this.ends = longer;
    }
  }
}
