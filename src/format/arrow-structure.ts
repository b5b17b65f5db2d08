/**
 * Checks the structure of an Arrow IPC stream before apache-arrow reads it.
 *
 * apache-arrow follows every offset and count in a stream's metadata as it finds it: one wrong count
 * makes it loop for hours or take all memory. Whatever it follows or multiplies is checked here, each
 * metadata once; types, offsets of values and nulls are left to `table-reader.ts`.
 * Implements docs/format.md, "Tables". Layouts: Arrow's Message.fbs and Schema.fbs, and the
 * "Encapsulated message format" of its columnar specification.
 */
import { viewOf } from './skippable-frame.ts';

/**
 * Metadata of all messages of a stream together. A record batch of znip's takes about 2 KB, and
 * apache-arrow makes objects of about 50 times that size from it.
 */
const MAX_METADATA_LENGTH = 1024 * 1024;

/**
 * Values of all dictionaries of a stream together: apache-arrow makes an array of as many as a dictionary
 * says that it has. A part of an index has 65,536 rows at most, in which no more values can occur.
 */
const MAX_DICTIONARY_ROWS = 4 * 65_536;

const CONTINUATION = -1;

/** Vtables are shared, and a writer may share strings: so much more than the metadata may be followed. */
const SHARING = 4;

/** What the slots of a flatbuffers table refer to. Slots with scalars are left out: they lead nowhere. */
interface Shape {
  [slot: number]: Reference;
}
type Reference =
  /** A vector of elements of so many bytes; a string is one of single bytes. */
  | { elementLength: number }
  | { table: Shape }
  /** A vector of tables. */
  | { tables: Shape }
  /** A table whose shape is told by the number in another slot; where there is none, it has no references. */
  | { typeSlot: number; shapes: Record<number, Shape> };

const HEADER_TYPE = { schema: 1, dictionaryBatch: 2, recordBatch: 3 } as const;

const STRING: Reference = { elementLength: 1 };
const STRUCT_16: Reference = { elementLength: 16 };
const INT_64: Reference = { elementLength: 8 };
const KEY_VALUE: Shape = { 0: STRING, 1: STRING };
/** Type 10, Timestamp, has a time zone; type 14, Union, has type ids of four bytes. */
const TYPES: Record<number, Shape> = { 10: { 1: STRING }, 14: { 1: { elementLength: 4 } } };
/** 0: name, 3: type, told by 2, 4: dictionary (1: its index type), 5: children, 6: custom metadata */
const FIELD: Shape = {
  0: STRING,
  3: { typeSlot: 2, shapes: TYPES },
  4: { table: { 1: { table: {} } } },
  6: { tables: KEY_VALUE },
};
FIELD[5] = { tables: FIELD };
/** 1: fields, 2: custom metadata, 3: features */
const SCHEMA: Shape = { 1: { tables: FIELD }, 2: { tables: KEY_VALUE }, 3: INT_64 };
/** 0: length, 1: nodes, 2: buffers, 3: compression, 4: variadic buffer counts */
const RECORD_BATCH: Shape = { 1: STRUCT_16, 2: STRUCT_16, 3: { table: {} }, 4: INT_64 };
/** 1: data */
const DICTIONARY_BATCH: Shape = { 1: { table: RECORD_BATCH } };
const HEADERS: Record<number, Shape> = {
  [HEADER_TYPE.schema]: SCHEMA,
  [HEADER_TYPE.dictionaryBatch]: DICTIONARY_BATCH,
  [HEADER_TYPE.recordBatch]: RECORD_BATCH,
};
/** 1: header type, 2: header, 3: body length, 4: custom metadata */
const MESSAGE: Shape = { 2: { typeSlot: 1, shapes: HEADERS }, 4: { tables: KEY_VALUE } };

/** The flatbuffer of one message. DataView refuses what lies outside of it. */
class Metadata {
  readonly view: DataView;
  private budget: number;

  constructor(bytes: Uint8Array) {
    this.view = viewOf(bytes);
    this.budget = SHARING * bytes.byteLength;
  }

  /** Position of what a slot of a table holds; undefined when the slot is empty. */
  field(table: number, slot: number): number | undefined {
    const vtable = table - this.view.getInt32(table, true);
    const entry = 4 + 2 * slot;
    if (entry >= this.view.getInt16(vtable, true)) return undefined;
    const offset = this.view.getInt16(vtable + entry, true);
    return offset === 0 ? undefined : table + offset;
  }

  /** The number in a slot of a table; 0 when the slot is empty. */
  uint8(table: number, slot: number): number {
    const position = this.field(table, slot);
    return position === undefined ? 0 : this.view.getUint8(position);
  }

  int64(table: number, slot: number): bigint {
    const position = this.field(table, slot);
    return position === undefined ? 0n : this.view.getBigInt64(position, true);
  }

  /** Position that the offset at `position` points to. */
  follow(position: number): number {
    return position + this.view.getInt32(position, true);
  }

  /** Number of elements of the vector that the offset at `position` points to. */
  vectorLength(position: number): number {
    return this.view.getInt32(this.follow(position), true);
  }

