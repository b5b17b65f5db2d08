/**
 * Writes the messages of an Arrow IPC stream: schema, dictionaries, record batches, end. The bytes are those of
 * apache-arrow for JavaScript 21.2, which the tests compare; to load it took a tenth of the time of a small archive.
 * Layouts: Message.fbs and Schema.fbs, and the "Encapsulated message format" of Arrow's columnar specification.
 */
import { Builder } from 'flatbuffers';
import { type ColumnType, TYPE } from './arrow-columns.ts';
import { HEADER_TYPE } from './arrow-structure.ts';

/** A column ready to be written. */
export interface Column {
  name: string;
  isNullable: boolean;
  type: ColumnType;
  length: number;
  nullCount: number;
  /** Those of its type, in Arrow's order, the validity first: empty where nothing is null. */
  buffers: readonly Uint8Array[];
  /** Makes the column one of indices into these. */
  words?: readonly string[];
}

/** The only dictionary that a table has. */
const DICTIONARY_ID = 0n;
/** Message.fbs, MetadataVersion. */
const VERSION_5 = 4;
const ALIGNMENT = 8;

/** Marks the end of a stream. */
export const END = Uint8Array.of(255, 255, 255, 255, 0, 0, 0, 0);

/** The message that a stream begins with. */
export function encodeSchema(
  columns: readonly Column[],
  metadata: ReadonlyMap<string, string>,
): Uint8Array[] {
  return encodeMessage(HEADER_TYPE.schema, [], (builder) => {
    const fields = vectorOf(
      builder,
      columns.map((column) => addField(builder, column)),
    );
    const pairs =
      metadata.size === 0
        ? 0
        : vectorOf(
            builder,
            [...metadata].map(([key, value]) => addPair(builder, key, value)),
          );
    builder.startObject(4);
    builder.addFieldOffset(1, fields, 0);
    if (pairs !== 0) builder.addFieldOffset(2, pairs, 0);
    return builder.endObject();
  });
}

/** The messages of the dictionaries that columns have: before the first record batch, and once for a stream. */
export function encodeDictionaries(columns: readonly Column[]): Uint8Array[] {
  return columns.flatMap(({ words }) => (words === undefined ? [] : encodeDictionary(words)));
}

function encodeDictionary(words: readonly string[]): Uint8Array[] {
  const offsets = new Int32Array(words.length + 1);
  const values = words.map((word) => Buffer.from(word));
  values.forEach((value, i) => (offsets[i + 1] = (offsets[i] ?? 0) + value.length));
  const buffers = [new Uint8Array(0), new Uint8Array(offsets.buffer), Buffer.concat(values)];
  return encodeMessage(HEADER_TYPE.dictionaryBatch, buffers, (builder) => {
    const data = addRecordBatch(builder, words.length, [{ length: words.length, nullCount: 0, buffers }]);
    builder.startObject(3);
    builder.addFieldInt64(0, DICTIONARY_ID, 0n);
    builder.addFieldOffset(1, data, 0);
    return builder.endObject();
  });
}

/** The message of one record batch. All columns have as many rows. */
export function encodeRecordBatch(columns: readonly Column[]): Uint8Array[] {
  const buffers = columns.flatMap((column) => column.buffers);
  return encodeMessage(HEADER_TYPE.recordBatch, buffers, (builder) =>
    addRecordBatch(builder, columns[0]?.length ?? 0, columns),
  );
}

/** The pieces of one message: its metadata, framed, then the buffers of its body, each padded. */
function encodeMessage(
  type: number,
  buffers: readonly Uint8Array[],
  addHeader: (builder: Builder) => number,
): Uint8Array[] {
  const builder = new Builder();
  const header = addHeader(builder);
  const bodyLength = buffers.reduce((sum, buffer) => sum + padded(buffer.byteLength), 0);
  builder.startObject(5);
  builder.addFieldInt16(0, VERSION_5, 0);
  builder.addFieldOffset(2, header, 0);
  builder.addFieldInt8(1, type, 0);
  builder.addFieldInt64(3, BigInt(bodyLength), 0n);
  builder.finish(builder.endObject());
  const metadata = builder.asUint8Array();
  const prefix = new DataView(new ArrayBuffer(8));
  prefix.setInt32(0, -1, true);
  prefix.setInt32(4, padded(metadata.byteLength), true);
  return [new Uint8Array(prefix.buffer), metadata, ...buffers].flatMap((piece) => {
    const padding = padded(piece.byteLength) - piece.byteLength;
    return padding === 0 ? [piece] : [piece, new Uint8Array(padding)];
  });
}

