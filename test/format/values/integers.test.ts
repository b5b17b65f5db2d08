import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readUint64, roundUp, toSafeNumber, writeUint64 } from '../../../src/format/values/integers.ts';
import { exactNumber } from '../../support/arbitrary.ts';
import { codeOf, outcomeOf } from '../../support/refusal.ts';

test('exact numbers round-trip through eight bytes, least significant first', () => {
  fc.assert(
    fc.property(exactNumber(), fc.nat(8), (value, offset) => {
      const bytes = Buffer.alloc(24, 0xaa);
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      writeUint64(view, offset, value);
      expect(readUint64(view, offset, 'value', 'damaged-footer')).toBe(value);
      expect(bytes.readBigUInt64LE(offset)).toBe(BigInt(value));
      const around = Buffer.concat([bytes.subarray(0, offset), bytes.subarray(offset + 8)]);
      expect(around.equals(Buffer.alloc(16, 0xaa))).toBe(true);
    }),
  );
});

describe('what a double cannot hold exactly is refused', () => {
  test.each([2n ** 53n, 2n ** 53n + 1n, 2n ** 63n, 2n ** 64n - 1n])('%s', (value) => {
    const view = new DataView(new ArrayBuffer(8));
    view.setBigUint64(0, value, true);
    const outcome = outcomeOf(() => readUint64(view, 0, 'blob offset', 'damaged-block'));
    expect(outcome).toEqual({
      code: 'damaged-block',
      message: expect.stringContaining(`blob offset is ${value}`),
    });
  });

  test('and the largest that it can is not', () => {
    expect(toSafeNumber(2n ** 53n - 1n, 'value')).toBe(Number.MAX_SAFE_INTEGER);
    expect(toSafeNumber(0n, 'value')).toBe(0);
  });

  test('nor is a negative number taken', () => {
    expect(codeOf(() => toSafeNumber(-1n, 'value'))).toBe('limit');
  });
});

test('rounding up gives the first multiple that is not smaller', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 45 }), fc.constantFrom(1, 8, 512, 4096), (value, granule) => {
      const rounded = roundUp(value, granule);
      expect(rounded % granule).toBe(0);
      expect(rounded - value).toBeGreaterThanOrEqual(0);
      expect(rounded - value).toBeLessThan(granule);
    }),
  );
});
