/**
 * Many different names, and the row of each: a hash table over plain bytes. With millions of names, a Map of strings would
 * take several times the memory, and the garbage collector would look at each of them again and again.
 */
import type { CoreNameTable } from '../core/core.ts';
import { grown } from '../format/values/grown.ts';
import type { ByteString } from '../format/values/byte-string.ts';
import { type ByteStrings, ByteStringsBuilder } from '../format/values/byte-strings.ts';

const FIRST_SLOTS = 64;
const NONE = -1;

export class NameTable {
  private readonly names = new ByteStringsBuilder();
  private hashes = new Uint32Array(FIRST_SLOTS / 2);
  /** Row and one, at the place that the hash says or behind it; 0 if it is free. At most half of them are in use. */
  private slots = new Uint32Array(FIRST_SLOTS);
  private scratch = Buffer.alloc(256);

  /** How many names there are. */
  get size(): number {
    return this.names.size;
  }

  name(row: number): ByteString {
    return this.names.get(row);
  }

  /** All names, by row: valid until the next is added. */
  all(): ByteStrings {
    return this.names.view();
  }

  /** The row of a name; -1 if it is not there. */
  rowOf(name: ByteString): number {
    const length = this.toScratch(name);
    return this.find(this.scratch, 0, length, hashBytes(this.scratch, 0, length));
  }

  has(name: ByteString): boolean {
    return this.rowOf(name) >= 0;
  }

  /** The row of a name, which is added if it is not there: then the row is the `size` of before. */
  add(name: ByteString): number {
    const length = this.toScratch(name);
    return this.addBytes(this.scratch, 0, length, hashBytes(this.scratch, 0, length));
  }

  /** `rowOf` for the bytes from `start` to `end`, whose `hashBytes` is `hash`. */
  find(bytes: Uint8Array, start: number, end: number, hash: number): number {
    const { slots, hashes, names } = this;
    const mask = slots.length - 1;
    for (let at = hash & mask; ; at = (at + 1) & mask) {
      const row = (slots[at] ?? 0) - 1;
      if (row < 0) return NONE;
      if (hashes[row] === hash && names.equals(row, bytes, start, end)) return row;
    }
  }

  /** `add` for bytes. */
  addBytes(bytes: Uint8Array, start: number, end: number, hash: number): number {
    const there = this.find(bytes, start, end, hash);
    if (there !== NONE) return there;
    const row = this.size;
    this.makeRoom(row + 1);
    this.names.appendBytes(bytes, start, end);
    this.hashes[row] = hash;
    this.place(row);
    return row;
  }

  /** The table for the core, which adds up to `count` names of `length` bytes in all. Then `commit`. */
  open(count: number, length: number): CoreNameTable {
    this.makeRoom(this.size + count);
    return { ...this.names.room(count, length), hashes: this.hashes, slots: this.slots };
  }

  /** The core has added names: there are now `size`. */
  commit(size: number): void {
    this.names.commit(size);
  }

  private place(row: number): void {
    const { slots } = this;
    const mask = slots.length - 1;
    let at = (this.hashes[row] ?? 0) & mask;
    while (slots[at] !== 0) at = (at + 1) & mask;
    slots[at] = row + 1;
  }

  private makeRoom(needed: number): void {
    let rows = this.hashes.length;
    if (needed <= rows) return;
    while (rows < needed) rows *= 2;
    this.hashes = grown(new Uint32Array(rows), this.hashes);
    this.slots = new Uint32Array(2 * rows);
    for (let row = 0; row < this.size; row++) this.place(row);
  }

  private toScratch(name: ByteString): number {
    if (name.length > this.scratch.length) this.scratch = Buffer.alloc(2 * name.length);
    return this.scratch.write(name, 'latin1');
  }
}

/** Nobody who makes an archive can know it, and choose names that all have one hash. */
export const KEY = Uint32Array.of(randomWord(), randomWord());

function randomWord(): number {
  return Math.floor(Math.random() * 2 ** 32);
}

/** HalfSipHash-1-3 of the bytes from `start` to `end` (Aumasson and Bernstein, "SipHash: a fast short-input PRF"). */
export function hashBytes(bytes: Uint8Array, start: number, end: number): number {
  const k0 = (KEY[0] ?? 0) | 0;
  const k1 = (KEY[1] ?? 0) | 0;
  let v0 = k0;
  let v1 = k1;
  let v2 = 0x6c796765 ^ k0;
  let v3 = 0x74656462 ^ k1;
  const whole = end - ((end - start) & 3);
  let word = 0;
  // After the words, one that has the length and the rest; then three rounds without any.
  for (let at = start, rounds = 4; rounds > 0;) {
    if (at < whole) {
      word =
        (bytes[at] ?? 0) |
        ((bytes[at + 1] ?? 0) << 8) |
        ((bytes[at + 2] ?? 0) << 16) |
        ((bytes[at + 3] ?? 0) << 24);
      at += 4;
    } else {
      if (rounds === 4) {
        word = (end - start) << 24;
        for (let shift = 0; at < end; shift += 8) word |= (bytes[at++] ?? 0) << shift;
      } else {
        word = 0;
        if (rounds === 3) v2 ^= 0xff;
      }
      rounds -= 1;
    }
    v3 ^= word;
    v0 = (v0 + v1) | 0;
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
    v0 = (v0 << 16) | (v0 >>> 16);
    v2 = (v2 + v3) | 0;
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
    v2 = (v2 << 16) | (v2 >>> 16);
    v0 ^= word;
  }
  return (v1 ^ v3) >>> 0;
}
