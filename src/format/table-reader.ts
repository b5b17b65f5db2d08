/**
 * Reads tables: hands out the typed arrays of an Arrow IPC stream's columns; no object is made for a value or a
 * row. Every type, length and offset is checked before a column is used, because a table comes from an archive
 * that anyone may have made. Implements docs/format.md, "Tables".
 */
import { type Data, DataType, type RecordBatch, RecordBatchReader, TimeUnit, Type } from 'apache-arrow';
import { ZnipError, type ZnipErrorCode } from '../errors.ts';
import { checkArrowStructure } from './arrow-structure.ts';
import { CHECKSUM_LENGTH } from './constants.ts';

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
      if (high >= 0x200000) throw this.damaged(name, `row ${i} holds ${values[i]}`);
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
