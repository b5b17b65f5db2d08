/**
 * What no reader of an Arrow stream may follow. Each of these streams made apache-arrow loop for minutes, take
 * gigabytes, or read on where nothing had been checked.
 */
import {
  Bool,
  Field,
  Int32,
  List,
  Struct,
  tableFromArrays,
  tableFromJSON,
  tableToIPC,
  vectorFromArray,
  Table,
  Utf8,
} from 'apache-arrow';
import { describe, expect, test } from 'vitest';
import { decodeTable } from '../../../src/format/tables/table-reader.ts';
import {
  type Column,
  dictionaryColumn,
  uint32Column,
  utf8Column,
  BytesBuilder,
  checksumColumn,
} from '../../../src/format/tables/table-columns.ts';
import { encodeTable } from '../../../src/format/tables/table-writer.ts';
import { readArrowMessages } from '../../../src/format/tables/arrow-structure.ts';
import { codeOf } from '../../support/refusal.ts';

const METADATA = new Map([['znip.producer', 'a test']]);

/** 77 rows with text, numbers, checksums, and words from a dictionary of 33. */
const ROWS = 77;
const WORDS = Array.from({ length: 33 }, (_, i) => `word ${i}`);
const TABLE = makeTable();

function makeTable(more: Column[] = []): Uint8Array {
  const text = new BytesBuilder();
  for (let row = 0; row < ROWS; row++) text.append(`${row}`);
  const numbers = Uint32Array.from({ length: ROWS }, (_, row) => row);
  const columns = [
    utf8Column('text', text),
    uint32Column('number', numbers),
    checksumColumn('checksum', new Uint8Array(ROWS * 32)),
    dictionaryColumn(
      'word',
      WORDS,
      Uint8Array.from(numbers, (row) => row % 33),
    ),
    ...more,
  ];
  return encodeTable(columns, METADATA);
}

/** A table of one row whose schema has so many bytes of metadata, and some. */
function withMetadata(length: number): Uint8Array {
  return encodeTable([uint32Column('a', Uint32Array.of(1))], new Map([['k', 'x'.repeat(length)]]));
}

/** Why a stream is refused; 'sound' when it is not. */
function faultOf(stream: Uint8Array): string {
  try {
    readArrowMessages(stream);
    return 'sound';
  } catch (error) {
    if (error instanceof RangeError) return error.message;
    throw error;
  }
}

interface Message {
  start: number;
  metadata: number;
  body: number;
  end: number;
}

/** Where the messages of a sound stream begin, and their metadata and bodies; the end marker is not one. */
function messagesOf(stream: Uint8Array): Message[] {
  const view = new DataView(stream.buffer, stream.byteOffset, stream.byteLength);
  const messages: Message[] = [];
  let start = 0;
  while (view.getInt32(start + 4, true) !== 0) {
    const metadata = start + 8;
    const body = metadata + view.getInt32(start + 4, true);
    // The next message begins with a continuation and a length that leads to another; or the end is there.
    const end = messages.length === 0 ? body : body + bodyLength(view, metadata);
    messages.push({ start, metadata, body, end });
    start = end;
  }
  return messages;
}

/** Where a flatbuffers table has the offset of a slot, and what that slot holds. */
function slotOf(view: DataView, table: number, slot: number): { entry: number; field: number } {
  const entry = table - view.getInt32(table, true) + 4 + 2 * slot;
  return { entry, field: table + view.getInt16(entry, true) };
}

/** What the offset at a position points to. */
function target(view: DataView, position: number): number {
  return position + view.getInt32(position, true);
}

/** Message.fbs: bodyLength is slot 3 of the root table. */
function bodyLength(view: DataView, metadata: number): number {
  return Number(view.getBigInt64(slotOf(view, target(view, metadata), 3).field, true));
}

const MESSAGES = messagesOf(TABLE);
const [SCHEMA, DICTIONARY, BATCH] = MESSAGES as [Message, Message, Message];

function changed(change: (view: DataView) => void): Uint8Array {
  const stream = Uint8Array.from(TABLE);
  change(new DataView(stream.buffer));
  return stream;
}

/** The message of a record batch, which has a body, made into that of a schema without fields. */
function schemaWithBody(): Uint8Array {
  const stream = changed((view) => {
    const root = target(view, BATCH.metadata);
    const header = target(view, slotOf(view, root, 2).field);
    view.setUint8(slotOf(view, root, 1).field, 1);
    for (const slot of [1, 2]) view.setInt16(slotOf(view, header, slot).entry, 0, true);
  });
  return stream.subarray(BATCH.start);
}

