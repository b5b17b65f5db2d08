import { RecordBatchReader } from 'apache-arrow';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ArrowColumn, TYPE } from '../../../src/format/tables/arrow-columns.ts';
import { Batch, decodeTable } from '../../../src/format/tables/table-reader.ts';
import {
  binaryColumn,
  boolColumn,
  BytesBuilder,
  checksumColumn,
  type Column,
  dictionaryColumn,
  timestampColumn,
  uint32Column,
  uint64Column,
  utf8Column,
  Validity,
} from '../../../src/format/tables/table-columns.ts';
import { encodeTable, encodeTableStream } from '../../../src/format/tables/table-writer.ts';
import * as arbitrary from '../../support/arbitrary.ts';
import { outcomeOf } from '../../support/refusal.ts';

const METADATA = new Map<string, string>();
/** Each run writes a table and reads it. */
const RUNS = { numRuns: 40 };

function encode(...columns: Column[]): Uint8Array {
  return encodeTable(columns, METADATA);
}

/** The one batch of a table, written and read again. */
function reread(...columns: Column[]): Batch {
  const { batches } = decodeTable(encode(...columns), 'damaged-manifest', 'a table');
  expect(batches).toHaveLength(1);
  return batches[0] as Batch;
}

function bytesOf(values: readonly (string | null)[]): BytesBuilder {
  const builder = new BytesBuilder();
  for (const value of values) builder.append(value);
  return builder;
}

const someBytes = (): fc.Arbitrary<string> =>
  fc.uint8Array({ maxLength: 30 }).map((bytes) => Buffer.from(bytes).toString('latin1'));

describe('each type of column round-trips', () => {
  test('text, with nulls', () => {
    fc.assert(
      fc.property(fc.array(fc.option(arbitrary.text()), { minLength: 1, maxLength: 50 }), (values) => {
        const names = values.map((value) => (value === null ? null : Buffer.from(value).toString('latin1')));
        const column = reread(utf8Column('c', bytesOf(names), true)).utf8('c', true);
        values.forEach((value, row) => {
          expect(column.isNull(row)).toBe(value === null);
          expect(column.text(row)).toBe(value ?? '');
          expect(column.get(row)).toBe(names[row] ?? '');
        });
      }),
      RUNS,
    );
  });

  test('bytes, with nulls', () => {
    fc.assert(
      fc.property(fc.array(fc.option(someBytes()), { minLength: 1, maxLength: 50 }), (values) => {
        const column = reread(binaryColumn('c', bytesOf(values))).binary('c');
        expect(values.map((_, row) => (column.isNull(row) ? null : column.get(row)))).toEqual(values);
      }),
      RUNS,
    );
  });

  test('32-bit numbers, with nulls', () => {
    const number = fc.option(fc.integer({ min: 0, max: 0xffffffff }));
    fc.assert(
      fc.property(fc.array(number, { minLength: 1, maxLength: 50 }), (values) => {
        const validity = new Validity();
        values.forEach((value, row) => validity.append(row, value !== null));
        const data = Uint32Array.from(values, (value) => value ?? 7);
        const column = reread(uint32Column('c', data, validity)).uint32('c', true);
        expect(values.map((_, row) => (column.isNull(row) ? null : column.values[row]))).toEqual(values);
      }),
      RUNS,
    );
  });

  test('64-bit numbers, up to 2^53 - 1', () => {
    fc.assert(
      fc.property(fc.array(arbitrary.exactNumber(), { minLength: 1, maxLength: 50 }), (values) => {
        const table = encode(uint64Column('c', Float64Array.from(values)));
        const { batches } = decodeTable(table, 'damaged-manifest', 'a table');
        expect([...(batches[0]?.uint64('c') ?? [])]).toEqual(values);
        const seen = [...([...RecordBatchReader.from(table)][0]?.getChild('c') ?? [])];
        expect(seen).toEqual(values.map(BigInt));
      }),
      RUNS,
    );
  });

  test('times', () => {
    fc.assert(
      fc.property(fc.array(arbitrary.nanoseconds(), { minLength: 1, maxLength: 50 }), (values) => {
        const batch = reread(timestampColumn('c', BigInt64Array.from(values)));
        expect([...batch.timestamp('c')]).toEqual(values);
      }),
      RUNS,
    );
  });

  test('checksums, with nulls', () => {
    fc.assert(
      fc.property(fc.array(fc.option(arbitrary.checksum()), { minLength: 1, maxLength: 20 }), (values) => {
        const validity = new Validity();
        const data = new Uint8Array(values.length * 32);
        values.forEach((value, row) => {
          validity.append(row, value !== null);
          if (value !== null) data.set(value, row * 32);
        });
        const { bytes, isNull } = reread(checksumColumn('c', data, validity)).checksums('c');
        const read = values.map((_, row) => (isNull(row) ? null : bytes.slice(row * 32, row * 32 + 32)));
        expect(read).toEqual(values);
      }),
      RUNS,
    );
  });

  test('truth values', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { minLength: 1, maxLength: 50 }), (values) => {
        const value = reread(boolColumn('c', values.length, (row) => values[row] === true)).bool('c');
        expect(values.map((_, row) => value(row))).toEqual(values);
      }),
      RUNS,
    );
  });

  test('words', () => {
    const words = ['alpha', 'b\u00e9ta', 'gamma'];
    fc.assert(
      fc.property(fc.array(fc.nat(2), { minLength: 1, maxLength: 50 }), (indices) => {
        const batch = reread(dictionaryColumn('c', words, Uint8Array.from(indices)));
        expect([...batch.dictionary('c', words)]).toEqual(indices);
        // A reader's list may have another order, and more words.
        const other = ['delta', 'gamma', 'alpha', 'b\u00e9ta'];
        expect([...batch.dictionary('c', other)].map((index) => other[index])).toEqual(
          indices.map((i) => words[i]),
        );
      }),
      RUNS,
    );
  });
});

