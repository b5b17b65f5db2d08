/**
 * Takes encoded tables apart with apache-arrow and puts them together again with something wrong, and damages
 * their bytes.
 */
import {
  type Data,
  Field,
  makeData,
  RecordBatch,
  RecordBatchReader,
  RecordBatchStreamWriter,
  Schema,
  Struct,
  TimestampMillisecond,
  Uint64,
  Utf8,
} from 'apache-arrow';
import * as fc from 'fast-check';

const NO_METADATA = new Map<string, string>();

/** A column as apache-arrow has it. */
export interface ArrowColumn {
  field: Field;
  data: Data;
}

/** A table of one record batch, written by apache-arrow. */
export function encodeArrow(
  columns: readonly ArrowColumn[],
  metadata: ReadonlyMap<string, string> = NO_METADATA,
  length = columns[0]?.data.length ?? 0,
): Uint8Array {
  const schema = new Schema(
    columns.map(({ field }) => field),
    new Map(metadata),
  );
  const children = columns.map(({ data }) => data);
  const struct = makeData({ type: new Struct(schema.fields), length, nullCount: 0, children });
  return RecordBatchStreamWriter.writeAll([new RecordBatch(schema, struct)]).toUint8Array(true);
}

/** The columns of the first record batch of a table. */
export function columnsOf(stream: Uint8Array): ArrowColumn[] {
  const batch = [...RecordBatchReader.from(stream)][0];
  if (batch === undefined) throw new Error('a table without rows');
  return batch.schema.fields.map((field, i) => ({ field, data: batch.data.children[i] as Data }));
}

function edit(stream: Uint8Array, change: (columns: ArrowColumn[]) => ArrowColumn[]): Uint8Array {
  return encodeArrow(change(columnsOf(stream)));
}

function place(columns: readonly ArrowColumn[], name: string): number {
  const index = columns.findIndex(({ field }) => field.name === name);
  if (index < 0) throw new Error(`no column '${name}'`);
  return index;
}

export function withoutColumn(stream: Uint8Array, name: string): Uint8Array {
  return edit(stream, (columns) => columns.toSpliced(place(columns, name), 1));
}

/** Puts other data in the place of a column, whatever its type. */
export function withColumn(stream: Uint8Array, name: string, data: (old: Data) => Data): Uint8Array {
  return edit(stream, (columns) => {
    const index = place(columns, name);
    const changed = data(columns[index]?.data as Data);
    return columns.with(index, { field: new Field(name, changed.type, true), data: changed });
  });
}

/** Adds a column of text that no reader knows, before all others. */
export function withExtraColumn(stream: Uint8Array): Uint8Array {
  return edit(stream, (columns) => {
    const length = columns[0]?.data.length ?? 0;
    const valueOffsets = Int32Array.from({ length: length + 1 }, (_, i) => i);
    const data = makeData({
      type: new Utf8(),
      length,
      valueOffsets,
      data: Buffer.alloc(length, 'x'),
    }) as Data;
    return [{ field: new Field('colour', data.type, false), data }, ...columns];
  });
}

export function withColumnsReversed(stream: Uint8Array): Uint8Array {
  return edit(stream, (columns) => columns.toReversed());
}

/** The same column with its first row missing. */
export function firstRowNull(old: Data): Data {
  const nullBitmap = new Uint8Array((old.length + 7) >> 3).fill(0xff);
  nullBitmap[0] = 0xfe;
  return old.clone(old.type, 0, old.length, 1, [
    old.valueOffsets,
    old.values,
    nullBitmap,
    old.typeIds,
  ] as never);
}

/** Data of other types with as many rows. */
export function asUint64({ length }: Data, value = 0n): Data {
  return makeData({ type: new Uint64(), length, data: new BigUint64Array(length).fill(value) }) as Data;
}

export function asText({ length }: Data): Data {
  const valueOffsets = new Int32Array(length + 1);
  return makeData({ type: new Utf8(), length, valueOffsets, data: new Uint8Array(8) }) as Data;
}

export function asMilliseconds({ length }: Data): Data {
  return makeData({ type: new TimestampMillisecond('UTC'), length, data: new BigInt64Array(length) }) as Data;
}

/** One change to some bytes; `at` is a fraction of their length. */
export interface Mutation {
  at: number;
  how: 'byte' | 'bit' | 'int16' | 'int32' | 'add' | 'copy' | 'cut' | 'insert';
  value: number;
}

/** Numbers that lead astray what takes them for a length, an offset or a count. */
const NUMBERS = [0, 1, -1, 2, 4, 8, 16, 64, 0xff, 0xffff, 0x10000, 0x3fffffff, 0x7fffffff, -0x80000000];

export function mutations(): fc.Arbitrary<Mutation[]> {
  const mutation = fc.record<Mutation>({
    at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    how: fc.constantFrom('byte', 'bit', 'int16', 'int32', 'int32', 'add', 'copy', 'cut', 'insert'),
    value: fc.oneof(fc.constantFrom(...NUMBERS), fc.integer({ min: -300, max: 300 })),
  });
  return fc.array(mutation, { minLength: 1, maxLength: 4 });
}

export function mutate(stream: Uint8Array, changes: readonly Mutation[]): Uint8Array {
  let bytes = Buffer.from(stream);
  for (const { at, how, value } of changes) {
    if (bytes.length < 8) break;
    const offset = Math.floor(at * (bytes.length - 7));
    const word = offset & ~3;
    if (how === 'byte') bytes[offset] = value & 0xff;
    else if (how === 'bit') bytes[offset] = (bytes[offset] ?? 0) ^ (1 << (value & 7));
    else if (how === 'int16') bytes.writeInt16LE((value << 16) >> 16, offset & ~1);
    else if (how === 'int32') bytes.writeInt32LE(value, word);
    else if (how === 'add') bytes.writeInt32LE((bytes.readInt32LE(word) + value) | 0, word);
    else if (how === 'copy') bytes.copyWithin(offset, Math.abs(value) % (bytes.length - 7), bytes.length - 7);
    else if (how === 'cut') bytes = bytes.subarray(0, offset);
    else
      bytes = Buffer.concat([bytes.subarray(0, word), Buffer.alloc(4, value & 0xff), bytes.subarray(word)]);
  }
  // Of its own, so that nothing lies behind it in memory.
  return Uint8Array.from(bytes);
}
