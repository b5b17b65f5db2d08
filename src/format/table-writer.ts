/**
 * Writes tables: columns from typed arrays, and an Arrow IPC stream from columns; no object is made for a value
 * or a row. Implements docs/format.md, "Tables".
 */
import {
  Binary,
  Bool,
  type Data,
  Dictionary,
  Field,
  FixedSizeBinary,
  makeData,
  RecordBatch,
  RecordBatchStreamWriter,
  Schema,
  Struct,
  TimestampNanosecond,
  Uint32,
  Uint64,
  Uint8,
  Utf8,
  vectorFromArray,
} from 'apache-arrow';
import { CHECKSUM_LENGTH } from './constants.ts';

/** A column ready to be written: its field and its data. */
export interface Column {
  field: Field;
  data: Data;
}

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
      const grown = new Uint8Array(needed * 2).fill(0xff);
      grown.set(this.bits);
      this.bits = grown;
    }
    if (!valid) {
      this.bits[rows >> 3] = (this.bits[rows >> 3] ?? 0) & ~(1 << (rows & 7));
      this.nulls += 1;
    }
  }

  /** Bitmap for `rows` rows, with the bits past them cleared so that equal tables have equal bytes. */
  finish(rows: number): { nullCount: number; nullBitmap?: Uint8Array } {
    if (this.bits === undefined || this.nulls === 0) return { nullCount: 0 };
    const nullBitmap = this.bits.slice(0, (rows + 7) >> 3);
    const rest = rows & 7;
    const last = nullBitmap.length - 1;
    if (rest !== 0) nullBitmap[last] = (nullBitmap[last] ?? 0) & ((1 << rest) - 1);
    return { nullCount: this.nulls, nullBitmap };
  }
}

/** Byte strings of any length, as Arrow has them: offsets into one run of bytes. */
export class BytesBuilder {
  private offsets = new Int32Array(257);
  private bytes = Buffer.alloc(16 * 1024);
  private readonly validity = new Validity();
  length = 0;

  /** Appends a value of one character per byte; null for none. */
  append(value: string | null): void {
    const start = this.offsets[this.length] ?? 0;
    const end = start + (value?.length ?? 0);
    if (this.length + 1 >= this.offsets.length) {
      const grown = new Int32Array(this.offsets.length * 2);
      grown.set(this.offsets);
      this.offsets = grown;
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

  finish(type: Utf8 | Binary): Data {
    const data = this.bytes.subarray(0, this.offsets[this.length]);
    const valueOffsets = this.offsets.subarray(0, this.length + 1);
    const common = { length: this.length, valueOffsets, data, ...this.validity.finish(this.length) };
    return type instanceof Utf8
      ? (makeData({ type, ...common }) as Data)
      : (makeData({ type, ...common }) as Data);
  }
}

const nullable = (data: Data): boolean => data.nullCount > 0;

function column(name: string, data: Data, isNullable = false): Column {
  return { field: new Field(name, data.type, isNullable || nullable(data)), data };
}

export function utf8Column(name: string, values: BytesBuilder, isNullable = false): Column {
  return column(name, values.finish(new Utf8()), isNullable);
}

export function binaryColumn(name: string, values: BytesBuilder): Column {
  return column(name, values.finish(new Binary()), true);
}

export function uint32Column(name: string, values: Uint32Array, validity?: Validity): Column {
  const nulls = validity?.finish(values.length) ?? { nullCount: 0 };
  return column(
    name,
    makeData({ type: new Uint32(), length: values.length, data: values, ...nulls }) as Data,
    validity !== undefined,
  );
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
  return column(name, makeData({ type: new Uint64(), length: values.length, data }) as Data);
}

export function timestampColumn(name: string, values: BigInt64Array): Column {
  const type = new TimestampNanosecond('UTC');
  return column(name, makeData({ type, length: values.length, data: values }) as Data);
}

export function checksumColumn(name: string, values: Uint8Array, validity?: Validity): Column {
  const length = values.length / CHECKSUM_LENGTH;
  const nulls = validity?.finish(length) ?? { nullCount: 0 };
  const type = new FixedSizeBinary(CHECKSUM_LENGTH);
  return column(name, makeData({ type, length, data: values, ...nulls }) as Data, validity !== undefined);
}

export function boolColumn(name: string, length: number, value: (row: number) => boolean): Column {
  const data = new Uint8Array((length + 7) >> 3);
  for (let row = 0; row < length; row++) {
    if (value(row)) data[row >> 3] = (data[row >> 3] ?? 0) | (1 << (row & 7));
  }
  return column(name, makeData({ type: new Bool(), length, data }) as Data);
}

/** Indices into a short list of words. */
export function dictionaryColumn(name: string, words: readonly string[], indices: Uint8Array): Column {
  const dictionary = vectorFromArray([...words], new Utf8());
  const type = new Dictionary(new Utf8(), new Uint8(), 0);
  return column(
    name,
    makeData({ type, length: indices.length, nullCount: 0, data: indices, dictionary }) as Data,
  );
}

/** An Arrow IPC stream of one record batch with these columns. */
export function encodeTable(columns: readonly Column[], metadata: ReadonlyMap<string, string>): Uint8Array {
  const schema = new Schema(
    columns.map(({ field }) => field),
    new Map(metadata),
  );
  const length = columns[0]?.data.length ?? 0;
  const struct = makeData({
    type: new Struct(schema.fields),
    length,
    nullCount: 0,
    children: columns.map(({ data }) => data),
  });
  const batch = new RecordBatch(schema, struct);
  return RecordBatchStreamWriter.writeAll([batch]).toUint8Array(true);
}
