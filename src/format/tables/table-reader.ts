/**
 * Reads tables: gives out the columns of an Arrow IPC stream as typed arrays. No object is made for a value or a row.
 * Every type, length and offset is checked before a column is used, because anyone may have made the archive that the
 * table comes from. Implements docs/format.md, "Tables".
 */
import { isAscii, isUtf8 } from 'node:buffer';
import { ZnipError, type ZnipErrorCode } from '../../errors.ts';
import { CHECKSUM_LENGTH } from '../values/constants.ts';
import {
  type ArrowBatch,
  type ArrowColumn,
  type ColumnType,
  NANOSECOND,
  readArrowTable,
  TYPE,
  typeName,
} from './arrow-columns.ts';
import { readArrowMessages } from './arrow-structure.ts';
import { countNulls, exactNumbers, firstFallingOffset, joinLines, lookUp, UNKNOWN } from './column-checks.ts';

/** One record batch of a table that was read. Each column is checked when it is asked for. */
export class Batch {
  readonly length: number;
  private readonly columns: readonly ArrowColumn[];
  private readonly code: ZnipErrorCode;

  constructor(batch: ArrowBatch, code: ZnipErrorCode) {
    this.columns = batch.columns;
    this.length = batch.length;
    this.code = code;
  }

  /** Names of all columns. */
  get names(): string[] {
    return this.columns.map(({ name }) => name);
  }

  has(name: string): boolean {
    return this.columns.some((column) => column.name === name);
  }

  utf8(name: string, isNullable = false): BytesColumn {
    const column = this.bytesColumn(name, TYPE.utf8, 'Utf8', isNullable);
    const wrong = column.notUtf8(this.length);
    if (wrong !== undefined) throw this.damaged(name, `row ${wrong} is not UTF-8`);
    return column;
  }

  binary(name: string): BytesColumn {
    return this.bytesColumn(name, TYPE.binary, 'Binary', true);
  }

  uint32(name: string, isNullable = false): { values: Uint32Array; isNull: (row: number) => boolean } {
    const column = this.find(name, (type) => isUnsigned(type, 32), 'UInt32');
    if (!isNullable) this.refuseNulls(column);
    const bytes = this.fixed(column, 4);
    return { values: new Uint32Array(bytes.buffer, bytes.byteOffset, this.length), isNull: nullTest(column) };
  }

  /** A UInt64 column as numbers. Throws if one is 2^53 or more. */
  uint64(name: string): Float64Array {
    const column = this.find(name, (type) => isUnsigned(type, 64), 'UInt64');
    this.refuseNulls(column);
    const bytes = this.fixed(column, 8);
    const numbers = new Float64Array(this.length);
    const values = new BigUint64Array(bytes.buffer, bytes.byteOffset, this.length);
    const wrong = exactNumbers(values, numbers);
    if (wrong < this.length) throw this.damaged(name, `row ${wrong} holds ${values[wrong]}`);
    return numbers;
  }

  timestamp(name: string): BigInt64Array {
    const column = this.find(
      name,
      ({ id, unit }) => id === TYPE.timestamp && unit === NANOSECOND,
      'Timestamp(ns)',
    );
    this.refuseNulls(column);
    const bytes = this.fixed(column, 8);
    return new BigInt64Array(bytes.buffer, bytes.byteOffset, this.length);
  }

  checksums(name: string): { bytes: Uint8Array; validity: Uint8Array; isNull: (row: number) => boolean } {
    const column = this.find(
      name,
      ({ id, byteWidth }) => id === TYPE.fixedSizeBinary && byteWidth === CHECKSUM_LENGTH,
      'FixedSizeBinary(32)',
    );
    return {
      bytes: this.fixed(column, CHECKSUM_LENGTH),
      validity: column.validity,
      isNull: nullTest(column),
    };
  }

  bool(name: string): (row: number) => boolean {
    const column = this.find(name, ({ id }) => id === TYPE.bool, 'Bool');
    this.refuseNulls(column);
    const bits = column.values;
    if (bits.length * 8 < this.length) throw this.damaged(name, 'its values are cut short');
    return (row) => (((bits[row >> 3] ?? 0) >> (row & 7)) & 1) === 1;
  }