/** A table of nine rows whose values lie in more memory than they need. */
const build = (more: number): Uint8Array => {
  const validity = new Validity();
  for (let row = 0; row < 9; row++) validity.append(row, row !== 4);
  const values = new Uint32Array(9 + more);
  return encode(
    uint32Column('a', values.subarray(0, 9), validity),
    utf8Column('b', bytesOf(Array(9).fill('x'))),
  );
};

const someWords = (): Column[] => [
  dictionaryColumn('a', ['x', 'y'], Uint8Array.of(0, 1)),
  utf8Column('b', bytesOf(['p', 'qr'])),
];

describe('tables', () => {
  test('keep their metadata and tell which columns they have', () => {
    const metadata = new Map([['znip.producer', 'd\u00e9mo']]);
    const stream = encodeTable([utf8Column('a', bytesOf(['x']))], metadata);
    const table = decodeTable(stream, 'damaged-manifest', 'a table');
    expect(table.metadata).toEqual(metadata);
    expect([table.batches[0]?.has('a'), table.batches[0]?.has('b'), table.batches[0]?.length]).toEqual([
      true,
      false,
      1,
    ]);
  });

  test('are read from anywhere in memory', () => {
    const stream = encode(
      uint64Column('a', Float64Array.of(1, 2, 3)),
      utf8Column('b', bytesOf(['x', '', 'yz'])),
    );
    for (let shift = 0; shift < 8; shift++) {
      const memory = new Uint8Array(stream.length + 16);
      memory.set(stream, shift);
      const { batches } = decodeTable(
        memory.subarray(shift, shift + stream.length),
        'damaged-manifest',
        'a table',
      );
      expect([...(batches[0]?.uint64('a') ?? [])]).toEqual([1, 2, 3]);
      expect(batches[0]?.utf8('b').get(2)).toBe('yz');
    }
  });

  test('may have many record batches', () => {
    const stream = encode(uint32Column('a', Uint32Array.of(1, 2)));
    const parts = messagesOf(stream);
    const [schema, batch, end] = parts as [Uint8Array, Uint8Array, Uint8Array];
    const { batches } = decodeTable(
      Buffer.concat([schema, batch, batch, batch, end]),
      'damaged-manifest',
      'a table',
    );
    expect(batches.map(({ length }) => length)).toEqual([2, 2, 2]);
  });

  test('are written batch by batch, their schema and words once', () => {
    const parts = messagesOf(encode(...someWords()));
    const [schema, words, batch, end] = parts as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
    const stream = [...encodeTableStream([someWords(), someWords(), someWords()], METADATA)];
    const expected = [Buffer.concat([schema, words, batch]), batch, batch, end];
    expect(stream.map((part) => Buffer.from(part))).toEqual(expected.map((part) => Buffer.from(part)));
  });

  test('equal values give equal bytes, whatever a builder has room for', () => {
    expect(Buffer.from(build(0)).equals(Buffer.from(build(500)))).toBe(true);
  });
});

