/**
 * Splits an Arrow IPC stream into its messages and checks their structure: every offset that a reader follows and every
 * number that it multiplies. Each metadata is checked once. `arrow-columns.ts` and `table-reader.ts` check types,
 * offsets of values and nulls. Implements docs/format.md, "Tables". Layouts: Arrow's Message.fbs and Schema.fbs, and
 * the "Encapsulated message format" of its columnar specification.
 */
import { viewOf } from '../zstd/skippable-frame.ts';
import { Flatbuffer, type Reference, type Shape } from './flatbuffer.ts';

/**
 * Limit for the metadata of all messages of a stream together. A record batch of znip takes about 2 KB, and readers
 * make objects of many times that size from it.
 */
const MAX_METADATA_LENGTH = 1024 * 1024;

/**
 * Limit for the values of all dictionaries of a stream together: other readers make an array as long as a dictionary
 * says that it is. A part of an index has at most 65,536 rows, so no more values can occur in it.
 */
const MAX_DICTIONARY_ROWS = 4 * 65_536;

const CONTINUATION = -1;

/** Message.fbs, MessageHeader. */
export const HEADER_TYPE = { schema: 1, dictionaryBatch: 2, recordBatch: 3 } as const;

const STRING: Reference = { elementLength: 1 };
const STRUCT_16: Reference = { elementLength: 16 };
const INT_64: Reference = { elementLength: 8 };
const KEY_VALUE: Shape = { 0: STRING, 1: STRING };
/** Type 10, Timestamp, has a time zone; type 14, Union, has type ids of four bytes. */
const TYPES: Record<number, Shape> = { 10: { 1: STRING }, 14: { 1: { elementLength: 4 } } };
/** 0: name, 3: type (slot 2 says which), 4: dictionary (1: its index type), 5: children, 6: custom metadata */
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

/** One message of a stream. Its metadata is checked. */
export interface ArrowMessage {
  type: (typeof HEADER_TYPE)[keyof typeof HEADER_TYPE];
  metadata: Flatbuffer;
  /** Position of the schema, record batch or dictionary batch in the metadata. */
  header: number;
  /** Message.fbs, MetadataVersion: 4 is V5, the current one. */
  version: number;
  body: Uint8Array;
}

/** Sums over the messages so far. */
interface Totals {
  /** How many columns the schema has; undefined before the schema. It comes first, and only once. */
  columns: number | undefined;
  metadataLength: number;
  dictionaryRows: bigint;
}

/** The messages of a stream, the schema first. If the structure is not sound, throws a RangeError that says why. */
export function readArrowMessages(stream: Uint8Array): ArrowMessage[] {
  const view = viewOf(stream);
  // A plain Uint8Array, even if the stream is a Buffer: columns are parts of it.
  const bytes = new Uint8Array(stream.buffer, stream.byteOffset, stream.byteLength);
  const totals: Totals = { columns: undefined, metadataLength: 0, dictionaryRows: 0n };
  const messages: ArrowMessage[] = [];
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
      // If a stream has no record batches, some readers go on after its end.
      if (offset < stream.byteLength)
        throw new RangeError(`there are bytes behind its end at byte ${offset}`);
      break;
    }
    totals.metadataLength += length;
    if (length < 0 || length > stream.byteLength - offset || totals.metadataLength > MAX_METADATA_LENGTH) {
      throw new RangeError(`metadata of ${length} bytes at byte ${offset} does not fit`);
    }
    const { bodyLength, ...message } = checkMessage(stream.subarray(offset, offset + length), totals);
    offset += length;
    if (bodyLength < 0n || bodyLength > BigInt(stream.byteLength - offset)) {
      throw new RangeError(`a message body of ${bodyLength} bytes at byte ${offset} does not fit`);
    }
    messages.push({ ...message, body: bytes.subarray(offset, offset + Number(bodyLength)) });
    offset += Number(bodyLength);
  }
  if (totals.columns === undefined) throw new RangeError('it has no schema');
  return messages;
}

/** Checks one message's metadata and adds it to `totals`. */
function checkMessage(
  bytes: Uint8Array,
  totals: Totals,
): Omit<ArrowMessage, 'body'> & { bodyLength: bigint } {
  const metadata = new Flatbuffer(bytes);
  const message = metadata.follow(0);
  metadata.check(message, MESSAGE);
  const type = metadata.uint8(message, 1);
  const bodyLength = metadata.int64(message, 3);
  const version = metadata.int16(message, 0);
  const header = metadata.table(message, 2);
  if (header === undefined) throw new RangeError('a message has no header');
  if ((totals.columns === undefined) !== (type === HEADER_TYPE.schema)) {
    throw new RangeError('its schema is not its first message and no other');
  }
  if (type === HEADER_TYPE.schema) {
    // Readers take the bytes after a schema as the next message.
    if (bodyLength !== 0n) throw new RangeError('its schema has a body');
    totals.columns = metadata.vector(header, 1).count;
    return { type, metadata, header, version, bodyLength };
  }
  if (type === HEADER_TYPE.recordBatch) {
    // Readers make something for each row, so rows must be in proportion to the body. A row of any table has at least a
    // checksum, so to ask for one bit for each value is little.
    const rows = metadata.int64(header, 0);
    if (rows < 0n || rows * BigInt(totals.columns ?? 0) > 8n * bodyLength) {
      throw new RangeError(`${rows} rows do not fit in a body of ${bodyLength} bytes`);
    }
    return { type, metadata, header, version, bodyLength };
  }
  if (type === HEADER_TYPE.dictionaryBatch) {
    const data = metadata.table(header, 1);
    const nodes = data === undefined ? { first: 0, count: 0 } : metadata.vector(data, 1);
    // The first node has the length of a dictionary.
    if (nodes.count > 0) {
      const rows = metadata.view.getBigInt64(nodes.first, true);
      totals.dictionaryRows += rows;
      if (rows < 0n || totals.dictionaryRows > MAX_DICTIONARY_ROWS) {
        throw new RangeError(`a dictionary of ${rows} values`);
      }
    }
    return { type, metadata, header, version, bodyLength };
  }
  throw new RangeError(`a message of type ${type}`);
}
