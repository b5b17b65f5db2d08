/**
 * Writes tables with apache-arrow: an Arrow IPC stream of finished columns, without Arrow's buffer compression. Only
 * code that writes tables loads this module, because that takes 14 ms of CPU time; a whole short command takes 110.
 * `table-reader.ts` reads tables without it. Implements docs/format.md, "Tables".
 */
// `/Arrow` is the package without its adapters for Node.js and browser streams: a quarter less to load.
import {
  AsyncByteQueue,
  Binary,
  Bool,
  Data,
  type DataType,
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
  Vector,
} from 'apache-arrow/Arrow';
import { fromText } from '../values/byte-string.ts';
import { CHECKSUM_LENGTH } from '../values/constants.ts';
import { BytesBuilder, type Column, utf8Column, type ValueType } from './table-columns.ts';

const TYPES: Record<ValueType, DataType> = {
  utf8: new Utf8(),
  binary: new Binary(),
  uint32: new Uint32(),
  uint64: new Uint64(),
  timestamp: new TimestampNanosecond('UTC'),
  checksum: new FixedSizeBinary(CHECKSUM_LENGTH),
  bool: new Bool(),
  // A table has only this dictionary. Without the number 0 here, apache-arrow would use the next number.
  dictionary: new Dictionary(new Utf8(), new Uint8(), 0),
};

/** An Arrow IPC stream of one record batch with these columns. */
export function encodeTable(columns: readonly Column[], metadata: ReadonlyMap<string, string>): Uint8Array {
  return Buffer.concat([...encodeBatches([columns], metadata)].flat());
}

/**
 * Yields the bytes of an Arrow IPC stream with one record batch for each item of `batches`. It is made batch by batch,
 * so a table of any length takes only the memory of one batch. All batches have the same columns and dictionaries.
 * There must be at least one batch, but it may have no rows.
 */
export function* encodeTableStream(
  batches: Iterable<readonly Column[]>,
  metadata: ReadonlyMap<string, string>,
): Generator<Uint8Array, void, undefined> {
  for (const pieces of encodeBatches(batches, metadata)) yield Buffer.concat(pieces);
}

/** The bytes of each batch, with the schema before the first one, and then the end. Pieces are views of the columns. */
function* encodeBatches(
  batches: Iterable<readonly Column[]>,
  metadata: ReadonlyMap<string, string>,
): Generator<Uint8Array[], void, undefined> {
  const sink = new Pieces();
  const writer = new RecordBatchStreamWriter().reset(sink);
  const dictionaries: Dictionaries = new Map();
  let schema: Schema | undefined;
  for (const columns of batches) {
    schema ??= new Schema(columns.map(fieldOf), new Map(metadata));
    const rows = makeData({
      type: new Struct(schema.fields),
      length: columns[0]?.length ?? 0,
      nullCount: 0,
      children: columns.map((column) => dataOf(column, dictionaries)),
    });
    writer.write(new RecordBatch(schema, rows));
    yield sink.take();
  }
  writer.finish();
  yield sink.take();
}

/** Collects what the writer writes. The writer's own queue gives out the parts of a stream only through promises. */
class Pieces extends AsyncByteQueue {
  private pieces: Uint8Array[] = [];

  override write(piece: Uint8Array): void {
    this.pieces.push(piece);
  }

  take(): Uint8Array[] {
    const { pieces } = this;
    this.pieces = [];
    return pieces;
  }
}

function fieldOf({ name, type, isNullable }: Column): Field {
  return new Field(name, TYPES[type], isNullable);
}

/** By the names of their columns. If every batch has the same object, it is written once and not replaced. */
type Dictionaries = Map<string, Vector>;

function dataOf(column: Column, dictionaries: Dictionaries): Data {
  const { type, length, nullCount, nullBitmap, offsets, values } = column;
  // These are the buffers that its type needs, but the compiler cannot know which type it is.
  const buffers = [offsets, values, nullBitmap] as never;
  return new Data(TYPES[type], 0, length, nullCount, buffers, [], dictionaryOf(column, dictionaries));
}

function dictionaryOf({ name, words }: Column, dictionaries: Dictionaries): Vector | undefined {
  if (words === undefined) return undefined;
  let dictionary = dictionaries.get(name);
  if (dictionary === undefined) {
    const texts = new BytesBuilder();
    for (const word of words) texts.append(fromText(word));
    dictionary = new Vector([dataOf(utf8Column('', texts), dictionaries)]);
    dictionaries.set(name, dictionary);
  }
  return dictionary;
}
