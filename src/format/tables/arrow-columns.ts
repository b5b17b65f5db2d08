/**
 * The columns of an Arrow IPC stream, from its checked messages: which fields a schema has, and where the buffers of
 * each field are in the body of a record batch. Nothing is copied. Columns of every type are recognised, because a
 * later minor version may add some. `table-reader.ts` reads those that tables of this version have. Layouts: Schema.fbs
 * and Message.fbs, and "Buffer Listing for Each Layout" of Arrow's columnar specification.
 */
import { type ArrowMessage, HEADER_TYPE } from './arrow-structure.ts';
import { countNulls } from './column-checks.ts';
import type { Flatbuffer } from './flatbuffer.ts';

/** Schema.fbs, union Type: the types that the tables have, and those that have a special layout. */
export const TYPE = {
  null: 1,
  int: 2,
  binary: 4,
  utf8: 5,
  bool: 6,
  timestamp: 10,
  list: 12,
  struct: 13,
  union: 14,
  fixedSizeBinary: 15,
  fixedSizeList: 16,
  map: 17,
  largeBinary: 19,
  largeUtf8: 20,
  largeList: 21,
  runEndEncoded: 22,
  binaryView: 23,
  utf8View: 24,
  listView: 25,
  largeListView: 26,
} as const;
const LAST_TYPE = TYPE.largeListView;

/** Schema.fbs, TimeUnit. */
export const NANOSECOND = 3;

/** What a field holds; numbers of a type that has no such property are 0. */
export interface ColumnType {
  id: number;
  /** Of `int`: 8 to 64. */
  bitWidth: number;
  isSigned: boolean;
  /** Of `fixedSizeBinary`. */
  byteWidth: number;
  /** Of `timestamp`: a TimeUnit. */
  unit: number;
}

interface Field {
  name: string;
  type: ColumnType;
  /** For a column of indices into a dictionary. The dictionary's values have the field's type. */
  dictionary: { id: bigint; indexType: ColumnType } | undefined;
  children: Field[];
  /** For a union: a dense one has offsets. */
  isDense: boolean;
}

/** One column of a record batch: views of the batch's body. */
export interface ArrowColumn {
  name: string;
  type: ColumnType;
  length: number;
  nullCount: number;
  /** One bit for each row, least significant first; empty if nothing is null. */
  validity: Uint8Array;
  /** For text and binary: 32-bit offsets into the values, one more than rows. */
  offsets: Uint8Array;
  values: Uint8Array;
  /** For a dictionary of text: the words. The values are indices into them. */
  words: readonly string[] | undefined;
  isDictionary: boolean;
}

export interface ArrowBatch {
  length: number;
  columns: ArrowColumn[];
}

export interface ArrowTable {
  metadata: Map<string, string>;
  batches: ArrowBatch[];
}

/** How many words of a dictionary are read: more than an 8-bit index can select. */
const MAX_WORDS = 256;

/** Combines the messages of a stream. If they do not fit together, throws a RangeError that says why. */
export function readArrowTable(messages: readonly ArrowMessage[]): ArrowTable {
  const [schema, ...others] = messages as [ArrowMessage, ...ArrowMessage[]];
  if (schema.metadata.int16(schema.header, 0) !== 0) throw new RangeError('it is big-endian');
  const fields = schema.metadata.tables(schema.header, 1).map((table) => readField(schema.metadata, table));
  const dictionaries = new Map<bigint, readonly string[]>();
  const batches: ArrowBatch[] = [];
  for (const message of others) {
    if (message.type === HEADER_TYPE.recordBatch) {
      batches.push(new BatchReader(message, message.header).read(fields, dictionaries));
    } else readDictionary(message, fields, dictionaries);
  }
  return { metadata: readMetadata(schema), batches };
}

function readMetadata({ metadata, header }: ArrowMessage): Map<string, string> {
  const pairs = metadata.tables(header, 2);
  return new Map(pairs.map((pair) => [metadata.text(pair, 0), metadata.text(pair, 1)]));
}

function readField(metadata: Flatbuffer, table: number): Field {
  const id = metadata.uint8(table, 2);
  const encoding = metadata.table(table, 4);
  return {
    name: metadata.text(table, 0),
    type: readType(metadata, id, metadata.table(table, 3)),
    dictionary:
      encoding === undefined
        ? undefined
        : {
            id: metadata.int64(encoding, 0),
            indexType: readIndexType(metadata, metadata.table(encoding, 1)),
          },
    children: metadata.tables(table, 5).map((child) => readField(metadata, child)),
    isDense: id === TYPE.union && isDense(metadata, metadata.table(table, 3)),
  };
}