function padded(length: number): number {
  return Math.ceil(length / ALIGNMENT) * ALIGNMENT;
}

function addRecordBatch(
  builder: Builder,
  rows: number,
  columns: readonly Pick<Column, 'length' | 'nullCount' | 'buffers'>[],
): number {
  // Vectors of structs are written from their end.
  builder.startVector(16, columns.length, 8);
  for (const { length, nullCount } of columns.toReversed()) addPairOfInt64(builder, length, nullCount);
  const nodes = builder.endVector();
  const regions: [offset: number, length: number][] = [];
  let offset = 0;
  for (const buffer of columns.flatMap(({ buffers }) => buffers)) {
    const length = padded(buffer.byteLength);
    regions.push([offset, length]);
    offset += length;
  }
  builder.startVector(16, regions.length, 8);
  for (const [start, length] of regions.toReversed()) addPairOfInt64(builder, start, length);
  const buffers = builder.endVector();
  builder.startObject(5);
  builder.addFieldInt64(0, BigInt(rows), 0n);
  builder.addFieldOffset(1, nodes, 0);
  builder.addFieldOffset(2, buffers, 0);
  return builder.endObject();
}

/** A struct FieldNode or Buffer. */
function addPairOfInt64(builder: Builder, first: number, second: number): void {
  builder.prep(8, 16);
  builder.writeInt64(BigInt(second));
  builder.writeInt64(BigInt(first));
}

function addField(builder: Builder, { name, isNullable, type, words }: Column): number {
  const dictionary = words === undefined ? 0 : addDictionaryEncoding(builder, type);
  const id = words === undefined ? type.id : TYPE.utf8;
  const typeTable = words === undefined ? addType(builder, type) : addEmpty(builder);
  const children = vectorOf(builder, []);
  const text = builder.createString(name);
  builder.startObject(7);
  builder.addFieldOffset(3, typeTable, 0);
  builder.addFieldInt8(2, id, 0);
  builder.addFieldOffset(5, children, 0);
  builder.addFieldInt8(1, Number(isNullable), 0);
  builder.addFieldOffset(0, text, 0);
  if (dictionary !== 0) builder.addFieldOffset(4, dictionary, 0);
  return builder.endObject();
}

function addType(builder: Builder, { id, bitWidth, isSigned, byteWidth, unit }: ColumnType): number {
  if (id === TYPE.int) {
    builder.startObject(2);
    builder.addFieldInt32(0, bitWidth, 0);
    builder.addFieldInt8(1, Number(isSigned), 0);
    return builder.endObject();
  }
  if (id === TYPE.fixedSizeBinary) {
    builder.startObject(1);
    builder.addFieldInt32(0, byteWidth, 0);
    return builder.endObject();
  }
  if (id === TYPE.timestamp) {
    const zone = builder.createString('UTC');
    builder.startObject(2);
    builder.addFieldInt16(0, unit, 0);
    builder.addFieldOffset(1, zone, 0);
    return builder.endObject();
  }
  return addEmpty(builder);
}

function addEmpty(builder: Builder): number {
  builder.startObject(0);
  return builder.endObject();
}

function addDictionaryEncoding(builder: Builder, indexType: ColumnType): number {
  const index = addType(builder, indexType);
  builder.startObject(4);
  builder.addFieldOffset(1, index, 0);
  return builder.endObject();
}

function addPair(builder: Builder, key: string, value: string): number {
  const keyText = builder.createString(key);
  const valueText = builder.createString(value);
  builder.startObject(2);
  builder.addFieldOffset(0, keyText, 0);
  builder.addFieldOffset(1, valueText, 0);
  return builder.endObject();
}

function vectorOf(builder: Builder, tables: readonly number[]): number {
  builder.startVector(4, tables.length, 4);
  for (const table of tables.toReversed()) builder.addOffset(table);
  return builder.endVector();
}
