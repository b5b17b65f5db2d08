/**
 * Columns of tables to write, as typed arrays: no object is made for a value or a row. How a table is written is the
 * task of `table-writer.ts`. Implements docs/format.md, "Tables".
 */
import type { ByteString } from '../values/byte-string.ts';
import { type ByteStrings, startOf } from '../values/byte-strings.ts';
import { CHECKSUM_LENGTH } from '../values/constants.ts';
import { grown } from '../values/grown.ts';

/** A column ready to be written. */
export interface Column extends Nulls {
  name: string;
  type: ValueType;
  isNullable: boolean;
  /** Rows. */
  length: number;
  /** The values. For a `dictionary`, they are indices into its words. */
  values: Uint8Array | Uint32Array | BigInt64Array | BigUint64Array;
  /** For `utf8` and `binary`: where each value begins in `values`, and where the last one ends. */
  offsets?: Int32Array;
  words?: readonly string[];
}

/** What a column holds: the types of docs/format.md. */
export type ValueType =
  'utf8' | 'binary' | 'uint32' | 'uint64' | 'timestamp' | 'checksum' | 'bool' | 'dictionary';

/** One bit for each row, least significant first; empty if no row is null. */
interface Nulls {
  nullCount: number;
  nullBitmap: Uint8Array;
}

const ALL_VALID: Nulls = { nullCount: 0, nullBitmap: new Uint8Array(0) };

/** Which rows have a value: one bit for each row, least significant first; undefined if all have one. */
export class Validity {
  private bits: Uint8Array | undefined;
  private nulls = 0;

  /** `rows` is the number of rows before this one. They all had values, unless `append` was called for them. */
  append(rows: number, valid: boolean): void {
    if (valid && this.bits === undefined) return;
    const needed = (rows >> 3) + 1;
    if (this.bits === undefined) this.bits = new Uint8Array(Math.max(64, needed * 2)).fill(0xff);
    if (needed > this.bits.length) {
      this.bits = grown(new Uint8Array(needed * 2).fill(0xff), this.bits);
    }
    if (!valid) {
      this.bits[rows >> 3] = (this.bits[rows >> 3] ?? 0) & ~(1 << (rows & 7));
      this.nulls += 1;
    }
  }

  isValid(row: number): boolean {
    return this.bits === undefined || (((this.bits[row >> 3] ?? 0xff) >> (row & 7)) & 1) === 1;
  }

  /** The same for `count` rows without a value. */
  appendNulls(rows: number, count: number): void {
    for (let row = rows; row < rows + count; row++) this.append(row, false);
  }

  /** The same for `count` rows with one. */
  appendValid(rows: number, count: number): void {
    if (this.bits === undefined || count === 0) return;
    // The bits are there already: they are set where nothing has cleared them.
    this.append(rows + count - 1, true);
  }

  /** Bitmap for `rows` rows. The bits after them are cleared, so that equal tables have equal bytes. */
  finish(rows: number): Nulls {
    if (this.bits === undefined || this.nulls === 0) return ALL_VALID;
    const nullBitmap = this.bits.slice(0, (rows + 7) >> 3);
    const rest = rows & 7;
    const last = nullBitmap.length - 1;
    if (rest !== 0) nullBitmap[last] = (nullBitmap[last] ?? 0) & ((1 << rest) - 1);
    return { nullCount: this.nulls, nullBitmap };
  }
}

/** Byte strings of any length, in Arrow's form: offsets into one array of bytes. */
export class BytesBuilder {
  private offsets = new Int32Array(17);
  private bytes = Buffer.alloc(256);
  private readonly validity = new Validity();
  length = 0;

  /** Appends a value with one character for each byte; null for no value. */
  append(value: string | null): void {
    const start = this.offsets[this.length] ?? 0;
    const end = start + (value?.length ?? 0);
    this.makeRoom(1, end);
    if (value !== null) this.bytes.write(value, start, 'latin1');
    this.validity.append(this.length, value !== null);
    this.length += 1;
    this.offsets[this.length] = end;
  }

  /** Appends rows `from` to `to` of these. */
  appendRows({ bytes, ends }: ByteStrings, from: number, to: number): void {
    const first = startOf(ends, from);
    const start = this.byteLength;
    this.makeRoom(to - from, start + startOf(ends, to) - first);
    this.bytes.set(bytes.subarray(first, startOf(ends, to)), start);
    this.validity.appendValid(this.length, to - from);
    const shift = start - first;
    for (let row = from; row < to; row++) this.offsets[++this.length] = (ends[row] ?? 0) + shift;
  }

