import {
  type Data,
  Dictionary,
  makeData,
  RecordBatchReader,
  Uint64,
  Uint8,
  Utf8,
  vectorFromArray,
} from 'apache-arrow';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { toText } from '../../../src/format/values/byte-string.ts';
import { MAX_PATH_LENGTH, MAX_SUB_INDEX_ROWS } from '../../../src/format/values/constants.ts';
import { KIND, type Member } from '../../../src/format/values/entry.ts';
import { decodeSubIndex, type EntryBatch } from '../../../src/format/tables/sub-index.ts';
import { SubIndexBuilder } from '../../../src/format/tables/sub-index-builder.ts';
import { encodeTable } from '../../../src/format/tables/table-writer.ts';
import * as arbitrary from '../../support/arbitrary.ts';
import {
  asMilliseconds,
  asText,
  asUint64,
  columnsOf,
  firstRowNull,
  mutate,
  mutations,
  withColumn,
  withColumnsReversed,
  withExtraColumn,
  withoutColumn,
} from '../../support/arrow.ts';
import { codeOf, outcomeOf } from '../../support/refusal.ts';
import { testColumnsWithoutNulls, testRequiredColumns } from '../../support/columns.ts';

interface Row {
  member: Member;
  streamOffset: number;
  checksum: Uint8Array | null;
  changed: boolean;
}

function rows(): fc.Arbitrary<Row[]> {
  const row = fc
    .record({
      member: arbitrary.member(),
      streamOffset: arbitrary.exactNumber(),
      checksum: arbitrary.checksum(),
      changed: fc.boolean(),
    })
    .map((any) => ({ ...any, checksum: any.member.kind === KIND.file ? any.checksum : null }));
  return fc.array(row, { minLength: 1, maxLength: 40 });
}

const METADATA = new Map([['znip.producer', 'a test']]);

function encode(entries: readonly Row[]): Uint8Array {
  const builder = new SubIndexBuilder();
  for (const row of entries) builder.append(row.member, row.streamOffset, row.checksum, row.changed);
  return encodeTable(builder.columns(), METADATA);
}

function rowsOf(batches: readonly EntryBatch[]): Row[] {
  return batches.flatMap((batch) =>
    Array.from({ length: batch.length }, (_, row) => ({
      member: batch.member(row),
      streamOffset: batch.streamOffsets[row] ?? NaN,
      checksum: batch.checksum(row),
      changed: batch.changed(row),
    })),
  );
}

/** Everything that a reader may ask of a table, so that all of it is computed. */
const decode = (stream: Uint8Array): Row[] => rowsOf(decodeSubIndex(stream));

const member = (path: string, kind: number, rest: Partial<Member> = {}): Member => ({
  path,
  kind,
  mode: 0o644,
  mtime: 1_600_000_000_123_456_789n,
  size: 0,
  linkTarget: '',
  uid: null,
  gid: null,
  ...rest,
});
const SUM = Uint8Array.from({ length: 32 }, (_, i) => i);

const EXAMPLE: Row[] = [
  { member: member('a', KIND.directory, { mode: 0o755 }), streamOffset: 512, checksum: null, changed: false },
  { member: member('a/file', KIND.file, { size: 5 }), streamOffset: 1024, checksum: SUM, changed: false },
  { member: member('a/\xff', KIND.file, { uid: 5 }), streamOffset: 2048, checksum: SUM, changed: true },
  {
    member: member('a/link', KIND.symlink, { linkTarget: 't\xfe', mtime: -1n, gid: 0xffffffff }),
    streamOffset: 2560,
    checksum: null,
    changed: false,
  },
  {
    member: member('a/hard', KIND.hardlink, { linkTarget: 'a/file' }),
    streamOffset: 3072,
    checksum: null,
    changed: false,
  },
];
const TABLE = encode(EXAMPLE);

test('any entries round-trip', () => {
  fc.assert(
    fc.property(rows(), (entries) => {
      expect(decode(encode(entries))).toEqual(entries);
    }),
    { numRuns: 60 },
  );
});

test('the same entries give the same bytes', () => {
  expect(Buffer.from(encode(EXAMPLE)).equals(Buffer.from(TABLE))).toBe(true);
});

