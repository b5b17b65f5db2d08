/**
 * Tables that another program makes with apache-arrow: equal bytes, and what znip never writes.
 */
import {
  Binary,
  Bool,
  type Data,
  type DataType,
  DateMillisecond,
  Dictionary,
  Field,
  FixedSizeBinary,
  FixedSizeList,
  Float64,
  Int16,
  Int32,
  List,
  makeData,
  Map_,
  Null,
  SparseUnion,
  Struct,
  tableFromIPC,
  TimestampNanosecond,
  Uint32,
  Uint64,
  Uint8,
  Utf8,
  type Vector,
  vectorFromArray,
} from 'apache-arrow';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeTable } from '../../../src/format/tables/table-reader.ts';
import {
  binaryColumn,
  boolColumn,
  BytesBuilder,
  checksumColumn,
  dictionaryColumn,
  timestampColumn,
  uint32Column,
  uint64Column,
  utf8Column,
  Validity,
} from '../../../src/format/tables/table-columns.ts';
import { encodeTable } from '../../../src/format/tables/table-writer.ts';
import * as arbitrary from '../../support/arbitrary.ts';
import { type ArrowColumn, encodeArrow } from '../../support/arrow.ts';

/** Each run writes a table twice. */
const RUNS = { numRuns: 40 };

function bytesOf(values: readonly (string | null)[]): BytesBuilder {
  const builder = new BytesBuilder();
  for (const value of values) builder.append(value);
  return builder;
}

const dataOf = (vector: Vector): Data => vector.data[0] as Data;
const arrowColumn = (name: string, data: Data, isNullable = data.nullCount > 0): ArrowColumn => ({
  field: new Field(name, data.type, isNullable),
  data,
});

const item = (type: DataType): Field => new Field('item', type, true);

/** One value of each column. */
const row = (): fc.Arbitrary<[string, string | null, number | null, number, bigint, boolean, number]> =>
  fc.tuple(
    arbitrary.text(),
    fc.option(arbitrary.text()),
    fc.option(fc.nat(0xffffffff)),
    arbitrary.exactNumber(),
    arbitrary.nanoseconds(),
    fc.boolean(),
    fc.nat(1),
  );
const WORDS = ['yes', 'nó'];

