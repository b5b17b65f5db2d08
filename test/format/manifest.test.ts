import {
  type Data,
  Dictionary,
  makeData,
  RecordBatchReader,
  Uint8,
  Utf8,
  vectorFromArray,
} from 'apache-arrow';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SECTION_KINDS } from '../../src/format/values/constants.ts';
import {
  decodeManifest,
  manifestColumns,
  type Manifest,
  type ManifestRow,
} from '../../src/format/manifest.ts';
import { encodeTable } from '../../src/format/tables/table-writer.ts';
import * as arbitrary from '../support/arbitrary.ts';
import {
  asText,
  asUint64,
  mutate,
  mutations,
  withColumn,
  withColumnsReversed,
  withExtraColumn,
} from '../support/arrow.ts';
import { codeOf, outcomeOf } from '../support/refusal.ts';
import { testColumnsWithoutNulls, testRequiredColumns } from '../support/columns.ts';

const SUM = Uint8Array.from({ length: 32 }, (_, i) => i);

const anyRow = (): fc.Arbitrary<ManifestRow> =>
  fc.record({
    section: fc.constantFrom(...SECTION_KINDS),
    packageType: arbitrary.text(),
    repo: arbitrary.text(),
    indexOffset: arbitrary.exactNumber(),
    indexLength: arbitrary.exactNumber(),
    firstRow: arbitrary.exactNumber(),
    rowCount: arbitrary.exactNumber(),
    uncompressedBytes: arbitrary.exactNumber(),
    contentBytes: arbitrary.exactNumber(),
    firstPath: arbitrary.byteName(),
    lastPath: arbitrary.byteName(),
    checksum: arbitrary.checksum(),
  });

const EXAMPLE: Manifest = {
  unknownSections: 0,
  rows: [
    {
      section: 'members',
      packageType: 'npm',
      repo: 'caf\u00e9',
      indexOffset: 5000,
      indexLength: 300,
      firstRow: 0,
      rowCount: 7,
      uncompressedBytes: 2000,
      contentBytes: 123_456,
      firstPath: 'a',
      lastPath: 'z\xef\xbf\xbd',
      checksum: SUM,
    },
    {
      section: 'frames',
      packageType: '',
      repo: '',
      indexOffset: 5300,
      indexLength: 100,
      firstRow: 0,
      rowCount: 2,
      uncompressedBytes: 1000,
      contentBytes: 2048,
      firstPath: '',
      lastPath: '',
      checksum: SUM.toReversed(),
    },
  ],
  metadata: new Map([
    ['znip.format_version', '1.0'],
    ['znip.producer', 'a t\u00e9st'],
  ]),
};
const TABLE = encodeTable(manifestColumns(EXAMPLE.rows), EXAMPLE.metadata);

test('any manifest round-trips', () => {
  const metadata = fc
    .array(fc.tuple(arbitrary.text(), arbitrary.text()), { maxLength: 5 })
    .map((pairs) => new Map(pairs));
  fc.assert(
    fc.property(fc.array(anyRow(), { minLength: 1, maxLength: 30 }), metadata, (rows, metadata) => {
      expect(decodeManifest(encodeTable(manifestColumns(rows), metadata))).toEqual({
        rows,
        unknownSections: 0,
        metadata,
      });
    }),
    { numRuns: 60 },
  );
});

test('one without rows round-trips', () => {
  expect(decodeManifest(encodeTable(manifestColumns([]), EXAMPLE.metadata))).toEqual({
    rows: [],
    unknownSections: 0,
    metadata: EXAMPLE.metadata,
  });
});

test('columns have the names and types of the format', () => {
  const batch = [...RecordBatchReader.from(TABLE)][0];
  expect(
    batch?.schema.fields.map((field) => `${field.name} ${String(field.type)}${field.nullable ? '?' : ''}`),
  ).toEqual([
    'section Dictionary<Uint8, Utf8>',
    'package_type Utf8',
    'repo Utf8',
    'index_offset Uint64',
    'index_length Uint64',
    'first_row Uint64',
    'row_count Uint64',
    'uncompressed_bytes Uint64',
    'content_bytes Uint64',
    'first_path Utf8',
    'last_path Utf8',
    'checksum FixedSizeBinary[32]',
  ]);
  expect([...(batch?.getChild('section') ?? [])]).toEqual(['members', 'frames']);
  expect([...(batch?.getChild('repo') ?? [])]).toEqual(['caf\u00e9', '']);
});

describe('columns', () => {
  const NAMES = [
    'section',
    'package_type',
    'repo',
    'index_offset',
    'index_length',
    'row_count',
    'uncompressed_bytes',
    'content_bytes',
    'first_path',
    'last_path',
    'checksum',
  ];

  testRequiredColumns(NAMES, TABLE, decodeManifest, 'damaged-manifest');

  testColumnsWithoutNulls(NAMES, TABLE, decodeManifest, 'damaged-manifest');

  test.each(NAMES)("'%s' of another type is refused", (name) => {
    const isNumber =
      name.endsWith('_offset') || name.endsWith('_length') || name.endsWith('_bytes') || name === 'row_count';
    const outcome = outcomeOf(() => decodeManifest(withColumn(TABLE, name, isNumber ? asText : asUint64)));
    expect(outcome).toEqual({
      code: 'damaged-manifest',
      message: expect.stringMatching(
        `^column '${name}': expected .*, found ${isNumber ? 'Utf8' : 'UInt64'}$`,
      ),
    });
  });

  test('that nobody knows are ignored, and the order is of no matter', () => {
    expect(decodeManifest(withExtraColumn(TABLE)).rows).toEqual(EXAMPLE.rows);
    expect(decodeManifest(withColumnsReversed(TABLE)).rows).toEqual(EXAMPLE.rows);
  });

  test('a section of a kind that is not known is passed over, as later minor versions may add some', () => {
    const dictionary = vectorFromArray(['members', 'secrets'], new Utf8());
    const type = new Dictionary(new Utf8(), new Uint8(), 0);
    const other = (old: Data): Data =>
      makeData({ type, length: old.length, data: old.values as Uint8Array, dictionary }) as Data;
    const { rows } = decodeManifest(withColumn(TABLE, 'section', other));
    expect(rows).toEqual(EXAMPLE.rows.filter(({ section }) => section === 'members'));
    expect(rows.length).toBeLessThan(EXAMPLE.rows.length);
  });
});

describe('what is no table', () => {
  test.each<[string, Uint8Array]>([
    ['nothing', new Uint8Array(0)],
    ['zeros', new Uint8Array(1000)],
    ['text', Buffer.from('This is not an Arrow IPC stream, but a text of some length.')],
    ['an Arrow file', Buffer.from('ARROW1\0\0'.repeat(10))],
  ])('%s is refused', (_, bytes) => {
    const outcome = outcomeOf(() => decodeManifest(bytes));
    expect(outcome).toEqual({
      code: 'damaged-manifest',
      message: expect.stringContaining('the manifest is not an Arrow IPC stream: '),
    });
  });
});

test('damaged in any way, it is refused with its code or read', () => {
  fc.assert(
    fc.property(mutations(), (changes) => {
      expect(['accepted', 'damaged-manifest']).toContain(
        codeOf(() => decodeManifest(mutate(TABLE, changes))),
      );
    }),
    { numRuns: 1000 },
  );
});