test('entries beyond the room that a builder begins with round-trip', () => {
  const entries = Array.from({ length: 5000 }, (_, i): Row => {
    const kind = i % 4;
    const isLink = kind === KIND.symlink || kind === KIND.hardlink;
    return {
      member: member(`${i}/${'p'.repeat(i % 50)}${i % 700 === 3 ? '\xff' : ''}`, kind, {
        mtime: BigInt(i) * 1_000_000_007n - 2_000_000_000_000n,
        size: kind === KIND.file ? i : 0,
        linkTarget: isLink ? `${i}` : '',
        // The first null comes late, behind a whole number of bytes of validity, and one in the last row.
        uid: i === 1024 || i === 4999 ? null : i,
        gid: i < 4000 ? i : null,
      }),
      streamOffset: i * 512,
      checksum: kind === KIND.file ? Uint8Array.from({ length: 32 }, (_, j) => (i + j) & 0xff) : null,
      changed: i % 9 === 0,
    };
  });
  expect(decode(encode(entries))).toEqual(entries);
});

test('names of PATH_MAX bytes, and the most rows of a part, round-trip', () => {
  const path = `${'p'.repeat(MAX_PATH_LENGTH - 1)}\xff`;
  const long = { ...EXAMPLE[0], member: member(path, KIND.symlink, { linkTarget: path }) } as Row;
  expect(decode(encode([long]))).toEqual([long]);
  const builder = new SubIndexBuilder();
  for (let i = 0; i < MAX_SUB_INDEX_ROWS; i++) builder.append(member(`${i}`, KIND.directory), i, null);
  const [batch] = decodeSubIndex(encodeTable(builder.columns(), METADATA));
  expect(batch?.length).toBe(MAX_SUB_INDEX_ROWS);
  expect(batch?.path(MAX_SUB_INDEX_ROWS - 1)).toBe(`${MAX_SUB_INDEX_ROWS - 1}`);
});

test('a table without entries has none', () => {
  expect(decodeSubIndex(encodeTable(new SubIndexBuilder().columns(), METADATA))).toEqual([]);
});

test('the summary has first and last path and the total content', () => {
  const builder = new SubIndexBuilder();
  for (const row of EXAMPLE) builder.append(row.member, row.streamOffset, row.checksum);
  expect(builder.summary()).toEqual({ firstPath: 'a', lastPath: 'a/\xff', contentBytes: 5 });
  expect(builder.length).toBe(EXAMPLE.length);
});

describe('as other programs see the table', () => {
  const batch = [...RecordBatchReader.from(TABLE)][0];
  const column = (name: string): unknown[] => [...(batch?.getChild(name) ?? [])];

  test('gives paths as lines, whatever bytes they have', () => {
    fc.assert(
      fc.property(rows(), fc.nat(), fc.nat(), (entries, a, b) => {
        const [batch] = decodeSubIndex(encode(entries));
        const bounds = [a % (entries.length + 1), b % (entries.length + 1)].sort((x, y) => x - y);
        const [from = 0, to = 0] = bounds;
        const lines = Buffer.from(batch?.pathLines(from, to, 0) ?? []).toString('latin1');
        expect(lines).toBe(
          entries
            .slice(from, to)
            .map(({ member }) => `${member.path}\0`)
            .join(''),
        );
      }),
    );
  });

  test('columns have the names, types and order of the format', () => {
    expect(
      batch?.schema.fields.map((field) => `${field.name} ${String(field.type)}${field.nullable ? '?' : ''}`),
    ).toEqual([
      'path Utf8',
      'kind Dictionary<Uint8, Utf8>',
      'mode Uint32',
      'mtime Timestamp<NANOSECOND, UTC>',
      'uid Uint32?',
      'gid Uint32?',
      'size Uint64',
      'stream_offset Uint64',
      'link_target Utf8?',
      'checksum FixedSizeBinary[32]?',
      'changed Bool',
      'path_bytes Binary?',
      'link_target_bytes Binary?',
    ]);
    expect(batch?.schema.metadata).toEqual(METADATA);
  });

  test('names that are not UTF-8 are shown as text, with their bytes beside them', () => {
    expect(column('path')).toEqual(EXAMPLE.map((row) => toText(row.member.path)));
    expect(column('path')[2]).toBe('a/\ufffd');
    expect(column('path_bytes')).toEqual([null, null, Uint8Array.of(0x61, 0x2f, 0xff), null, null]);
    expect(column('link_target')).toEqual([null, null, null, 't\ufffd', 'a/file']);
    expect(column('link_target_bytes')).toEqual([null, null, null, Uint8Array.of(0x74, 0xfe), null]);
  });

  test('kinds are words, owners numbers or null', () => {
    expect(column('kind')).toEqual(['directory', 'file', 'file', 'symlink', 'hardlink']);
    expect(column('uid')).toEqual([null, null, 5, null, null]);
    expect(column('gid')).toEqual([null, null, null, 0xffffffff, null]);
    expect(column('size')).toEqual([0n, 5n, 0n, 0n, 0n]);
    expect(column('changed')).toEqual([false, false, true, false, false]);
  });
});

