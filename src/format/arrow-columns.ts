/**
 * Columns between typed arrays and Arrow IPC streams: with `arrow-stream.ts` all that knows apache-arrow.
 *
 * Writing makes Arrow data straight from typed arrays, reading hands the typed arrays out again: no
 * object is made for a value or a row. Reading checks every type, length and offset before a column
 * is used, because a table comes from an archive that anyone may have made.
 * Implements docs/format.md, "Tables".
 */
import {
  Binary,
  Bool,
  type Data,
  DataType,
  Dictionary,
  Field,
  FixedSizeBinary,
  makeData,
  RecordBatch,
  RecordBatchReader,
  RecordBatchStreamWriter,
  Schema,
  Struct,
  TimeUnit,
  TimestampNanosecond,
  Type,
  Uint32,
  Uint64,
  Uint8,
  Utf8,
  vectorFromArray,
} from 'apache-arrow';
import { ZnipError, type ZnipErrorCode } from '../errors.ts';
import { checkArrowStructure } from './arrow-structure.ts';
import { CHECKSUM_LENGTH } from './constants.ts';
import { toSafeNumber } from './integers.ts';

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

/** One record batch of a table that was read, column by column, each checked when it is asked for. */
export class Batch {
  readonly length: number;
  private readonly batch: RecordBatch;
  private readonly code: ZnipErrorCode;

  constructor(batch: RecordBatch, code: ZnipErrorCode) {
    this.batch = batch;
    this.length = batch.numRows;
    this.code = code;
  }

  has(name: string): boolean {
    return this.batch.schema.fields.some((field) => field.name === name);
  }

  utf8(name: string, isNullable = false): BytesColumn {
    return this.bytesColumn(name, Type.Utf8, 'Utf8', isNullable);
  }

  binary(name: string): BytesColumn {
    return this.bytesColumn(name, Type.Binary, 'Binary', true);
  }

  uint32(name: string, isNullable = false): { values: Uint32Array; isNull: (row: number) => boolean } {
    const data = this.find(
      name,
      (type) => DataType.isInt(type) && !type.isSigned && type.bitWidth === 32,
      'UInt32',
    );
    if (!isNullable) this.refuseNulls(name, data);
    return { values: this.fixed(name, data.values as Uint32Array, 1), isNull: nullTest(data) };
  }

  /** A UInt64 column as numbers; throws where one is 2^53 or more. */
  uint64(name: string): Float64Array {
    const data = this.find(
      name,
      (type) => DataType.isInt(type) && !type.isSigned && type.bitWidth === 64,
      'UInt64',
    );
    this.refuseNulls(name, data);
    const values = this.fixed(name, data.values as BigUint64Array, 1);
    const numbers = new Float64Array(values.length);
    // Two 32-bit halves: converting through BigInt would allocate one for every row.
    const halves = new Uint32Array(values.buffer, values.byteOffset, values.length * 2);
    for (let i = 0; i < numbers.length; i++) {
      const high = halves[2 * i + 1] ?? 0;
      if (high >= 0x200000) throw this.damaged(name, `row ${i} holds ${toSafe(values[i])}`);
      numbers[i] = high * 0x1_0000_0000 + (halves[2 * i] ?? 0);
    }
    return numbers;
  }

  timestamp(name: string): BigInt64Array {
    const data = this.find(name, (type) => type instanceof Object && isNanoseconds(type), 'Timestamp(ns)');
    this.refuseNulls(name, data);
    return this.fixed(name, data.values as BigInt64Array, 1);
  }

  checksums(name: string): { bytes: Uint8Array; isNull: (row: number) => boolean } {
    const data = this.find(
      name,
      (type) => DataType.isFixedSizeBinary(type) && type.byteWidth === CHECKSUM_LENGTH,
      'FixedSizeBinary(32)',
    );
    return { bytes: this.fixed(name, data.values as Uint8Array, CHECKSUM_LENGTH), isNull: nullTest(data) };
  }

  bool(name: string): (row: number) => boolean {
    const data = this.find(name, (type) => type.typeId === Type.Bool, 'Bool');
    this.refuseNulls(name, data);
    const bits = data.values as Uint8Array;
    if (bits.length * 8 < data.offset + this.length) throw this.damaged(name, 'its values are cut short');
    return (row) => (((bits[(row + data.offset) >> 3] ?? 0) >> ((row + data.offset) & 7)) & 1) === 1;
  }

  /**
   * A dictionary column as indices into `words`. Another word becomes `unknown`; without that it throws.
   */
  dictionary(name: string, words: readonly string[], unknown?: number): Uint8Array {
    const data = this.find(
      name,
      (type) => DataType.isDictionary(type) && DataType.isUtf8(type.dictionary),
      'Dictionary(Utf8)',
    );
    this.refuseNulls(name, data);
    const indices = this.fixed(name, data.values as Uint8Array, 1);
    const dictionary = data.dictionary;
    const known = new Int32Array(256).fill(-1);
    for (let i = 0; i < (dictionary?.length ?? 0) && i < known.length; i++) {
      known[i] = words.indexOf(String(dictionary?.get(i)));
    }
    const result = new Uint8Array(this.length);
    for (let i = 0; i < this.length; i++) {
      const word = known[Number(indices[i])] ?? -1;
      if (word < 0 && unknown === undefined) {
        throw this.damaged(name, `row ${i} holds none of: ${words.join(', ')}`);
      }
      result[i] = word < 0 ? (unknown ?? 0) : word;
    }
    return result;
  }