/** Streams in which one 64-bit number of a message's metadata, wherever it stands there, is another. */
function replaced({ metadata, body }: Message, from: bigint, to: bigint): Uint8Array[] {
  const view = new DataView(TABLE.buffer, TABLE.byteOffset);
  const streams: Uint8Array[] = [];
  for (let offset = metadata; offset <= body - 8; offset += 8) {
    if (view.getBigInt64(offset, true) === from)
      streams.push(changed((copy) => copy.setBigInt64(offset, to, true)));
  }
  return streams;
}

describe('sound streams', () => {
  test('of znip', () => {
    expect(MESSAGES).toHaveLength(3);
    expect(faultOf(TABLE)).toBe('sound');
    expect(faultOf(encodeTable([], METADATA))).toBe('sound');
  });

  test('with every kind of column, many batches, or none', () => {
    const nested = vectorFromArray([[1, 2], [], null, [3]], new List(new Field('item', new Int32(), true)));
    const structs = vectorFromArray(
      [
        { a: 'x', b: true },
        { a: 'y', b: false },
      ],
      new Struct([new Field('a', new Utf8(), true), new Field('b', new Bool(), true)]),
    );
    const tables = [
      tableFromArrays({
        a: Float64Array.of(1.5, 2),
        b: ['x', 'y'],
        c: [null, true],
        d: [new Date(0), new Date(1)],
      }),
      tableFromJSON([{ a: 1, b: { c: [1, 2, 3] } }]),
      new Table({ nested }),
      new Table({ structs }),
      tableFromArrays({ a: Int32Array.of(1) }).concat(tableFromArrays({ a: Int32Array.of(2, 3) })),
      tableFromArrays({ a: new Int32Array(0) }),
    ];
    for (const table of tables) expect(faultOf(tableToIPC(table, 'stream'))).toBe('sound');
  });

  test('from before Arrow 0.15, without continuation marks', () => {
    const parts = MESSAGES.map(({ start, end }) => TABLE.subarray(start + 4, end));
    const legacy = Uint8Array.from(Buffer.concat([...parts, new Uint8Array(4)]));
    expect(faultOf(legacy)).toBe('sound');
    expect(decodeTable(legacy, 'damaged-manifest', 'a table').batches[0]?.length).toBe(ROWS);
  });
});

describe('messages', () => {
  test('a stream ends between messages or nowhere', () => {
    const sound: number[] = [];
    for (let length = 0; length <= TABLE.length; length++) {
      if (faultOf(TABLE.subarray(0, length)) === 'sound') sound.push(length);
    }
    expect(sound).toEqual([...MESSAGES.map(({ end }) => end), TABLE.length]);
  });

  test('nothing comes behind its end', () => {
    expect(faultOf(Buffer.concat([TABLE, new Uint8Array(1)]))).toMatch(/bytes behind its end/);
    // Some readers go on behind the end of a stream that has no record batch.
    const schema = TABLE.subarray(0, SCHEMA.end);
    const end = TABLE.subarray(-8);
    expect(faultOf(Buffer.concat([schema, end]))).toBe('sound');
    expect(faultOf(Buffer.concat([schema, end, TABLE.subarray(SCHEMA.end)]))).toMatch(/bytes behind its end/);
  });

  test('the schema comes first, once, and without a body', () => {
    const of = ({ start, end }: Message): Uint8Array => TABLE.subarray(start, end);
    expect(faultOf(TABLE.subarray(BATCH.start))).toMatch(/schema is not its first/);
    expect(faultOf(Buffer.concat([of(SCHEMA), of(SCHEMA), of(BATCH)]))).toMatch(/schema is not its first/);
    expect(faultOf(TABLE.subarray(-8))).toBe('it has no schema');
    expect(faultOf(new Uint8Array(0))).toBe('it has no schema');
    expect(faultOf(schemaWithBody())).toBe('its schema has a body');
  });

  test('lengths of metadata and bodies are within the stream', () => {
    for (const length of [-2, -0x80000000, TABLE.length, 0x7fffffff]) {
      expect(faultOf(changed((view) => view.setInt32(SCHEMA.start + 4, length, true)))).toMatch(
        /metadata of .* does not fit/,
      );
    }
    const length = BigInt(BATCH.end - BATCH.body);
    for (const wrong of [length + 9n, -8n, 2n ** 62n]) {
      expect(replaced(BATCH, length, wrong).map(faultOf)).toEqual([
        expect.stringMatching(/a message body of .* does not fit|rows do not fit in a body/),
      ]);
    }
  });

  test('all metadata together has a limit', () => {
    expect(faultOf(withMetadata(900_000))).toBe('sound');
    expect(faultOf(withMetadata(1_100_000))).toMatch(/metadata of 11\d{5} bytes at byte 8 does not fit/);
    const one = withMetadata(400_000);
    const batch = messagesOf(one)[1] as Message;
    const many = Array.from({ length: 5000 }, () => one.subarray(batch.start, batch.end));
    expect(faultOf(Buffer.concat([one.subarray(0, batch.start), ...many]))).toMatch(
      /metadata of .* does not fit/,
    );
  });
});

