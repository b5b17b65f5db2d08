import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TAG } from '../../../src/format/values/constants.ts';
import {
  checkMajor,
  decodeSection,
  encodeSection,
  readTag,
  type Section,
  SECTION_HEADER_LENGTH,
  skippableFrameLength,
  viewOf,
  writeSkippableHeader,
} from '../../../src/format/zstd/skippable-frame.ts';
import { exactNumber } from '../../support/arbitrary.ts';
import { codeOf, outcomeOf } from '../../support/refusal.ts';
import { hasProgram, run } from '../../support/run.ts';

const COMPRESSED = Buffer.from('some compressed bytes');
const EXAMPLE = encodeSection(TAG.subIndex, COMPRESSED, 1234);

const decode = (frame: Uint8Array, tag: string = TAG.subIndex): Section =>
  decodeSection(frame, tag, 'damaged-sub-index');

test('any section round-trips', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(TAG.subIndex, TAG.frameTable, TAG.manifest),
      fc.uint8Array({ maxLength: 200 }),
      exactNumber(),
      (tag, compressed, tableLength) => {
        const frame = encodeSection(tag, compressed, tableLength);
        expect(frame.length).toBe(SECTION_HEADER_LENGTH + compressed.length);
        expect(skippableFrameLength(frame.subarray(0, 8))).toBe(frame.length);
        expect(readTag(frame)).toBe(tag);
        expect(decode(frame, tag)).toEqual({ compressed, tableLength });
      },
    ),
  );
});

test('the bytes are those of the format', () => {
  expect(Buffer.from(EXAMPLE).toString('hex', 0, 24)).toBe(
    ['5a2a4d18 25000000', '5a4e5349 01 00 0000', 'd204000000000000'].join('').replaceAll(' ', ''),
  );
});

test.skipIf(!hasProgram('zstd'))('the zstd program passes over it', () => {
  const { status, output } = run('zstd', ['-q', '-dc'], { input: Buffer.from(EXAMPLE) });
  expect([status, output.length]).toEqual([0, 0]);
});

describe('what is no section with this tag is refused with the code of the table', () => {
  test.each<[string, Uint8Array, RegExp]>([
    ['nothing', new Uint8Array(0), /found other bytes/],
    ['a zstd frame', Buffer.alloc(100, '28b52ffd', 'hex'), /found other bytes/],
    ['another section', encodeSection(TAG.frameTable, COMPRESSED, 1), /expected a ZNSI section, found ZNFT/],
    [
      'a section with a byte more',
      Buffer.concat([EXAMPLE, Buffer.alloc(1)]),
      /says 45 bytes, the index says 46/,
    ],
  ])('%s', (_, frame, message) => {
    const outcome = outcomeOf(() => decode(frame));
    expect(outcome).toEqual({ code: 'damaged-sub-index', message: expect.stringMatching(message) });
  });

  test('each length but its own', () => {
    for (let length = 0; length < EXAMPLE.length; length++) {
      expect([length, codeOf(() => decode(EXAMPLE.subarray(0, length)))]).toEqual([
        length,
        'damaged-sub-index',
      ]);
    }
  });

  test('each byte of the header changed, but for those that nothing follows from', () => {
    for (let i = 0; i < SECTION_HEADER_LENGTH; i++) {
      const damaged = Uint8Array.from(EXAMPLE);
      damaged[i] = (damaged[i] ?? 0) ^ 0xff;
      const outcome = outcomeOf(() => decode(damaged));
      const seen = 'code' in outcome ? outcome.code : outcome.value.tableLength;
      // 12: major version, 13: minor version, 14: flags, 16: table length, which the caller checks
      if (i < 12) expect([i, seen]).toEqual([i, 'damaged-sub-index']);
      else if (i === 12) expect(seen).toBe('unsupported-version');
      else if (i < 16) expect([i, seen]).toEqual([i, 1234]);
      else if (i < 22)
        expect([i, seen]).toEqual([
          i,
          new DataView(damaged.buffer).getUint32(16, true) +
            ((damaged[20] ?? 0) + 256 * (damaged[21] ?? 0)) * 2 ** 32,
        ]);
      else expect([i, seen]).toEqual([i, 'damaged-sub-index']);
    }
  });
});

describe('tags and lengths', () => {
  test('a skippable header tells the length of what follows it', () => {
    const frame = Buffer.alloc(100, 0xaa);
    writeSkippableHeader(frame.subarray(10, 60));
    expect(skippableFrameLength(frame.subarray(10))).toBe(50);
    expect(frame.subarray(0, 10).equals(Buffer.alloc(10, 0xaa))).toBe(true);
    expect(frame.subarray(18).equals(Buffer.alloc(82, 0xaa))).toBe(true);
  });

  test('the longest frame has 2^32 + 7 bytes', () => {
    expect(skippableFrameLength(Buffer.from('5a2a4d18ffffffff', 'hex'))).toBe(2 ** 32 + 7);
  });

  test('there is a tag only behind the magic number of znip', () => {
    expect(readTag(EXAMPLE.subarray(0, 12))).toBe('ZNSI');
    expect(readTag(EXAMPLE.subarray(0, 11))).toBe('');
    for (const magic of ['502a4d18', '5f2a4d18', '28b52ffd', '00000000']) {
      expect(readTag(Buffer.concat([Buffer.from(magic, 'hex'), EXAMPLE.subarray(4)]))).toBe('');
    }
  });

  test('a view shows the bytes that it is made of and no others', () => {
    const view = viewOf(Buffer.from('00112233445566', 'hex').subarray(2, 5));
    expect([view.byteLength, view.getUint8(0), view.getUint8(2)]).toEqual([3, 0x22, 0x44]);
  });
});

test('major versions but 1 are refused, minor versions never', () => {
  expect(codeOf(() => checkMajor(1, 0))).toBe('accepted');
  expect(codeOf(() => checkMajor(1, 255))).toBe('accepted');
  expect(codeOf(() => checkMajor(0, 0))).toBe('unsupported-version');
  const outcome = outcomeOf(() => checkMajor(2, 3));
  expect(outcome).toEqual({
    code: 'unsupported-version',
    message: expect.stringContaining('format version 2.3'),
  });
});
