/**
 * Writes tables: columns from typed arrays, and an Arrow IPC stream from columns; no object is made for a value
 * or a row. Implements docs/format.md, "Tables".
 */
import { CHECKSUM_LENGTH } from '../values/constants.ts';
import { NANOSECOND, TYPE, type ColumnType } from './arrow-columns.ts';
import { type Column, encodeDictionaries, encodeRecordBatch, encodeSchema, END } from './arrow-messages.ts';
import { grown } from './grow.ts';

/** One bit a row, least significant first; empty where no row is null. */
interface Nulls {
  nullCount: number;
  nullBitmap: Uint8Array;
}

const ALL_VALID: Nulls = { nullCount: 0, nullBitmap: new Uint8Array(0) };

/** Which rows have a value: one bit a row, least significant first; undefined when all have. */
export class Validity {
  private bits: Uint8Array | undefined;
  private nulls = 0;

  /** `rows` is the number of rows before this one, all of which had values unless said otherwise. */
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

  /** Bitmap for `rows` rows, with the bits past them cleared so that equal tables have equal bytes. */
  finish(rows: number): Nulls {
    if (this.bits === undefined || this.nulls === 0) return ALL_VALID;
    const nullBitmap = this.bits.slice(0, (rows + 7) >> 3);
    const rest = rows & 7;
    const last = nullBitmap.length - 1;
    if (rest !== 0) nullBitmap[last] = (nullBitmap[last] ?? 0) & ((1 << rest) - 1);
    return { nullCount: this.nulls, nullBitmap };
  }
}

/** Byte strings of any length, as Arrow has them: offsets into one run of bytes. */
export class BytesBuilder {
  private offsets = new Int32Array(17);
  private bytes = Buffer.alloc(256);
  private readonly validity = new Validity();
  length = 0;

  /** Appends a value of one character per byte; null for none. */
  append(value: string | null): void {
    const start = this.offsets[this.length] ?? 0;
    const end = start + (value?.length ?? 0);
    if (this.length + 1 >= this.offsets.length) {
      this.offsets = grown(new Int32Array(this.offsets.length * 2), this.offsets);
    }
    if (end > this.bytes.length) {
      const grown = Buffer.alloc(Math.max(end, this.bytes.length * 2));
      this.bytes.copy(grown);
      this.bytes = grown;
    }
    if (value !== null) this.bytes.write(value, start, 'latin1');
    this.validity.append(this.length, value !== null);
    this.length += 1;
    this.offsets[this.length] = end;
  }

  /** Bytes of all values so far. */
  get byteLength(): number {
    return this.offsets[this.length] ?? 0;
  }

  /** The column of these values. */
  column(name: string, type: ColumnType, isNullable: boolean): Column {
    const values = this.bytes.subarray(0, this.offsets[this.length]);
    const offsets = bytesOf(this.offsets.subarray(0, this.length + 1));
    return column(name, type, this.length, [offsets, values], isNullable, this.validity.finish(this.length));
  }
}

function bytesOf({ buffer, byteOffset, byteLength }: NodeJS.ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function typeOf(id: number, properties: Partial<ColumnType> = {}): ColumnType {
  return { id, bitWidth: 0, isSigned: false, byteWidth: 0, unit: 0, ...properties };
}

function column(
  name: string,
  type: ColumnType,
  length: number,
  buffers: readonly Uint8Array[],
  isNullable = false,
  { nullCount, nullBitmap } = ALL_VALID,
): Column {
  return {
    name,
    isNullable: isNullable || nullCount > 0,
    type,
    length,
    nullCount,
    buffers: [nullBitmap, ...buffers],
  };
}

export function utf8Column(name: string, values: BytesBuilder, isNullable = false): Column {
  return values.column(name, typeOf(TYPE.utf8), isNullable);
}

export function binaryColumn(name: string, values: BytesBuilder): Column {
  return values.column(name, typeOf(TYPE.binary), true);
}

export function uint32Column(name: string, values: Uint32Array, validity?: Validity): Column {
  const type = typeOf(TYPE.int, { bitWidth: 32 });
  const { length } = values;
  return column(name, type, length, [bytesOf(values)], validity !== undefined, validity?.finish(length));
}

/** Non-negative numbers, exact below 2^53, as a UInt64 column. */
export function uint64Column(name: string, values: Float64Array): Column {
  const words = new Uint32Array(2 * values.length);
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? 0;
    words[2 * i] = value % 0x1_0000_0000;
    words[2 * i + 1] = Math.floor(value / 0x1_0000_0000);
  }
  return column(name, typeOf(TYPE.int, { bitWidth: 64 }), values.length, [bytesOf(words)]);
}

export function timestampColumn(name: string, values: BigInt64Array): Column {
  return column(name, typeOf(TYPE.timestamp, { unit: NANOSECOND }), values.length, [bytesOf(values)]);
}

export function checksumColumn(name: string, values: Uint8Array, validity?: Validity): Column {
  const type = typeOf(TYPE.fixedSizeBinary, { byteWidth: CHECKSUM_LENGTH });
  const length = values.length / CHECKSUM_LENGTH;
  return column(name, type, length, [values], validity !== undefined, validity?.finish(length));
}

export function boolColumn(name: string, length: number, value: (row: number) => boolean): Column {
  const bits = new Uint8Array((length + 7) >> 3);
  for (let row = 0; row < length; row++) {
    if (value(row)) bits[row >> 3] = (bits[row >> 3] ?? 0) | (1 << (row & 7));
  }
  return column(name, typeOf(TYPE.bool), length, [bits]);
}

/** Indices into a short list of words. */
export function dictionaryColumn(name: string, words: readonly string[], indices: Uint8Array): Column {
  const type = typeOf(TYPE.int, { bitWidth: 8 });
  return { ...column(name, type, indices.length, [indices]), words };
}

/** An Arrow IPC stream of one record batch with these columns. */
export function encodeTable(columns: readonly Column[], metadata: ReadonlyMap<string, string>): Uint8Array {
  return Buffer.concat([
    ...encodeSchema(columns, metadata),
    ...encodeDictionaries(columns),
    ...encodeRecordBatch(columns),
    END,
  ]);
}