/** Rows that all have the first of these words. */
const words =
  (...values: (string | bigint)[]) =>
  ({ length }: Data): Data => {
    const dictionary =
      typeof values[0] === 'string'
        ? vectorFromArray(values as string[], new Utf8())
        : vectorFromArray(values as bigint[], new Uint64());
    const type = new Dictionary(dictionary.type, new Uint8(), 0);
    return makeData({ type, length, data: new Uint8Array(length), dictionary } as never) as Data;
  };

/** The same bytes of names with other offsets into them. */
const namesAt =
  (...offsets: number[]) =>
  ({ length, values }: Data): Data =>
    makeData({
      type: new Utf8(),
      length,
      valueOffsets: Int32Array.from(offsets),
      data: values as Uint8Array,
    }) as Data;

describe('columns', () => {
  const REQUIRED = [
    'path',
    'kind',
    'mode',
    'mtime',
    'uid',
    'gid',
    'size',
    'stream_offset',
    'link_target',
    'checksum',
  ];
  const NOT_NULLABLE = ['path', 'kind', 'mode', 'mtime', 'size', 'stream_offset', 'changed'];
  const NULLABLE = ['uid', 'gid'];

  testRequiredColumns(REQUIRED, TABLE, decode, 'damaged-sub-index');

  test("'changed' may be missing: then no file changed", () => {
    const entries = decode(withoutColumn(TABLE, 'changed'));
    expect(entries).toEqual(EXAMPLE.map((row) => ({ ...row, changed: false })));
  });

  test("'path_bytes' and 'link_target_bytes' may be missing: then the text is the name", () => {
    expect(decode(withoutColumn(TABLE, 'path_bytes'))[2]?.member.path).toBe('a/\xef\xbf\xbd');
    expect(decode(withoutColumn(TABLE, 'link_target_bytes'))[3]?.member.linkTarget).toBe('t\xef\xbf\xbd');
  });

  test('that nobody knows are ignored, and the order is of no matter', () => {
    expect(decode(withExtraColumn(TABLE))).toEqual(EXAMPLE);
    expect(decode(withColumnsReversed(TABLE))).toEqual(EXAMPLE);
  });

  testColumnsWithoutNulls(NOT_NULLABLE, TABLE, decode, 'damaged-sub-index');

  test.each(NULLABLE)("'%s' may have nulls", (name) => {
    expect(columnsOf(TABLE).find(({ field }) => field.name === name)?.data.nullCount).toBe(4);
    expect(codeOf(() => decode(withColumn(TABLE, name, firstRowNull)))).toBe('accepted');
  });

  test.each<[string, (old: Data) => Data, string]>([
    ['path', asUint64, 'expected Utf8, found UInt64'],
    ['kind', asText, 'expected Dictionary(Utf8), found Utf8'],
    ['kind', words(1n, 2n), 'expected Dictionary(Utf8), found Dictionary<another type, UInt8>'],
    ['mode', asUint64, 'expected UInt32, found UInt64'],
    ['mtime', asMilliseconds, 'expected Timestamp(ns), found Timestamp(ms)'],
    ['uid', asText, 'expected UInt32, found Utf8'],
    ['size', asText, 'expected UInt64, found Utf8'],
    ['stream_offset', asMilliseconds, 'expected UInt64, found Timestamp(ms)'],
    ['link_target', asUint64, 'expected Utf8, found UInt64'],
    ['checksum', asUint64, 'expected FixedSizeBinary(32), found UInt64'],
    ['changed', asUint64, 'expected Bool, found UInt64'],
    ['path_bytes', asText, 'expected Binary, found Utf8'],
    ['link_target_bytes', asUint64, 'expected Binary, found UInt64'],
  ])("'%s' of another type is refused", (name, data, message) => {
    const outcome = outcomeOf(() => decode(withColumn(TABLE, name, data)));
    expect(outcome).toEqual({ code: 'damaged-sub-index', message: `column '${name}': ${message}` });
  });

  test('words of a dictionary count, not their numbers', () => {
    const directories = EXAMPLE.map(({ member: { path } }, i) => ({
      member: member(path, KIND.directory),
      streamOffset: i,
      checksum: null,
      changed: false,
    }));
    const other = withColumn(encode(directories), 'kind', words('directory', 'file'));
    expect(decode(other).map((row) => row.member.kind)).toEqual(directories.map(() => KIND.directory));
    const outcome = outcomeOf(() =>
      decode(withColumn(encode(directories), 'kind', words('device', 'directory'))),
    );
    expect(outcome).toEqual({
      code: 'damaged-sub-index',
      message: expect.stringContaining('row 0 holds none of: file'),
    });
  });

  test('a number that a double cannot hold is refused', () => {
    const outcome = outcomeOf(() =>
      decode(withColumn(TABLE, 'stream_offset', (old) => asUint64(old, 2n ** 53n))),
    );
    expect(outcome).toEqual({
      code: 'damaged-sub-index',
      message: expect.stringContaining('row 0 holds 9007199254740992'),
    });
  });
});

