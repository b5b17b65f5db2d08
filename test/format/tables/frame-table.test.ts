import { type Data, RecordBatchReader } from 'apache-arrow';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MAX_CHUNK_SIZE } from '../../../src/format/values/constants.ts';
import {
  checkFrames,
  decodeFrameTable,
  findFrame,
  type Frame,
  frameColumns,
} from '../../../src/format/tables/frame-table.ts';
import { encodeTable } from '../../../src/format/tables/table-writer.ts';
import { maxBlobLength } from '../../../src/format/zstd/zstd-frame.ts';
import * as arbitrary from '../../support/arbitrary.ts';
import {
  asUint64,
  mutate,
  mutations,
  withColumn,
  withColumnsReversed,
  withExtraColumn,
} from '../../support/arrow.ts';
import { codeOf, outcomeOf } from '../../support/refusal.ts';
import { testColumnsWithoutNulls, testRequiredColumns } from '../../support/columns.ts';

const METADATA = new Map([['znip.producer', 'a test']]);
const SUM = Uint8Array.from({ length: 32 }, (_, i) => i);

const anyFrame = (): fc.Arbitrary<Frame> =>
  fc.record({
    streamOffset: arbitrary.exactNumber(),
    streamLength: arbitrary.exactNumber(),
    blobOffset: arbitrary.exactNumber(),
    blobLength: arbitrary.exactNumber(),
    stored: fc.boolean(),
    checksum: arbitrary.checksum(),
    fingerprint: fc.option(arbitrary.checksum()),
  });

/** Frames that tile the tar stream, with blobs in order and gaps between them. */
function soundFrames(): fc.Arbitrary<Frame[]> {
  const piece = fc.record({
    streamLength: fc.oneof(
      fc.integer({ min: 1, max: MAX_CHUNK_SIZE }),
      fc.constantFrom(1, 512, MAX_CHUNK_SIZE),
    ),
    gap: fc.nat(5000),
    blobLength: fc.integer({ min: 1, max: 0xffffffff }),
  });
  return fc.array(piece, { maxLength: 60 }).map((pieces) => {
    let streamOffset = 0;
    let end = 9;
    return pieces.map(({ streamLength, gap, blobLength }) => {
      const length = Math.min(blobLength, maxBlobLength(streamLength));
      const frame = {
        streamOffset,
        streamLength,
        blobOffset: end + gap,
        blobLength: length,
        stored: false,
        checksum: SUM,
        fingerprint: null,
      };
      streamOffset += streamLength;
      end += gap + length;
      return frame;
    });
  });
}

const EXAMPLE: Frame[] = [
  {
    streamOffset: 0,
    streamLength: 1024,
    blobOffset: 105,
    blobLength: 300,
    stored: false,
    checksum: SUM,
    fingerprint: SUM,
  },
  {
    streamOffset: 1024,
    streamLength: 512,
    blobOffset: 501,
    blobLength: 524,
    stored: true,
    checksum: SUM.toReversed(),
    fingerprint: null,
  },
  {
    streamOffset: 1536,
    streamLength: 1024,
    blobOffset: 1121,
    blobLength: 20,
    stored: false,
    checksum: SUM,
    fingerprint: SUM,
  },
];
const BLOBS_END = 1141;
const TABLE = encodeTable(frameColumns(EXAMPLE), METADATA);

test('any frames round-trip', () => {
  fc.assert(
    fc.property(fc.array(anyFrame(), { maxLength: 40 }), (frames) => {
      expect(decodeFrameTable(encodeTable(frameColumns(frames), METADATA))).toEqual(frames);
    }),
    { numRuns: 60 },
  );
});

test('columns have the names and types of the format', () => {
  const batch = [...RecordBatchReader.from(TABLE)][0];
  expect(
    batch?.schema.fields.map((field) => `${field.name} ${String(field.type)}${field.nullable ? '?' : ''}`),
  ).toEqual([
    'stream_offset Uint64',
    'stream_length Uint64',
    'blob_offset Uint64',
    'blob_length Uint64',
    'stored Bool',
    'checksum FixedSizeBinary[32]',
    'fingerprint FixedSizeBinary[32]?',
  ]);
  expect(batch?.schema.metadata).toEqual(METADATA);
});

describe('columns', () => {
  const NAMES = ['stream_offset', 'stream_length', 'blob_offset', 'blob_length', 'stored', 'checksum'];

  testRequiredColumns(NAMES, TABLE, decodeFrameTable, 'damaged-frame-table');

  testColumnsWithoutNulls(NAMES, TABLE, decodeFrameTable, 'damaged-frame-table');

  test.each(['stored', 'checksum'])("'%s' of another type is refused", (name) => {
    const outcome = outcomeOf(() => decodeFrameTable(withColumn(TABLE, name, asUint64)));
    expect(outcome).toEqual({
      code: 'damaged-frame-table',
      message: expect.stringContaining(`column '${name}': expected`),
    });
  });

  test('a column of another kind is refused', () => {
    let boolean: Data | undefined;
    withColumn(TABLE, 'stored', (old) => (boolean = old));
    const outcome = outcomeOf(() =>
      decodeFrameTable(withColumn(TABLE, 'blob_offset', () => boolean as Data)),
    );
    expect(outcome).toEqual({
      code: 'damaged-frame-table',
      message: "column 'blob_offset': expected UInt64, found Bool",
    });
  });

  test('that nobody knows are ignored, and the order is of no matter', () => {
    expect(decodeFrameTable(withExtraColumn(TABLE))).toEqual(EXAMPLE);
    expect(decodeFrameTable(withColumnsReversed(TABLE))).toEqual(EXAMPLE);
  });
});