  /**
   * A dictionary column as indices into `words`. A word that is not in there becomes `unknown`; if there is no
   * `unknown`, this throws.
   */
  dictionary(name: string, words: readonly string[], unknown?: number): Uint8Array {
    const column = this.find(name, () => true, 'Dictionary(Utf8)', true);
    this.refuseNulls(column);
    const indices = this.indices(column);
    const known = column.words?.map((word) => words.indexOf(word)) ?? [];
    const result = new Uint8Array(this.length);
    if (indices instanceof Uint8Array && unknown === undefined) {
      const table = new Uint8Array(256).fill(UNKNOWN);
      for (const [index, word] of known.entries()) if (word >= 0) table[index] = word;
      const wrong = lookUp(indices, table, result);
      if (wrong < this.length) throw this.damaged(name, `row ${wrong} holds none of: ${words.join(', ')}`);
      return result;
    }
    for (let i = 0; i < this.length; i++) {
      const word = known[indices[i] ?? -1] ?? -1;
      if (word < 0 && unknown === undefined) {
        throw this.damaged(name, `row ${i} holds none of: ${words.join(', ')}`);
      }
      result[i] = word < 0 ? (unknown ?? 0) : word;
    }
    return result;
  }

  /** Indices into a dictionary, of any width. An index that is too large for a number means no word. */
  private indices(column: ArrowColumn): ArrayLike<number> {
    const { bitWidth, isSigned } = column.type;
    const view = INDEX_VIEWS.get(bitWidth);
    if (view === undefined) throw this.damaged(column.name, `its indices have ${bitWidth} bits`);
    return view(this.fixed(column, bitWidth / 8).slice().buffer, isSigned);
  }

  private bytesColumn(name: string, typeId: number, expected: string, isNullable: boolean): BytesColumn {
    const column = this.find(name, ({ id }) => id === typeId, expected);
    if (!isNullable) this.refuseNulls(column);
    const { values: bytes } = column;
    const stored = aligned(column.offsets, 4);
    const offsets = new Int32Array(stored.buffer, stored.byteOffset, stored.byteLength >> 2);
    if (this.length > 0) {
      if (offsets.length < this.length + 1) throw this.damaged(name, 'its offsets are cut short');
      const wrong = firstFallingOffset(offsets.subarray(0, this.length + 1));
      if (wrong <= this.length) throw this.damaged(name, `its offsets fall at row ${wrong}`);
      if ((offsets[this.length] ?? 0) > bytes.length)
        throw this.damaged(name, 'its offsets point past its values');
    }
    return new BytesColumn(offsets, bytes, column.validity, nullTest(column));
  }

  private find(
    name: string,
    matches: (type: ColumnType) => boolean,
    expected: string,
    isDictionary = false,
  ): ArrowColumn {
    const [column, second] = this.columns.filter((candidate) => candidate.name === name);
    if (column === undefined) throw this.damaged(name, 'it is missing');
    // Some readers would use the first, some the second.
    if (second !== undefined) throw this.damaged(name, 'there are two of it');
    const isExpected =
      column.isDictionary === isDictionary &&
      (isDictionary ? column.words !== undefined : matches(column.type));
    if (!isExpected) throw this.damaged(name, `expected ${expected}, found ${typeName(column)}`);
    const { length, nullCount, validity } = column;
    if (length !== this.length) throw this.damaged(name, `it has ${length} of ${this.length} rows`);
    if ((nullCount > 0 || validity.length > 0) && validity.length * 8 < length) {
      throw this.damaged(name, 'its validity bitmap is cut short');
    }
    // Some readers use the number, some use the bits.
    const nulls = countNulls(validity, length);
    if (nulls !== nullCount) {
      throw this.damaged(name, `${nullCount} of its values are said to be missing, ${nulls} are`);
    }
    return column;
  }

  /** The bytes of a column with values of `width` bytes, aligned so that they can be viewed as numbers. */
  private fixed({ name, values }: ArrowColumn, width: number): Uint8Array {
    if (values.length < this.length * width) throw this.damaged(name, 'its values are cut short');
    return aligned(values.subarray(0, this.length * width), 8);
  }

  private refuseNulls({ name, nullCount }: ArrowColumn): void {
    if (nullCount > 0) throw this.damaged(name, `${nullCount} of its values are missing`);
  }

  private damaged(name: string, why: string): ZnipError {
    return new ZnipError(this.code, `column '${name}': ${why}`);
  }
}

/** By their bits. */
const INDEX_VIEWS = new Map<number, (bytes: ArrayBuffer, isSigned: boolean) => ArrayLike<number>>([
  [8, (bytes, isSigned) => (isSigned ? new Int8Array(bytes) : new Uint8Array(bytes))],
  [16, (bytes, isSigned) => (isSigned ? new Int16Array(bytes) : new Uint16Array(bytes))],
  [32, (bytes, isSigned) => (isSigned ? new Int32Array(bytes) : new Uint32Array(bytes))],
  [64, (bytes) => Float64Array.from(new BigInt64Array(bytes), Number)],
]);

