/**
 * Fingerprints of chunks: both tiers make the same, and no byte is left out.
 */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { loadCodec } from '../../src/codec/codec.ts';
import { FingerprintHead } from '../../src/format/fingerprint.ts';
import { CODECS } from '../support/codecs.ts';
import { noise } from '../support/tree.ts';

const portable = loadCodec('portable');

/** Lengths of what is outside of contents and of contents, in turns. */
const layouts = fc.array(fc.tuple(fc.nat(3000), fc.oneof(fc.nat(3), fc.nat(70_000))), { maxLength: 12 });

function headOf(chunk: Buffer, layout: readonly [gap: number, length: number][]): Uint8Array {
  const head = new FingerprintHead(layout.length);
  let at = 0;
  for (const [gap, length] of layout) {
    at += gap;
    head.add(at, length, portable.hash(chunk.subarray(at, at + length)), 0);
    at += length;
  }
  return head.finish(chunk.byteLength);
}

const lengthOf = (layout: readonly [number, number][]): number =>
  layout.reduce((sum, [gap, length]) => sum + gap + length, 0);

test.each(CODECS.filter(({ installed }) => installed))('of any chunk, by $title', ({ codec: load }) => {
  const codec = load();
  fc.assert(
    fc.property(layouts, fc.nat(2000), (layout, end) => {
      const chunk = noise(lengthOf(layout) + end);
      const head = headOf(chunk, layout);
      expect(Buffer.from(codec.fingerprint(chunk, head))).toEqual(
        Buffer.from(portable.fingerprint(chunk, head)),
      );
    }),
    { numRuns: 40 },
  );
});

test('any byte that changes, and any content that is elsewhere, makes another one', () => {
  fc.assert(
    fc.property(layouts, fc.integer({ min: 1, max: 2000 }), fc.nat(), (layout, end, where) => {
      const chunk = noise(lengthOf(layout) + end);
      const before = portable.fingerprint(chunk, headOf(chunk, layout));
      const other = Buffer.from(chunk);
      const at = where % other.byteLength;
      other[at] = (other[at] ?? 0) ^ 1;
      expect(portable.fingerprint(other, headOf(other, layout))).not.toEqual(before);
      expect(portable.fingerprint(chunk, headOf(chunk, [...layout, [0, 1]]))).not.toEqual(before);
    }),
    { numRuns: 60 },
  );
});
