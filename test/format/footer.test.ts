import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FOOTER_MAGIC } from '../../src/format/values/constants.ts';
import {
  decodeFooter,
  encodeFooter,
  endsWithMagic,
  type Footer,
  FOOTER_LENGTH,
} from '../../src/format/footer.ts';
import * as arbitrary from '../support/arbitrary.ts';
import { hash } from '../support/codecs.ts';
import { codeOf, outcomeOf } from '../support/refusal.ts';

const EXAMPLE: Footer = {
  manifestOffset: 0x0102030405,
  manifestLength: 0x6070,
  archiveLength: 0x0102030405 + 0x6070 + FOOTER_LENGTH,
  rootHash: Uint8Array.from({ length: 32 }, (_, i) => 0x80 + i),
};

const decode = (frame: Uint8Array, byteLength = EXAMPLE.archiveLength): Footer =>
  decodeFooter(frame, byteLength, hash);

/** The example with some of its bytes changed and its checksum right again. */
function changed(change: (view: DataView, frame: Uint8Array) => void): Uint8Array {
  const frame = Uint8Array.from(encodeFooter(EXAMPLE, hash));
  change(new DataView(frame.buffer), frame);
  frame.set(hash(frame.subarray(0, 72)).subarray(0, 8), 72);
  return frame;
}

test('any footer round-trips', () => {
  const MAX = Number.MAX_SAFE_INTEGER - FOOTER_LENGTH;
  fc.assert(
    fc.property(fc.nat({ max: MAX }), fc.nat({ max: MAX }), arbitrary.checksum(), (a, b, rootHash) => {
      const [manifestOffset, end] = [Math.min(a, b), Math.max(a, b)];
      const archiveLength = end + FOOTER_LENGTH;
      const footer = { manifestOffset, manifestLength: end - manifestOffset, archiveLength, rootHash };
      const frame = encodeFooter(footer, hash);
      expect(frame).toHaveLength(FOOTER_LENGTH);
      expect(endsWithMagic(frame)).toBe(true);
      expect(decode(frame, archiveLength)).toEqual(footer);
    }),
  );
});

test('the bytes are those of the format', () => {
  const expected = [
    '5a2a4d18 50000000', // skippable frame of 8 + 80 bytes
    '5a4e464f 01 00 0000', // ZNFO, version 1.0, no flags
    '0504030201000000 7060000000000000', // manifest offset, manifest length
    'cd64030201000000', // archive length
    '808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f',
  ];
  const frame = Buffer.from(encodeFooter(EXAMPLE, hash));
  expect(frame.toString('hex', 0, 72)).toBe(expected.join('').replaceAll(' ', ''));
  expect(frame.toString('latin1', 80)).toBe('\x89ZNIP\r\n\x1a');
});

describe('damage', () => {
  test('each byte changed is noticed', () => {
    const frame = encodeFooter(EXAMPLE, hash);
    for (let i = 0; i < frame.length; i++) {
      for (const mask of [0x01, 0x80, 0xff, 0x10]) {
        const damaged = Uint8Array.from(frame);
        damaged[i] = (damaged[i] ?? 0) ^ mask;
        expect([i, codeOf(() => decode(damaged))]).toEqual([
          i,
          i === 12 ? 'unsupported-version' : 'damaged-footer',
        ]);
      }
    }
  });

  test('each length but its own is refused', () => {
    const frame = encodeFooter(EXAMPLE, hash);
    for (let length = 0; length < frame.length; length++) {
      expect([length, codeOf(() => decode(frame.subarray(0, length)))]).toEqual([length, 'damaged-footer']);
      expect([length, codeOf(() => decode(frame.subarray(length + 1)))]).toEqual([length, 'damaged-footer']);
    }
    expect(codeOf(() => decode(Buffer.concat([frame, Buffer.alloc(1)])))).toBe('damaged-footer');
  });

  test.each([-1, 1, -EXAMPLE.archiveLength, 512])(
    'a file that is %i bytes longer is another archive',
    (more) => {
      const outcome = outcomeOf(() => decode(encodeFooter(EXAMPLE, hash), EXAMPLE.archiveLength + more));
      expect(outcome).toEqual({
        code: 'damaged-footer',
        message: expect.stringContaining(`an archive of ${EXAMPLE.archiveLength} bytes`),
      });
    },
  );
});

describe('versions', () => {
  test.each([0, 2, 255])('major version %i is refused by number', (major) => {
    const outcome = outcomeOf(() => decode(changed((_, bytes) => (bytes[12] = major))));
    expect(outcome).toEqual({
      code: 'unsupported-version',
      message: expect.stringContaining(`format version ${major}.0`),
    });
  });

  test('a minor version and flags that are not known are ignored', () => {
    expect(decode(changed((_, bytes) => (bytes[13] = 7)))).toEqual(EXAMPLE);
    expect(decode(changed((view) => view.setUint16(14, 0xffff, true)))).toEqual(EXAMPLE);
  });
});

describe('a footer with the right checksum that is not possible is refused', () => {
  test.each<[string, (view: DataView, frame: Uint8Array) => unknown, string]>([
    ['a frame of another length', (view) => view.setUint32(4, 81, true), 'damaged-footer'],
    ['a manifest that ends before the footer', (view) => view.setUint32(24, 0x606f, true), 'damaged-footer'],
    ['a manifest that ends in the footer', (view) => view.setUint32(24, 0x6071, true), 'damaged-footer'],
    ['a manifest behind the file', (view) => view.setBigUint64(16, 2n ** 52n, true), 'damaged-footer'],
    ['a manifest offset of 2^53', (view) => view.setBigUint64(16, 2n ** 53n, true), 'damaged-footer'],
    ['a manifest length below zero', (view) => view.setBigUint64(24, 2n ** 64n - 1n, true), 'damaged-footer'],
    ['an archive length of 2^63', (view) => view.setBigUint64(32, 2n ** 63n, true), 'damaged-footer'],
  ])('%s', (_, change, code) => {
    expect(codeOf(() => decode(changed(change)))).toBe(code);
  });
});

test('only what ends in the magic ends as an archive does', () => {
  expect(endsWithMagic(FOOTER_MAGIC)).toBe(true);
  expect(endsWithMagic(Buffer.concat([Buffer.alloc(5), FOOTER_MAGIC]))).toBe(true);
  expect(endsWithMagic(Buffer.concat([FOOTER_MAGIC, Buffer.alloc(1)]))).toBe(false);
  expect(endsWithMagic(FOOTER_MAGIC.subarray(1))).toBe(false);
  expect(endsWithMagic(new Uint8Array(0))).toBe(false);
});