function readType(metadata: Flatbuffer, id: number, table: number | undefined): ColumnType {
  const type = { id, bitWidth: 0, isSigned: false, byteWidth: 0, unit: 0 };
  if (table === undefined) return type;
  if (id === TYPE.int) {
    type.bitWidth = metadata.int32(table, 0);
    type.isSigned = metadata.uint8(table, 1) !== 0;
  } else if (id === TYPE.fixedSizeBinary) type.byteWidth = metadata.int32(table, 0);
  else if (id === TYPE.timestamp) type.unit = metadata.int16(table, 0);
  return type;
}

/** Indices are signed and have 32 bits if the schema does not say. */
function readIndexType(metadata: Flatbuffer, table: number | undefined): ColumnType {
  return table === undefined
    ? { id: TYPE.int, bitWidth: 32, isSigned: true, byteWidth: 0, unit: 0 }
    : readType(metadata, TYPE.int, table);
}

function isDense(metadata: Flatbuffer, table: number | undefined): boolean {
  return table !== undefined && metadata.int16(table, 0) === 1;
}

/** MetadataVersion V5. From this version on, a union has no validity. */
const VERSION_5 = 4;

/** Takes nodes and buffers of one record batch in the order of its fields. */
class BatchReader {
  private readonly metadata: Flatbuffer;
  private readonly body: Uint8Array;
  private readonly version: number;
  private readonly length: number;
  private readonly nodes: { first: number; count: number };
  private readonly buffers: { first: number; count: number };
  private readonly variadicCounts: { first: number; count: number };
  private node = 0;
  private buffer = 0;
  private variadic = 0;

  constructor({ metadata, body, version }: ArrowMessage, recordBatch: number) {
    this.metadata = metadata;
    this.body = body;
    this.version = version;
    if (metadata.table(recordBatch, 3) !== undefined) throw new RangeError('its buffers are compressed');
    this.length = exact(metadata.int64(recordBatch, 0));
    this.nodes = metadata.vector(recordBatch, 1);
    this.buffers = metadata.vector(recordBatch, 2);
    this.variadicCounts = metadata.vector(recordBatch, 4);
  }

  read(fields: readonly Field[], dictionaries: ReadonlyMap<bigint, readonly string[]>): ArrowBatch {
    return { length: this.length, columns: fields.map((field) => this.column(field, dictionaries)) };
  }

  column(field: Field, dictionaries: ReadonlyMap<bigint, readonly string[]>): ArrowColumn {
    const { name, dictionary, children } = field;
    const isDictionary = dictionary !== undefined;
    const type = isDictionary ? dictionary.indexType : field.type;
    const { length, nullCount } = this.nextNode();
    const buffers = Array.from({ length: this.bufferCount(type, field.isDense) }, () => this.nextBuffer());
    // Skip columns within columns: no column that a reader knows has any.
    if (!isDictionary) for (const child of children) this.column(child, dictionaries);
    const [validity = NOTHING, second = NOTHING, third] = buffers;
    return {
      name,
      type,
      length,
      nullCount,
      validity,
      offsets: third === undefined ? NOTHING : second,
      values: third ?? second,
      words:
        isDictionary && field.type.id === TYPE.utf8 ? (dictionaries.get(dictionary.id) ?? []) : undefined,
      isDictionary,
    };
  }

  /** FieldNode: rows, then nulls. */
  private nextNode(): { length: number; nullCount: number } {
    if (this.node >= this.nodes.count) throw new RangeError('a record batch has fewer nodes than columns');
    const at = this.nodes.first + 16 * this.node++;
    const { view } = this.metadata;
    return { length: exact(view.getBigInt64(at, true)), nullCount: exact(view.getBigInt64(at + 8, true)) };
  }