function isUnsigned({ id, bitWidth, isSigned }: ColumnType, width: number): boolean {
  return id === TYPE.int && bitWidth === width && !isSigned;
}

/** The same bytes. They are copied if they do not begin at a multiple of `alignment`. */
function aligned(bytes: Uint8Array, alignment: number): Uint8Array {
  return bytes.byteOffset % alignment === 0 ? bytes : Uint8Array.from(bytes);
}

function nullTest({ validity, nullCount }: ArrowColumn): (row: number) => boolean {
  if (nullCount === 0) return () => false;
  return (row) => (((validity[row >> 3] ?? 0) >> (row & 7)) & 1) === 0;
}

const NO_BITS = new Uint8Array(0);

/** Byte strings of a table that was read. */
export class BytesColumn {
  readonly offsets: Int32Array;
  readonly bytes: Buffer;
  /** One bit for each row, least significant first; empty if no row is null, and for a slice. */
  readonly validity: Uint8Array;
  readonly isNull: (row: number) => boolean;

  constructor(
    offsets: Int32Array,
    bytes: Uint8Array,
    validity: Uint8Array,
    isNull: (row: number) => boolean,
  ) {
    this.offsets = offsets;
    this.validity = validity;
    this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.isNull = isNull;
  }

  /** Rows `from` to `to` as a column of their own. */
  slice(from: number, to: number): BytesColumn {
    const isNull = (row: number): boolean => this.isNull(from + row);
    return new BytesColumn(this.offsets.subarray(from, to + 1), this.bytes, NO_BITS, isNull);
  }

  /** The value with one character for each byte; '' if it is null, whatever bytes are there. */
  get(row: number): string {
    if (this.isNull(row)) return '';
    return this.bytes.toString('latin1', this.offsets[row], this.offsets[row + 1]);
  }

  /** The first of the first `length` rows whose value is not UTF-8. The bytes of a null are not a value. */
  notUtf8(length: number): number | undefined {
    const { bytes, offsets } = this;
    const all = bytes.subarray(offsets[0] ?? 0, offsets[length] ?? 0);
    if (isAscii(all)) return undefined;
    // If all bytes together are UTF-8, and no value begins within a character, then each value is UTF-8.
    let isWhole = isUtf8(all);
    for (let row = 1; row < length && isWhole; row++) {
      const at = offsets[row] ?? 0;
      isWhole = at >= bytes.length || ((bytes[at] ?? 0) & 0xc0) !== 0x80;
    }
    if (isWhole) return undefined;
    for (let row = 0; row < length; row++) {
      if (!this.isNull(row) && !isUtf8(bytes.subarray(offsets[row], offsets[row + 1]))) return row;
    }
    return undefined;
  }

  /** The rows from `from` to `to` that have this value. No strings are made for the other rows. */
  rowsOf(value: Buffer, from: number, to: number): number[] {
    const { offsets, bytes } = this;
    const { length } = value;
    const last = value[length - 1];
    const rows: number[] = [];
    for (let row = from; row < to; row++) {
      const start = offsets[row] ?? 0;
      const end = offsets[row + 1] ?? 0;
      // Neighbours often begin with the same bytes but end with different ones, so compare the last byte first.
      if (end - start !== length || bytes[end - 1] !== last) continue;
      if (bytes.compare(value, 0, length, start, end) === 0 && !this.isNull(row)) rows.push(row);
    }
    return rows;
  }

  /** Whether no row from `from` to `to` has any bytes. */
  isEmpty(from: number, to: number): boolean {
    return this.offsets[to] === this.offsets[from];
  }

  /** The values of rows `from` to `to`, each followed by the byte `end`. */
  lines(from: number, to: number, end: number): Uint8Array {
    return joinLines(this.bytes, this.offsets.subarray(from, to + 1), end);
  }

  text(row: number): string {
    return this.bytes.toString('utf8', this.offsets[row], this.offsets[row + 1]);
  }
}

export interface Table {
  metadata: ReadonlyMap<string, string>;
  batches: Batch[];
}

/** Reads an Arrow IPC stream. Any fault in it becomes a ZnipError with `code`. */
export function decodeTable(stream: Uint8Array, code: ZnipErrorCode, what: string): Table {
  try {
    const { metadata, batches: found } = readArrowTable(readArrowMessages(stream));
    const batches = found.filter(({ length }) => length > 0).map((batch) => new Batch(batch, code));
    return { metadata, batches };
  } catch (error) {
    if (error instanceof ZnipError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new ZnipError(code, `${what} is not an Arrow IPC stream: ${reason}`, {}, error);
  }
}