  /** Appends everything that is in another one. */
  appendAll(other: BytesBuilder): void {
    const start = this.byteLength;
    this.makeRoom(other.length, start + other.byteLength);
    this.bytes.set(other.bytes.subarray(0, other.byteLength), start);
    for (let row = 0; row < other.length; row++) {
      this.validity.append(this.length, other.validity.isValid(row));
      this.offsets[++this.length] = start + (other.offsets[row + 1] ?? 0);
    }
  }

  appendNulls(count: number): void {
    const end = this.byteLength;
    this.makeRoom(count, end);
    this.validity.appendNulls(this.length, count);
    this.offsets.fill(end, this.length + 1, this.length + 1 + count);
    this.length += count;
  }

  private makeRoom(rows: number, end: number): void {
    const needed = this.length + rows + 1;
    if (needed > this.offsets.length) {
      this.offsets = grown(new Int32Array(Math.max(needed, this.offsets.length * 2)), this.offsets);
    }
    if (end > this.bytes.length) {
      const longer = Buffer.alloc(Math.max(end, this.bytes.length * 2));
      this.bytes.copy(longer);
      this.bytes = longer;
    }
  }

  /** Bytes of all values so far. */
  get byteLength(): number {
    return this.offsets[this.length] ?? 0;
  }

  /** What is there so far, where it is: valid until the next change. */
  view(): { bytes: Buffer; offsets: Int32Array } {
    return {
      bytes: this.bytes.subarray(0, this.byteLength),
      offsets: this.offsets.subarray(0, this.length + 1),
    };
  }

  /** The value of a row; '' for null. */
  get(row: number): ByteString {
    return this.bytes.toString('latin1', this.offsets[row], this.offsets[row + 1]);
  }

  /** The column of these values. */
  column(name: string, type: 'utf8' | 'binary', isNullable: boolean): Column {
    const { length } = this;
    const offsets = this.offsets.subarray(0, length + 1);
    const values = this.bytes.subarray(0, offsets[length]);
    return { ...column(name, type, length, values, this.validity, isNullable), offsets };
  }
}

function column(
  name: string,
  type: ValueType,
  length: number,
  values: Column['values'],
  validity?: Validity,
  isNullable = validity !== undefined,
): Column {
  const nulls = validity?.finish(length) ?? ALL_VALID;
  return { name, type, isNullable: isNullable || nulls.nullCount > 0, length, values, ...nulls };
}

export function utf8Column(name: string, values: BytesBuilder, isNullable = false): Column {
  return values.column(name, 'utf8', isNullable);
}

export function binaryColumn(name: string, values: BytesBuilder): Column {
  return values.column(name, 'binary', true);
}

export function uint32Column(name: string, values: Uint32Array, validity?: Validity): Column {
  return column(name, 'uint32', values.length, values, validity);
}

/** Non-negative numbers, exact below 2^53, as a UInt64 column. */
export function uint64Column(name: string, values: Float64Array): Column {
  const data = new BigUint64Array(values.length);
  const words = new Uint32Array(data.buffer);
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? 0;
    words[2 * i] = value % 0x1_0000_0000;
    words[2 * i + 1] = Math.floor(value / 0x1_0000_0000);
  }
  return column(name, 'uint64', values.length, data);
}

export function timestampColumn(name: string, values: BigInt64Array): Column {
  return column(name, 'timestamp', values.length, values);
}

export function checksumColumn(name: string, values: Uint8Array, validity?: Validity): Column {
  return column(name, 'checksum', values.length / CHECKSUM_LENGTH, values, validity);
}

export function boolColumn(name: string, length: number, value: (row: number) => boolean): Column {
  const bits = new Uint8Array((length + 7) >> 3);
  for (let row = 0; row < length; row++) {
    if (value(row)) bits[row >> 3] = (bits[row >> 3] ?? 0) | (1 << (row & 7));
  }
  return column(name, 'bool', length, bits);
}

/** Indices into a short list of words. */
export function dictionaryColumn(name: string, words: readonly string[], indices: Uint8Array): Column {
  return { ...column(name, 'dictionary', indices.length, indices), words };
}
