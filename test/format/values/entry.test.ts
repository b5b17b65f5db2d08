import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { floorSeconds, KIND, KINDS } from '../../../src/format/values/entry.ts';
import { nanoseconds } from '../../support/arbitrary.ts';

test('kinds have the numbers of their places', () => {
  expect(Object.entries(KIND)).toEqual(KINDS.map((kind, i) => [kind, i]));
});

test('seconds are rounded down, also before 1970', () => {
  fc.assert(
    fc.property(nanoseconds(), (time) => {
      const seconds = BigInt(floorSeconds(time));
      expect(seconds * 1_000_000_000n <= time).toBe(true);
      expect((seconds + 1n) * 1_000_000_000n > time).toBe(true);
    }),
    { numRuns: 2000 },
  );
});

test.each<[bigint, number]>([
  [0n, 0],
  [1n, 0],
  [999_999_999n, 0],
  [1_000_000_000n, 1],
  [-1n, -1],
  [-999_999_999n, -1],
  [-1_000_000_000n, -1],
  [-1_000_000_001n, -2],
  [2n ** 63n - 1n, 9_223_372_036],
  [-(2n ** 63n), -9_223_372_037],
])('%d ns are in second %i', (time, seconds) => {
  // toBe tells 0 from -0, which a tar header would show.
  expect(floorSeconds(time)).toBe(seconds);
});