/** The messages of a stream, each with its body; the end marker last. */
function messagesOf(stream: Uint8Array): Uint8Array[] {
  const view = new DataView(stream.buffer, stream.byteOffset, stream.byteLength);
  const parts: Uint8Array[] = [];
  let start = 0;
  for (let offset = 8; offset <= stream.length - 8; offset += 8) {
    if (view.getInt32(offset, true) === -1 && view.getInt32(offset + 4, true) % 8 === 0) {
      parts.push(stream.subarray(start, offset));
      start = offset;
    }
  }
  return [...parts, stream.subarray(start)];
}

describe('validity', () => {
  test('is a bit for each row, least significant first, with nothing behind the last row', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 600, size: 'max' }), (valid) => {
        const validity = new Validity();
        valid.forEach((isValid, row) => validity.append(row, isValid));
        const { nullCount, nullBitmap } = validity.finish(valid.length);
        expect(nullCount).toBe(valid.filter((isValid) => !isValid).length);
        if (nullCount === 0) expect(nullBitmap).toHaveLength(0);
        else {
          expect(nullBitmap).toHaveLength(Math.ceil(valid.length / 8));
          const bits = Array.from(
            { length: nullBitmap.length * 8 },
            (_, i) => (((nullBitmap[i >> 3] ?? 0) >> (i & 7)) & 1) === 1,
          );
          const padding = Array.from({ length: bits.length - valid.length }, () => false);
          expect(bits).toEqual([...valid, ...padding]);
        }
      }),
    );
  });

  test('begins with the first null, however late it comes', () => {
    for (const first of [0, 7, 8, 511, 512, 513, 100_000]) {
      const validity = new Validity();
      for (let row = 0; row < first; row++) validity.append(row, true);
      validity.append(first, false);
      validity.append(first + 1, true);
      const { nullCount, nullBitmap } = validity.finish(first + 2);
      expect(nullCount).toBe(1);
      const zeros = Array.from({ length: first + 2 }, (_, row) => row).filter(
        (row) => (((nullBitmap[row >> 3] ?? 0) >> (row & 7)) & 1) === 0,
      );
      expect(zeros).toEqual([first]);
    }
  });
});

test('builders of bytes grow: many values, long values, empty ones', () => {
  const values = Array.from({ length: 3000 }, (_, i) =>
    i % 5 === 0 ? null : i % 7 === 0 ? '' : `${i}`.repeat(i % 13),
  );
  values[1500] = 'z'.repeat(200_000);
  const builder = bytesOf(values);
  expect(builder.length).toBe(values.length);
  const column = reread(utf8Column('c', builder, true)).utf8('c', true);
  expect(values.map((_, row) => (column.isNull(row) ? null : column.get(row)))).toEqual(values);
});

