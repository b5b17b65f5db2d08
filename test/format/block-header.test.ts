import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  BLOCK_HEADER_PROBE_LENGTH,
  type BlockHeader,
  blockHeaderLength,
  decodeBlockHeader,
  encodeBlockHeader,
  MAX_BLOCK_HEADER_LENGTH,
} from '../../src/format/block-header.ts';
import { equalBytes } from '../../src/format/values/bytes.ts';
import { MAX_CHUNK_SIZE, MAX_PATH_LENGTH } from '../../src/format/values/constants.ts';
import * as arbitrary from '../support/arbitrary.ts';
import { hash } from '../support/codecs.ts';
import { codeOf, outcomeOf } from '../support/refusal.ts';

const decode = (frame: Uint8Array): BlockHeader => decodeBlockHeader(frame, hash, 9);

/** Any header that a writer may make. */
function blockHeader(): fc.Arbitrary<BlockHeader> {
  const continuation = fc
    .tuple(arbitrary.byteName(), arbitrary.exactNumber(), arbitrary.exactNumber())
    .filter(([, a, b]) => a !== b)
    .map(([path, a, b]) => ({ path, memberOffset: Math.min(a, b), memberSize: Math.max(a, b) }));
  return fc
    .record({
      stored: fc.boolean(),
      last: fc.boolean(),
      blobLength: fc.integer({ min: 0, max: 0xffffffff }),
      chunkLength: fc.oneof(fc.integer({ min: 1, max: MAX_CHUNK_SIZE }), fc.constantFrom(1, MAX_CHUNK_SIZE)),
      streamOffset: arbitrary.exactNumber(),
      firstHeaderOffset: fc.option(fc.nat(), { nil: undefined }),
      continuation: fc.option(continuation, { nil: undefined }),
      checksum: arbitrary.checksum(),
    })
    .map((header) => ({
      ...header,
      firstHeaderOffset:
        header.firstHeaderOffset === undefined ? undefined : header.firstHeaderOffset % header.chunkLength,
    }));
}

const EXAMPLE: BlockHeader = {
  stored: true,
  last: false,
  blobLength: 0x01020304,
  chunkLength: 0x00a0b0c0,
  streamOffset: 0x1122334455,
  firstHeaderOffset: 0x200,
  continuation: { path: 'some/p\xe4th', memberOffset: 0x0102030405, memberSize: 0x0203040506 },
  checksum: Uint8Array.from({ length: 32 }, (_, i) => 0x80 + i),
};
const WITHOUT_PATH: BlockHeader = { ...EXAMPLE, continuation: undefined, firstHeaderOffset: undefined };

/** Puts the right checksum onto a frame that was changed. */
function seal(frame: Uint8Array): Uint8Array {
  frame.set(hash(frame.subarray(0, -8)).subarray(0, 8), frame.length - 8);
  return frame;
}

/** The example with some of its bytes changed and its checksum right again. */
function changed(change: (view: DataView, frame: Uint8Array) => void): Uint8Array {
  const frame = Uint8Array.from(encodeBlockHeader(EXAMPLE, hash));
  change(new DataView(frame.buffer), frame);
  return seal(frame);
}

test('any header round-trips', () => {
  fc.assert(
    fc.property(blockHeader(), (header) => {
      const frame = encodeBlockHeader(header, hash);
      expect(decode(frame)).toEqual(header);
      expect(frame.length).toBe(96 + (header.continuation?.path.length ?? 0));
      expect(blockHeaderLength(frame.subarray(0, BLOCK_HEADER_PROBE_LENGTH))).toBe(frame.length);
    }),
    { numRuns: 300 },
  );
});

test('the bytes are those of the format', () => {
  const frame = Buffer.from(encodeBlockHeader(EXAMPLE, hash));
  const expected = [
    '5a2a4d18 61000000', // skippable frame of 8 + 97 bytes
    '5a4e4248 01 00 0100', // ZNBH, version 1.0, stored
    '04030201 c0b0a000', // blob length, chunk length
    '5544332211000000', // stream offset
    '00020000 09000000', // first header offset, path length
    '0504030201000000 0605040302000000', // member offset, member size
    '808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f',
    '736f6d652f70e47468', // path
  ];
  const bytes = expected.join('').replaceAll(' ', '');
  expect(frame.toString('hex', 0, 88 + 9)).toBe(bytes);
});

test('headers may lie anywhere in memory', () => {
  const frame = encodeBlockHeader(EXAMPLE, hash);
  const larger = Buffer.alloc(frame.length + 7, 0xaa);
  larger.set(frame, 3);
  const header = decode(larger.subarray(3, 3 + frame.length));
  expect(header).toEqual(EXAMPLE);
  // What was decoded is the reader's own: the memory is used again.
  larger.fill(0);
  expect(header).toEqual(EXAMPLE);
});

describe('damage', () => {
  test.each([
    ['with a path', EXAMPLE],
    ['without one', WITHOUT_PATH],
  ])('each byte changed in a header %s is noticed', (_, header) => {
    const frame = encodeBlockHeader(header, hash);
    for (let i = 0; i < frame.length; i++) {
      for (const mask of [0x01, 0x80, 0xff, 0x10]) {
        const damaged = Uint8Array.from(frame);
        damaged[i] = (damaged[i] ?? 0) ^ mask;
        // Byte 12 is the major version.
        expect([i, codeOf(() => decode(damaged))]).toEqual([
          i,
          i === 12 ? 'unsupported-version' : 'damaged-block',
        ]);
      }
    }
  });

  test('each length but its own is refused', () => {
    const frame = encodeBlockHeader(EXAMPLE, hash);
    for (let length = 0; length < frame.length; length++) {
      expect([length, codeOf(() => decode(frame.subarray(0, length)))]).toEqual([length, 'damaged-block']);
    }
    const longer = Buffer.concat([frame, Buffer.alloc(1)]);
    expect(codeOf(() => decode(longer))).toBe('damaged-block');
  });

  test('the message says where', () => {
    const outcome = outcomeOf(() => decodeBlockHeader(Buffer.alloc(100), hash, 12345));
    expect(outcome).toEqual({ code: 'damaged-block', message: expect.stringContaining('byte 12345') });
  });
});