  private bytesColumn(name: string, typeId: Type, expected: string, isNullable: boolean): BytesColumn {
    const data = this.find(name, (type) => type.typeId === typeId, expected);
    if (!isNullable) this.refuseNulls(name, data);
    const offsets = data.valueOffsets as Int32Array;
    const bytes = data.values as Uint8Array;
    if (this.length > 0) {
      if (offsets.length < this.length + 1) throw this.damaged(name, 'its offsets are cut short');
      let previous = 0;
      for (let i = 0; i <= this.length; i++) {
        const offset = offsets[i] ?? -1;
        if (offset < previous) throw this.damaged(name, `its offsets fall at row ${i}`);
        previous = offset;
      }
      if (previous > bytes.length) throw this.damaged(name, 'its offsets point past its values');
    }
    return new BytesColumn(offsets, bytes, nullTest(data));
  }

  private find(name: string, matches: (type: DataType) => boolean, expected: string): Data {
    const index = this.batch.schema.fields.findIndex((field) => field.name === name);
    const data = this.batch.data.children[index];
    if (data === undefined) throw this.damaged(name, 'it is missing');
    const { type } = data;
    if (!matches(type)) throw this.damaged(name, `expected ${expected}, found ${typeName(type)}`);
    if (data.length < this.length) throw this.damaged(name, `it has ${data.length} of ${this.length} rows`);
    if (data.nullCount > 0 && data.nullBitmap.length * 8 < data.offset + this.length) {
      throw this.damaged(name, 'its validity bitmap is cut short');
    }
    return data;
  }

  private fixed<T extends Uint8Array | Uint32Array | BigInt64Array | BigUint64Array>(
    name: string,
    values: T,
    width: number,
  ): T {
    if (values.length < this.length * width) throw this.damaged(name, 'its values are cut short');
    return values.subarray(0, this.length * width) as T;
  }

  private refuseNulls(name: string, data: Data): void {
    if (data.nullCount > 0) throw this.damaged(name, `${data.nullCount} of its values are missing`);
  }

  private damaged(name: string, why: string): ZnipError {
    return new ZnipError(this.code, `column '${name}': ${why}`);
  }
}

function toSafe(value: bigint | undefined): string {
  return String(value ?? toSafeNumber(0n, ''));
}

/** The name of a type for messages: `Utf8`, `Timestamp<NANOSECOND>`. */
function typeName(type: { toString(): string }): string {
  return type.toString();
}

function isNanoseconds(type: DataType): boolean {
  return DataType.isTimestamp(type) && type.unit === TimeUnit.NANOSECOND;
}

function nullTest(data: Data): (row: number) => boolean {
  const bits = data.nullBitmap;
  const { offset } = data;
  if (data.nullCount === 0 || bits.length === 0) return () => false;
  return (row) => (((bits[(row + offset) >> 3] ?? 0) >> ((row + offset) & 7)) & 1) === 0;
}

/** Byte strings of a table that was read. */
export class BytesColumn {
  readonly offsets: Int32Array;
  readonly bytes: Buffer;
  readonly isNull: (row: number) => boolean;

  constructor(offsets: Int32Array, bytes: Uint8Array, isNull: (row: number) => boolean) {
    this.offsets = offsets;
    this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.isNull = isNull;
  }

  /** The value with one character per byte; '' where it is null. */
  get(row: number): string {
    return this.bytes.toString('latin1', this.offsets[row], this.offsets[row + 1]);
  }

  /** Whether no row from `from` to `to` has any bytes. */
  isEmpty(from: number, to: number): boolean {
    return this.offsets[to] === this.offsets[from];
  }

  /** The values of rows `from` to `to`, each with the byte `end` behind it. */
  lines(from: number, to: number, end: number): Uint8Array {
    const start = this.offsets[from] ?? 0;
    const length = (this.offsets[to] ?? 0) - start;
    const lines = new Uint8Array(length + to - from);
    lines.set(this.bytes.subarray(start, start + length));
    // From the last to the first, each to its place: no object for any of them, and nothing overwritten.
    let at = lines.length;
    for (let row = to - 1; row >= from; row--) {
      const value = (this.offsets[row] ?? 0) - start;
      const next = (this.offsets[row + 1] ?? 0) - start;
      lines[--at] = end;
      at -= next - value;
      lines.copyWithin(at, value, next);
    }
    return lines;
  }

  text(row: number): string {
    return this.bytes.toString('utf8', this.offsets[row], this.offsets[row + 1]);
  }
}

export interface Table {
  metadata: ReadonlyMap<string, string>;
  batches: Batch[];
}

/** Reads an Arrow IPC stream. Whatever is wrong with it becomes a ZnipError with `code`. */
export function decodeTable(stream: Uint8Array, code: ZnipErrorCode, what: string): Table {
  try {
    checkArrowStructure(stream);
    const reader = RecordBatchReader.from(stream);
    const { metadata } = reader.open().schema;
    const batches: Batch[] = [];
    for (const batch of reader) {
      if (batch.numRows > 0) batches.push(new Batch(batch, code));
    }
    return { metadata, batches };
  } catch (error) {
    if (error instanceof ZnipError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new ZnipError(code, `${what} is not an Arrow IPC stream: ${reason}`, {}, error);
  }
}