describe('numbers that readers multiply', () => {
  test('rows of a record batch that its body cannot hold', () => {
    const streams = replaced(BATCH, BigInt(ROWS), 2n ** 31n - 64n);
    // One of them is the batch's own row count, the others those of its columns.
    expect(streams.map(faultOf).filter((fault) => /rows do not fit/.test(fault))).toHaveLength(1);
    for (const stream of streams) {
      const codes = /rows do not fit/.test(faultOf(stream))
        ? ['damaged-manifest']
        : ['damaged-manifest', 'accepted'];
      expect(codes).toContain(codeOf(() => readAll(stream)));
    }
    expect(replaced(BATCH, BigInt(ROWS), -1n).map(faultOf)).toContainEqual(
      expect.stringMatching(/rows do not fit/),
    );
  });

  test('values of a dictionary that there cannot be', () => {
    const faults = replaced(DICTIONARY, BigInt(WORDS.length), 2n ** 24n).map(faultOf);
    expect(faults).toContain('a dictionary of 16777216 values');
    expect(replaced(DICTIONARY, BigInt(WORDS.length), -1n).map(faultOf)).toContain(
      'a dictionary of -1 values',
    );
  });

  test('many dictionaries that are too much together', () => {
    const which = replaced(DICTIONARY, BigInt(WORDS.length), 2n ** 24n).findIndex(
      (stream) => faultOf(stream) !== 'sound',
    );
    const large = replaced(DICTIONARY, BigInt(WORDS.length), 100_000n)[which]?.subarray(
      DICTIONARY.start,
      DICTIONARY.end,
    );
    const stream = (count: number): Uint8Array =>
      Buffer.concat([
        TABLE.subarray(0, SCHEMA.end),
        ...Array.from({ length: count }, () => large ?? new Uint8Array(4)),
      ]);
    expect(faultOf(stream(2))).toBe('sound');
    expect(faultOf(stream(3))).toBe('a dictionary of 100000 values');
  });
});

/** Reads a table as znip's readers do. */
function readAll(stream: Uint8Array): void {
  for (const batch of decodeTable(stream, 'damaged-manifest', 'a table').batches) {
    batch.utf8('text');
    batch.uint32('number');
    batch.checksums('checksum');
    batch.dictionary('word', WORDS);
  }
}

describe('offsets and counts of metadata', () => {
  const places = MESSAGES.flatMap(({ metadata, body }) =>
    Array.from({ length: (body - metadata) / 4 }, (_, i) => metadata + 4 * i),
  );
  const COUNTS = [0x01000000, 0x7fffffff, -1];

  test('replaced one by one with the largest, they are refused or have no effect, and at once', () => {
    const codes: string[] = [];
    const faults = new Set<string>();
    let longest = 0;
    for (const place of places) {
      for (const count of COUNTS) {
        const stream = changed((view) => view.setInt32(place, count, true));
        faults.add(faultOf(stream));
        const started = performance.now();
        codes.push(codeOf(() => readAll(stream)));
        longest = Math.max(longest, performance.now() - started);
      }
    }
    expect(new Set(codes)).toEqual(new Set(['accepted', 'damaged-manifest']));
    expect(codes.filter((code) => code !== 'accepted').length).toBeGreaterThan(places.length);
    for (const count of COUNTS) expect(faults).toContain(`a vector of ${count} elements is cut short`);
    // Without the check, most counts take from seconds to for ever. Milliseconds are enough.
    expect(longest).toBeLessThan(2000);
  });

  test('turned back to tables that came before, they never go round in circles', () => {
    const faults = new Set<string>();
    const codes = new Set<string>();
    for (const place of places.filter((offset) => offset < SCHEMA.end)) {
      for (let back = -4; back >= -160; back -= 12) {
        const stream = changed((view) => view.setInt32(place, back, true));
        const fault = faultOf(stream);
        faults.add(fault);
        if (fault === 'sound') codes.add(codeOf(() => readAll(stream)));
      }
    }
    expect([...codes].filter((code) => code !== 'accepted' && code !== 'damaged-manifest')).toEqual([]);
    expect(faults).toContain('its metadata refers to the same bytes too often');
  });
});