describe('versions', () => {
  test.each([0, 2, 255])('major version %i is refused by number', (major) => {
    const frame = changed((_, bytes) => (bytes[12] = major));
    const outcome = outcomeOf(() => decode(frame));
    expect(outcome).toEqual({
      code: 'unsupported-version',
      message: expect.stringContaining(`format version ${major}.0`),
    });
  });

  test('a minor version and flags that are not known are ignored', () => {
    expect(decode(changed((_, bytes) => (bytes[13] = 7)))).toEqual(EXAMPLE);
    expect(decode(changed((view) => view.setUint16(14, 0xfffd, true)))).toEqual(EXAMPLE);
  });
});

describe('a header with the right checksum that is not possible is refused', () => {
  test.each<[string, (view: DataView, frame: Uint8Array) => unknown, string, RegExp]>([
    ['an empty chunk', (view) => view.setUint32(20, 0, true), 'damaged-block', /chunk length 0 is not/],
    [
      'a chunk beyond the limit',
      (view) => view.setUint32(20, MAX_CHUNK_SIZE + 1, true),
      'damaged-block',
      /chunk length 134217729 is not/,
    ],
    [
      'a first header at the end of the chunk',
      (view) => view.setUint32(32, 0x00a0b0c0, true),
      'damaged-block',
      /first header offset 10531008 is past/,
    ],
    [
      'a first header far behind the chunk',
      (view) => view.setUint32(32, 0xfffffffe, true),
      'damaged-block',
      /first header offset/,
    ],
    ['a path that is too short', (view) => view.setUint32(36, 8, true), 'damaged-block', /path length 8/],
    [
      'a path that is too long',
      (view) => view.setUint32(36, 0xffffffff, true),
      'damaged-block',
      /path length/,
    ],
    ['no path where there is one', (view) => view.setUint32(36, 0, true), 'damaged-block', /path length 0/],
    [
      'an offset at the end of the member',
      (view) => view.setBigUint64(40, 0x0203040506n, true),
      'damaged-block',
      /member offset/,
    ],
    [
      'a stream offset of 2^53',
      (view) => view.setBigUint64(24, 2n ** 53n, true),
      'damaged-block',
      /stream offset/,
    ],
    [
      'a member offset of 2^64 - 1',
      (view) => view.setBigUint64(40, 2n ** 64n - 1n, true),
      'damaged-block',
      /member offset/,
    ],
    [
      'a member size of 2^63',
      (view) => view.setBigUint64(48, 2n ** 63n, true),
      'damaged-block',
      /member size/,
    ],
  ])('%s', (_, change, code, message) => {
    const outcome = outcomeOf(() => decode(changed(change)));
    expect(outcome).toEqual({ code, message: expect.stringMatching(message) });
  });

  test('no bytes with the right checksum make it throw anything else', () => {
    fc.assert(
      fc.property(fc.nat(80), fc.uint8Array({ minLength: 1, maxLength: 8 }), (offset, bytes) => {
        const frame = changed((_, target) => target.set(bytes, 8 + offset));
        expect(['accepted', 'damaged-block', 'unsupported-version']).toContain(codeOf(() => decode(frame)));
      }),
      { numRuns: 1000 },
    );
  });
});

describe('the length of a header from its first bytes', () => {
  test('is at most that of the longest path', () => {
    const path = 'p'.repeat(MAX_PATH_LENGTH);
    const frame = encodeBlockHeader(
      { ...EXAMPLE, continuation: { path, memberOffset: 1, memberSize: 2 } },
      hash,
    );
    expect(frame.length).toBe(MAX_BLOCK_HEADER_LENGTH);
    expect(blockHeaderLength(frame)).toBe(MAX_BLOCK_HEADER_LENGTH);
    const start = Uint8Array.from(frame.subarray(0, BLOCK_HEADER_PROBE_LENGTH));
    new DataView(start.buffer).setUint32(4, MAX_BLOCK_HEADER_LENGTH - 8 + 1, true);
    expect(blockHeaderLength(start)).toBe(undefined);
  });

  test.each<[string, Uint8Array]>([
    ['nothing', new Uint8Array(0)],
    ['too few bytes', encodeBlockHeader(EXAMPLE, hash).subarray(0, BLOCK_HEADER_PROBE_LENGTH - 1)],
    ['a zstd frame', Buffer.from('28b52ffd2000010000000000', 'hex')],
    ['a skippable frame of another program', Buffer.from('502a4d18620000005a4e4248', 'hex')],
    ['another tag', Buffer.from('5a2a4d18620000005a4e5349', 'hex')],
  ])('there is none of %s', (_, start) => {
    expect(blockHeaderLength(start)).toBe(undefined);
  });
});

test('bytes are equal when all are', () => {
  expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 2))).toBe(true);
  expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 3))).toBe(false);
  expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1))).toBe(false);
});