  /** Buffer: offset in the body, then length. */
  private nextBuffer(): Uint8Array {
    if (this.buffer >= this.buffers.count) throw new RangeError('a record batch has too few buffers');
    const at = this.buffers.first + 16 * this.buffer++;
    const offset = exact(this.metadata.view.getBigInt64(at, true));
    const length = exact(this.metadata.view.getBigInt64(at + 8, true));
    if (length > this.body.byteLength - offset) {
      throw new RangeError(`a buffer of ${length} bytes at ${offset} of a body of ${this.body.byteLength}`);
    }
    return this.body.subarray(offset, offset + length);
  }

  private bufferCount({ id }: ColumnType, dense: boolean): number {
    switch (id) {
      case TYPE.null:
      case TYPE.runEndEncoded:
        return 0;
      case TYPE.struct:
      case TYPE.fixedSizeList:
        return 1;
      case TYPE.union:
        return (this.version < VERSION_5 ? 1 : 0) + (dense ? 2 : 1);
      case TYPE.binary:
      case TYPE.utf8:
      case TYPE.largeBinary:
      case TYPE.largeUtf8:
      case TYPE.listView:
      case TYPE.largeListView:
        return 3;
      case TYPE.binaryView:
      case TYPE.utf8View:
        return 2 + this.nextVariadicCount();
    }
    if (id === 0 || id > LAST_TYPE) throw new RangeError(`a column of type ${id}`);
    return 2;
  }

  private nextVariadicCount(): number {
    if (this.variadic >= this.variadicCounts.count)
      throw new RangeError('a view has no count of its buffers');
    const at = this.variadicCounts.first + 8 * this.variadic++;
    const count = exact(this.metadata.view.getBigInt64(at, true));
    if (count > this.buffers.count) throw new RangeError(`a view of ${count} buffers`);
    return count;
  }
}

const NOTHING = new Uint8Array(0);

function exact(value: bigint): number {
  if (value < 0n || value > BigInt(Number.MAX_SAFE_INTEGER)) throw new RangeError(`a count of ${value}`);
  return Number(value);
}

/** Dictionary batches: the words of a dictionary, or more of them. Dictionaries that are not text are ignored. */
function readDictionary(
  message: ArrowMessage,
  fields: readonly Field[],
  dictionaries: Map<bigint, readonly string[]>,
): void {
  const { metadata, header } = message;
  const id = metadata.int64(header, 0);
  const field = fields.find(({ dictionary }) => dictionary?.id === id);
  const data = metadata.table(header, 1);
  if (field?.type.id !== TYPE.utf8 || data === undefined) return;
  const values: Field = { ...field, dictionary: undefined };
  const words = readWords(new BatchReader(message, data).column(values, dictionaries));
  const isDelta = metadata.uint8(header, 2) !== 0;
  const earlier = isDelta ? (dictionaries.get(id) ?? []) : [];
  dictionaries.set(id, [...earlier, ...words].slice(0, MAX_WORDS));
}

function readWords({ length, offsets, values, validity, nullCount }: ArrowColumn): string[] {
  if (nullCount > 0 || countNulls(validity, Math.min(length, MAX_WORDS)) > 0) {
    throw new RangeError('a dictionary has words that are missing');
  }
  const text = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
  const view = new DataView(offsets.buffer, offsets.byteOffset, offsets.byteLength);
  return Array.from({ length: Math.min(length, MAX_WORDS) }, (_, i) => {
    const start = view.getInt32(4 * i, true);
    const end = view.getInt32(4 * i + 4, true);
    if (start < 0 || end < start || end > text.length)
      throw new RangeError('a dictionary has words outside of it');
    return text.toString('utf8', start, end);
  });
}

/** The name of a type for messages. It is the same as in Arrow's libraries. */
export function typeName({ type, isDictionary, words }: ArrowColumn): string {
  const name = nameOf(type);
  if (!isDictionary) return name;
  return `Dictionary<${words === undefined ? 'another type' : 'Utf8'}, ${name}>`;
}

function nameOf({ id, bitWidth, isSigned, byteWidth, unit }: ColumnType): string {
  if (id === TYPE.int) return `${isSigned ? 'Int' : 'UInt'}${bitWidth}`;
  if (id === TYPE.fixedSizeBinary) return `FixedSizeBinary(${byteWidth})`;
  if (id === TYPE.timestamp) return `Timestamp(${['s', 'ms', 'us', 'ns'][unit] ?? unit})`;
  const known = Object.entries(TYPE).find(([, number]) => number === id)?.[0] ?? `type ${id}`;
  return known.charAt(0).toUpperCase() + known.slice(1);
}