  /** Refuses a table, or anything it refers to, that is not within the metadata. */
  check(table: number, shape: Shape): void {
    this.spend(4);
    // Every table has the offset of its vtable and every vtable its own length.
    this.field(table, 0);
    for (const [slot, reference] of Object.entries(shape) as [string, Reference][]) {
      const position = this.field(table, Number(slot));
      if (position === undefined) continue;
      if ('table' in reference) this.check(this.follow(position), reference.table);
      else if ('typeSlot' in reference) {
        const shape = reference.shapes[this.uint8(table, reference.typeSlot)];
        this.check(this.follow(position), shape ?? {});
      } else if ('tables' in reference) {
        this.checkVector(position, 4);
        const first = this.follow(position) + 4;
        const count = this.vectorLength(position);
        for (let i = 0; i < count; i++) this.check(this.follow(first + 4 * i), reference.tables);
      } else this.checkVector(position, reference.elementLength);
    }
  }

  private checkVector(position: number, elementLength: number): void {
    const count = this.vectorLength(position);
    const end = this.follow(position) + 4 + count * elementLength;
    if (count < 0 || end > this.view.byteLength)
      throw new RangeError(`a vector of ${count} elements is cut short`);
    this.spend(4 + count * elementLength);
  }

  /** Tables may be referred to many times, and by themselves: what is followed in all has a bound. */
  private spend(bytes: number): void {
    this.budget -= bytes;
    if (this.budget < 0) throw new RangeError('its metadata refers to the same bytes too often');
  }
}

/** What the messages so far amount to. */
interface Totals {
  /** Columns that the schema has; undefined before the schema, which comes first and once. */
  columns: number | undefined;
  metadataLength: number;
  dictionaryRows: bigint;
}

/** Throws a RangeError, which says why, when the stream's structure is not sound. */
export function checkArrowStructure(stream: Uint8Array): void {
  const view = viewOf(stream);
  const totals: Totals = { columns: undefined, metadataLength: 0, dictionaryRows: 0n };
  let offset = 0;
  while (offset < stream.byteLength) {
    let length = view.getInt32(offset, true);
    offset += 4;
    // Before Arrow 0.15 a message began with its length.
    if (length === CONTINUATION) {
      length = view.getInt32(offset, true);
      offset += 4;
    }
    if (length === 0) {
      // apache-arrow reads on behind the end of a stream without record batches.
      if (offset < stream.byteLength)
        throw new RangeError(`there are bytes behind its end at byte ${offset}`);
      break;
    }
    totals.metadataLength += length;
    if (length < 0 || length > stream.byteLength - offset || totals.metadataLength > MAX_METADATA_LENGTH) {
      throw new RangeError(`metadata of ${length} bytes at byte ${offset} does not fit`);
    }
    const bodyLength = checkMessage(stream.subarray(offset, offset + length), totals);
    offset += length;
    if (bodyLength < 0n || bodyLength > BigInt(stream.byteLength - offset)) {
      throw new RangeError(`a message body of ${bodyLength} bytes at byte ${offset} does not fit`);
    }
    offset += Number(bodyLength);
  }
  if (totals.columns === undefined) throw new RangeError('it has no schema');
}

/** Checks one message's metadata, adds it to `totals` and returns the length of its body. */
function checkMessage(bytes: Uint8Array, totals: Totals): bigint {
  const metadata = new Metadata(bytes);
  const message = metadata.follow(0);
  metadata.check(message, MESSAGE);
  const type = metadata.uint8(message, 1);
  const bodyLength = metadata.int64(message, 3);
  const headerField = metadata.field(message, 2);
  if (headerField === undefined) throw new RangeError('a message has no header');
  const header = metadata.follow(headerField);
  if ((totals.columns === undefined) !== (type === HEADER_TYPE.schema)) {
    throw new RangeError('its schema is not its first message and no other');
  }
  if (type === HEADER_TYPE.schema) {
    // apache-arrow takes what follows a schema for the next message.
    if (bodyLength !== 0n) throw new RangeError('its schema has a body');
    const fields = metadata.field(header, 1);
    totals.columns = fields === undefined ? 0 : metadata.vectorLength(fields);
  } else if (type === HEADER_TYPE.recordBatch) {
    // apache-arrow fills columns that are too short with nulls, one bit for each row: no more of them
    // than the body has. A row of any table has a checksum at least, so one bit for each value is little.
    const rows = metadata.int64(header, 0);
    if (rows < 0n || rows * BigInt(totals.columns ?? 0) > 8n * bodyLength) {
      throw new RangeError(`${rows} rows do not fit in a body of ${bodyLength} bytes`);
    }
  } else if (type === HEADER_TYPE.dictionaryBatch) {
    const data = metadata.field(header, 1);
    const nodes = data === undefined ? undefined : metadata.field(metadata.follow(data), 1);
    // apache-arrow takes a dictionary's length from its first node.
    if (nodes !== undefined && metadata.vectorLength(nodes) > 0) {
      const rows = metadata.view.getBigInt64(metadata.follow(nodes) + 4, true);
      totals.dictionaryRows += rows;
      if (rows < 0n || totals.dictionaryRows > MAX_DICTIONARY_ROWS) {
        throw new RangeError(`a dictionary of ${rows} values`);
      }
    }
  } else throw new RangeError(`a message of type ${type}`);
  return bodyLength;
}