describe('apache-arrow', () => {
  test('writes the same bytes', () => {
    fc.assert(
      fc.property(fc.array(row(), { maxLength: 40 }), (rows) => {
        const names = rows.map(([name]) => Buffer.from(name).toString('latin1'));
        const maybe = rows.map(([, text]) => (text === null ? null : Buffer.from(text).toString('latin1')));
        const validity = new Validity();
        rows.forEach(([, , number], i) => validity.append(i, number !== null));
        const numbers = Uint32Array.from(rows, ([, , number]) => number ?? 0);
        const sizes = Float64Array.from(rows, ([, , , size]) => size);
        const times = BigInt64Array.from(rows, ([, , , , time]) => time);
        const indices = Uint8Array.from(rows, ([, , , , , , index]) => index);
        const checksums = new Uint8Array(32 * rows.length).fill(7);
        const metadata = new Map([
          ['znip.producer', 'démo'],
          ['b', ''],
        ]);
        const own = encodeTable(
          [
            utf8Column('name', bytesOf(names)),
            dictionaryColumn('word', WORDS, indices),
            uint32Column('number', numbers, validity),
            uint64Column('size', sizes),
            timestampColumn('time', times),
            boolColumn('flag', rows.length, (i) => rows[i]?.[5] === true),
            checksumColumn('checksum', checksums),
            binaryColumn('bytes', bytesOf(maybe)),
          ],
          metadata,
        );

        const { length } = rows;
        const text = (type: Utf8 | Binary, values: readonly (string | null)[]): Data => {
          const bytes = values.map((value) => Buffer.from(value ?? '', 'latin1'));
          const valueOffsets = new Int32Array(length + 1);
          bytes.forEach((value, i) => (valueOffsets[i + 1] = (valueOffsets[i] ?? 0) + value.length));
          const common = { length, valueOffsets, data: Buffer.concat(bytes), ...nulls(values) };
          return (
            type instanceof Utf8 ? makeData({ type, ...common }) : makeData({ type, ...common })
          ) as Data;
        };
        const nulls = (values: readonly unknown[]) => {
          const nullBitmap = new Uint8Array((length + 7) >> 3);
          let nullCount = 0;
          values.forEach((value, i) => {
            if (value === null) nullCount += 1;
            else nullBitmap[i >> 3] = (nullBitmap[i >> 3] ?? 0) | (1 << (i & 7));
          });
          return nullCount === 0 ? { nullCount } : { nullCount, nullBitmap };
        };
        const bits = new Uint8Array((length + 7) >> 3);
        rows.forEach(
          ([, , , , , flag], i) => (bits[i >> 3] = (bits[i >> 3] ?? 0) | (Number(flag) << (i & 7))),
        );
        const dictionary = vectorFromArray(WORDS, new Utf8());
        const words = new Dictionary(new Utf8(), new Uint8(), 0);
        const theirs = encodeArrow(
          [
            arrowColumn('name', text(new Utf8(), names)),
            arrowColumn(
              'word',
              makeData({ type: words, length, nullCount: 0, data: indices, dictionary }) as Data,
            ),
            arrowColumn(
              'number',
              makeData({
                type: new Uint32(),
                length,
                data: numbers,
                ...nulls(rows.map(([, , n]) => n)),
              }) as Data,
              true,
            ),
            arrowColumn(
              'size',
              makeData({ type: new Uint64(), length, data: BigUint64Array.from(sizes, BigInt) }) as Data,
            ),
            arrowColumn(
              'time',
              makeData({ type: new TimestampNanosecond('UTC'), length, data: times }) as Data,
            ),
            arrowColumn('flag', makeData({ type: new Bool(), length, data: bits }) as Data),
            arrowColumn(
              'checksum',
              makeData({ type: new FixedSizeBinary(32), length, data: checksums }) as Data,
            ),
            arrowColumn('bytes', text(new Binary(), maybe), true),
          ],
          metadata,
        );
        expect(Buffer.from(own).equals(theirs)).toBe(true);
        expect(tableFromIPC(own).numRows).toBe(length);
      }),
      RUNS,
    );
  });

  test('writes columns of other types, which are gone past', () => {
    const entries = new Struct([new Field('key', new Utf8(), false), new Field('value', new Int32(), true)]);
    const union = new SparseUnion([0, 1], [item(new Int32()), item(new Utf8())]);
    const others: Data[] = [
      dataOf(vectorFromArray([null, null], new Null())),
      dataOf(vectorFromArray([1.5, null], new Float64())),
      dataOf(vectorFromArray([new Date(0), null], new DateMillisecond())),
      dataOf(vectorFromArray([[1, 2], null], new List(item(new Int32())))),
      dataOf(
        vectorFromArray(
          [
            [1, 2],
            [3, 4],
          ],
          new FixedSizeList(2, item(new Int32())),
        ),
      ),
      dataOf(vectorFromArray([{ key: 'k', value: 1 }, null], entries)),
      dataOf(
        vectorFromArray([new Map([['k', 1]]), new Map()], new Map_(new Field('entries', entries, false))),
      ),
      makeData({
        type: union,
        length: 2,
        typeIds: Int8Array.of(0, 1),
        children: [
          dataOf(vectorFromArray([1, 2], new Int32())),
          dataOf(vectorFromArray(['a', 'b'], new Utf8())),
        ],
      }) as Data,
      dataOf(vectorFromArray(['x', 'y'], new Dictionary(new Utf8(), new Int16(), 3))),
    ];
    for (const other of others) {
      const text = dataOf(vectorFromArray(['one', 'two'], new Utf8()));
      const stream = encodeArrow([arrowColumn('other', other, true), arrowColumn('text', text)]);
      const batch = decodeTable(stream, 'damaged-manifest', 'a table').batches[0];
      expect([batch?.utf8('text').get(0), batch?.utf8('text').get(1)], other.type.constructor.name).toEqual([
        'one',
        'two',
      ]);
    }
  });

  test.each([
    ['of 8 bits', new Uint8()],
    ['of 16 bits', new Int16()],
    ['of 32 bits', new Int32()],
  ])('writes indices into words %s', (_, indices) => {
    const column = vectorFromArray(['b', 'a', 'b', 'c'], new Dictionary(new Utf8(), indices, 5));
    const stream = encodeArrow([arrowColumn('c', dataOf(column))]);
    const batch = decodeTable(stream, 'damaged-manifest', 'a table').batches[0];
    expect([...(batch?.dictionary('c', ['a', 'b', 'c']) ?? [])]).toEqual([1, 0, 1, 2]);
  });
});