test('damaged in any way, it is refused with its code or read', () => {
  fc.assert(
    fc.property(mutations(), (changes) => {
      expect(['accepted', 'damaged-frame-table']).toContain(
        codeOf(() => decodeFrameTable(mutate(TABLE, changes))),
      );
    }),
    { numRuns: 1000 },
  );
});

describe('frames are checked together', () => {
  test('and accepted when they tile the tar stream and lie in order before the end of the blobs', () => {
    fc.assert(
      fc.property(soundFrames(), (frames) => {
        const last = frames.at(-1);
        const end = last === undefined ? 0 : last.blobOffset + last.blobLength;
        expect(codeOf(() => checkFrames(frames, end))).toBe('accepted');
        if (last !== undefined) expect(codeOf(() => checkFrames(frames, end - 1))).toBe('inconsistent');
      }),
    );
  });

  const faults: [string, number, Partial<Frame>, RegExp][] = [
    ['a gap at the start', 0, { streamOffset: 512 }, /blob 0 starts at stream byte 512, expected 0/],
    ['a gap', 1, { streamOffset: 1025 }, /blob 1 starts at stream byte 1025, expected 1024/],
    ['an overlap', 2, { streamOffset: 1535 }, /blob 2 starts at stream byte 1535, expected 1536/],
    ['the same place twice', 1, { streamOffset: 0 }, /blob 1 starts at stream byte 0/],
    ['an empty chunk', 2, { streamLength: 0 }, /blob 2 holds 0 bytes/],
    ['a chunk beyond the limit', 2, { streamLength: MAX_CHUNK_SIZE + 1 }, /blob 2 holds 134217729 bytes/],
    ['a blob within the one before', 1, { blobOffset: 404 }, /blob 1 lies at archive byte 404, within/],
    ['blobs out of order', 2, { blobOffset: 105 }, /blob 2 lies at archive byte 105, within/],
    ['an empty blob', 1, { blobLength: 0 }, /blob 1 has 0 bytes at 501/],
    ['a blob that ends in the index', 2, { blobLength: 21 }, /blob 2 has 21 bytes at 1121, outside/],
    [
      'a blob behind the file',
      2,
      { blobOffset: Number.MAX_SAFE_INTEGER },
      /blob 2 has 20 bytes at .*, outside/,
    ],
    [
      'a blob as long as can be',
      0,
      { blobLength: Number.MAX_SAFE_INTEGER },
      /blob 0 has 9007199254740991 bytes/,
    ],
  ];

  test.each(faults)('%s is refused', (_, blob, fault, message) => {
    const frames = EXAMPLE.with(blob, { ...(EXAMPLE[blob] as Frame), ...fault });
    const outcome = outcomeOf(() => checkFrames(frames, BLOBS_END));
    expect(outcome).toEqual({ code: 'inconsistent', message: expect.stringMatching(message) });
  });

  test('a blob that is longer than its chunk would be stored is refused', () => {
    const longest = { ...(EXAMPLE[0] as Frame), streamLength: 1, blobLength: maxBlobLength(1) };
    expect(codeOf(() => checkFrames([longest], 1 << 20))).toBe('accepted');
    const longer = { ...longest, blobLength: longest.blobLength + 1 };
    expect(outcomeOf(() => checkFrames([longer], 1 << 20))).toEqual({
      code: 'inconsistent',
      message: expect.stringMatching(/blob 0 has \d+ bytes for a chunk of 1$/),
    });
  });

  test('the example has none of these faults, and chunks as long as can be are accepted', () => {
    expect(codeOf(() => checkFrames(EXAMPLE, BLOBS_END))).toBe('accepted');
    const longest = EXAMPLE.with(2, { ...(EXAMPLE[2] as Frame), streamLength: MAX_CHUNK_SIZE });
    expect(codeOf(() => checkFrames(longest, BLOBS_END))).toBe('accepted');
  });
});

describe('the frame of a stream byte', () => {
  test('is the one that a search from the start finds', () => {
    fc.assert(
      fc.property(soundFrames(), fc.nat(), (frames, anywhere) => {
        const end = frames.reduce((sum, frame) => sum + frame.streamLength, 0);
        const borders = frames.flatMap(({ streamOffset }) => [
          streamOffset - 1,
          streamOffset,
          streamOffset + 1,
        ]);
        for (const offset of [...borders, end - 1, end, end + 1, anywhere % (end + 1)]) {
          const slow = frames.findIndex(
            (frame) => offset >= frame.streamOffset && offset < frame.streamOffset + frame.streamLength,
          );
          expect(findFrame(frames, offset)).toBe(slow);
        }
      }),
    );
  });

  test('there is none of an empty table', () => {
    expect(findFrame([], 0)).toBe(-1);
  });
});