function withXattrs(kind: number, xattrs: string): Row[] {
  return [
    {
      member: { ...member('a', kind), xattrs, linkTarget: kind === KIND.hardlink ? 'b' : '' },
      streamOffset: 512,
      checksum: kind === KIND.file ? new Uint8Array(32) : null,
      changed: false,
    },
  ];
}

describe('extended attributes', () => {
  const RECORD = '25 SCHILY.xattr.user.a=1\n';

  test('come back, of a file and a directory', () => {
    for (const kind of [KIND.file, KIND.directory]) {
      const [batch] = decodeSubIndex(encode(withXattrs(kind, RECORD)));
      expect(batch?.xattrs(0)).toBe(RECORD);
      expect(batch?.slice(0, 1).member(0).xattrs).toBe(RECORD);
      // Whoever takes over columns would lose them.
      expect(batch?.plain).toBeUndefined();
    }
  });

  test.each([
    ['that are no records', KIND.file, 'junk'],
    ['of a hard link', KIND.hardlink, RECORD],
  ])('%s are refused', (_, kind, xattrs) => {
    expect(outcomeOf(() => decodeSubIndex(encode(withXattrs(kind, xattrs))))).toEqual({
      code: 'damaged-sub-index',
      message: expect.stringContaining('row 0 has extended attributes') as string,
    });
  });
});

describe('offsets of names that lie', () => {
  test.each<[string, number[], RegExp]>([
    ['fall', [0, 3, 2, 9, 15, 20], /offsets fall at row 2/],
    ['fall far', [0, 3, -2_000_000_000, 9, 15, 20], /offsets fall at row 2/],
    ['end behind the values', [0, 1, 7, 10, 16, 2_000_000_000], /offsets point past its values/],
    ['rise behind the values and come back', [0, 1, 1_000_000, 10, 16, 22], /offsets fall at row 3/],
  ])('%s', (_, offsets, message) => {
    const outcome = outcomeOf(() => decode(withColumn(TABLE, 'path', namesAt(...offsets))));
    expect(outcome).toEqual({ code: 'damaged-sub-index', message: expect.stringMatching(message) });
  });
});

describe('entries that contradict themselves are refused', () => {
  test.each<[string, Row, string]>([
    [
      'a file without a checksum',
      { ...(EXAMPLE[1] as Row), checksum: null },
      'row 0 is a file without a checksum',
    ],
    [
      'a directory with content',
      { ...(EXAMPLE[0] as Row), member: member('d', KIND.directory, { size: 1 }) },
      'row 0 is a directory with content',
    ],
    [
      'a symlink with content',
      { ...(EXAMPLE[3] as Row), member: member('l', KIND.symlink, { size: 1, linkTarget: 't' }) },
      'row 0 is a symlink with content',
    ],
  ])('%s', (_, row, message) => {
    expect(outcomeOf(() => decode(encode([row])))).toEqual({ code: 'damaged-sub-index', message });
  });

  test.each([KIND.symlink, KIND.hardlink])('a link of kind %i without a target', (kind) => {
    const table = encode([{ ...(EXAMPLE[3] as Row), member: member('l', kind, { linkTarget: 't' }) }]);
    const outcome = outcomeOf(() => decode(withColumn(table, 'link_target', firstRowNull)));
    expect(outcome).toEqual({
      code: 'damaged-sub-index',
      message: expect.stringMatching(/^row 0 is a .*link without a target$/),
    });
  });
});

test('damaged in any way, it is refused with its code or read', () => {
  fc.assert(
    fc.property(mutations(), (changes) => {
      expect(['accepted', 'damaged-sub-index']).toContain(codeOf(() => decode(mutate(TABLE, changes))));
    }),
    { numRuns: 1000 },
  );
});