/** A column of a batch that no table has been through: with whatever a test gives it. */
function columnOf(type: Partial<ArrowColumn['type']>, column: Partial<ArrowColumn>): ArrowColumn {
  return {
    name: 'c',
    type: { id: 0, bitWidth: 0, isSigned: false, byteWidth: 0, unit: 0, ...type },
    length: 0,
    nullCount: 0,
    validity: new Uint8Array(0),
    offsets: new Uint8Array(0),
    values: new Uint8Array(0),
    words: undefined,
    isDictionary: false,
    ...column,
  };
}

const utf8 = (
  length: number,
  offsets: Int32Array,
  validity = new Uint8Array(0),
  nullCount = 0,
): ArrowColumn =>
  columnOf(
    { id: TYPE.utf8 },
    { length, offsets: new Uint8Array(offsets.buffer), values: Buffer.from('abcdef'), validity, nullCount },
  );

const uint32 = (
  length: number,
  data: Uint32Array,
  validity = new Uint8Array(0),
  nullCount = 0,
): ArrowColumn =>
  columnOf(
    { id: TYPE.int, bitWidth: 32 },
    { length, values: new Uint8Array(data.buffer), validity, nullCount },
  );

const batchOf = (column: ArrowColumn, length = column.length): Batch =>
  new Batch({ length, columns: [column] }, 'damaged-manifest');

describe('columns that lie are refused with the code of their table', () => {
  test.each<[string, ArrowColumn, (batch: Batch) => unknown, string]>([
    [
      'too few offsets',
      utf8(3, Int32Array.of(0, 1, 2)),
      (batch) => batch.utf8('c'),
      'its offsets are cut short',
    ],
    [
      'an offset below zero',
      utf8(2, Int32Array.of(-1, 1, 2)),
      (batch) => batch.utf8('c'),
      'its offsets fall at row 0',
    ],
    [
      'offsets that fall',
      utf8(2, Int32Array.of(0, 2, 1)),
      (batch) => batch.utf8('c'),
      'its offsets fall at row 2',
    ],
    [
      'offsets past the values',
      utf8(2, Int32Array.of(0, 2, 7)),
      (batch) => batch.utf8('c'),
      'its offsets point past its values',
    ],
    [
      'a validity that is cut short',
      utf8(9, new Int32Array(10), Uint8Array.of(0), 5),
      (batch) => batch.utf8('c', true),
      'its validity bitmap is cut short',
    ],
    [
      'a null in text',
      utf8(2, new Int32Array(3), Uint8Array.of(1), 1),
      (batch) => batch.utf8('c'),
      '1 of its values are missing',
    ],
    [
      'too few numbers',
      uint32(3, Uint32Array.of(1, 2)),
      (batch) => batch.uint32('c'),
      'its values are cut short',
    ],
    [
      'a null in numbers',
      uint32(2, Uint32Array.of(1, 2), Uint8Array.of(2), 1),
      (batch) => batch.uint32('c'),
      '1 of its values are missing',
    ],
    [
      'a validity of numbers that is cut short',
      uint32(9, new Uint32Array(9), Uint8Array.of(0), 3),
      (batch) => batch.uint32('c', true),
      'its validity bitmap is cut short',
    ],
    [
      'too few truth values',
      columnOf({ id: TYPE.bool }, { length: 9, values: Uint8Array.of(255) }),
      (batch) => batch.bool('c'),
      'its values are cut short',
    ],
  ])('%s', (_, column, read, message) => {
    const outcome = outcomeOf(() => read(batchOf(column)));
    expect(outcome).toEqual({ code: 'damaged-manifest', message: `column 'c': ${message}` });
  });

  test('a column shorter than its table', () => {
    const outcome = outcomeOf(() => batchOf(uint32(2, Uint32Array.of(1, 2)), 3).uint32('c'));
    expect(outcome).toEqual({ code: 'damaged-manifest', message: "column 'c': it has 2 of 3 rows" });
  });
});
