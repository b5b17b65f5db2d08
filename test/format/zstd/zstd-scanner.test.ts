import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FrameScanner } from '../../../src/format/zstd/zstd-scanner.ts';
import { rawFramePieces, zstdFrameLength } from '../../../src/format/zstd/zstd-frame.ts';
import { codeOf, outcomeOf } from '../../support/refusal.ts';
import { noise } from '../../support/tree.ts';

const frame = (length: number): Buffer => Buffer.concat(rawFramePieces(noise(length)));
const skippable = (length: number): Buffer => {
  const bytes = Buffer.alloc(8 + length, 7);
  bytes.writeUInt32LE(0x184d2a53, 0);
  bytes.writeUInt32LE(length, 4);
  return bytes;
};
/** A frame of five run-length blocks, with a checksum. */
const runs = Buffer.from(
  `28b52ffd 24 05 ${'0a000061'.repeat(4)} 0b000061 01020304`.replaceAll(' ', ''),
  'hex',
);
const stream = Buffer.concat([skippable(0), frame(300_000), runs, skippable(5), frame(0), runs]);

describe('a zstd stream', () => {
  test('may come in pieces of any length', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 200_000 }), { maxLength: 30 }), (lengths) => {
        const scanner = new FrameScanner();
        let at = 0;
        for (const length of [...lengths, stream.length]) {
          const piece = stream.subarray(at, at + length);
          expect(scanner.advance(piece, Infinity)).toBe(piece.length);
          at += piece.length;
        }
        expect(scanner.isBetweenFrames).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  test('is cut where so many headers have gone by', () => {
    const scanner = new FrameScanner();
    const cuts: number[] = [];
    for (let at = 0; at < stream.length;) {
      const length = scanner.advance(stream.subarray(at), 1);
      cuts.push(length);
      at += length;
    }
    // Frames and skippable frames count, and blocks: 3 of raw bytes, 5 runs.
    expect(cuts).toHaveLength(2 + (1 + 3) + (1 + 5) + (1 + 1) + (1 + 5));
    expect(cuts[0]).toBe(8);
    expect(cuts[1]).toBe(9);
    expect(cuts[2]).toBe(3 + 131_072);
  });

  test('ends between frames or nowhere', () => {
    const ends: number[] = [];
    for (let length = 0; length <= runs.length + 10; length++) {
      const scanner = new FrameScanner();
      scanner.advance(Buffer.concat([runs, skippable(2)]).subarray(0, length), Infinity);
      if (scanner.isBetweenFrames) ends.push(length);
    }
    expect(ends).toEqual([0, runs.length, runs.length + 10]);
    expect(zstdFrameLength(runs)).toBe(runs.length);
  });

  test.each<[string, string, string, RegExp]>([
    ['another magic number', '28b52ffe20', 'damaged-block', /not a zstd frame/],
    ['something behind a frame', '28b52ffd200001000000112233', 'damaged-block', /not a zstd frame/],
    ['a window of more than 128 MiB', '28b52ffd0089', 'limit', /window of 150994944 bytes/],
    ['content of 2 GiB as a window', '28b52ffda000000080', 'limit', /window of 2147483648 bytes/],
    ['a run of more than 128 KiB', '28b52ffd00580b0010', 'damaged-block', /block of 131073 bytes/],
    ['a block of reserved type', '28b52ffd0058070000', 'damaged-block', /reserved type/],
  ])('%s is refused', (_, hex, code, message) => {
    const outcome = outcomeOf(() => new FrameScanner().advance(Buffer.from(hex, 'hex'), Infinity));
    expect(outcome).toEqual({ code, message: expect.stringMatching(message) });
  });

  test('no bytes make it throw anything else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.boolean(), (bytes, withMagic) => {
        const input = withMagic ? Buffer.concat([Buffer.from('28b52ffd', 'hex'), bytes]) : bytes;
        expect(['accepted', 'damaged-block', 'limit']).toContain(
          codeOf(() => new FrameScanner().advance(input, Infinity)),
        );
      }),
      { numRuns: 2000 },
    );
  });
});
