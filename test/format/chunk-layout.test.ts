import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkChunkSize, chooseChunkSize, SETTLED_TOTAL } from '../../src/format/chunk-layout.ts';
import { MAX_CHUNK_SIZE, MIN_CHUNK_SIZE } from '../../src/format/values/constants.ts';
import { codeOf } from '../support/refusal.ts';

const KiB = 1024;
const MiB = 1024 * KiB;

describe('the chunk size follows from the length of the tar stream', () => {
  test.each([
    [0, 1 * MiB],
    [8 * MiB - 1, 1 * MiB],
    [8 * MiB, 4 * MiB],
    [32 * MiB - 1, 4 * MiB],
    [32 * MiB, 8 * MiB],
    [64 * MiB - 1, 8 * MiB],
    [64 * MiB, 22 * MiB],
    [2 ** 50, 22 * MiB],
  ])('%i bytes: %i', (total, chunkSize) => {
    expect(chooseChunkSize(total)).toBe(chunkSize);
  });

  test('an unknown length counts as a long one', () => {
    expect(chooseChunkSize(Infinity)).toBe(chooseChunkSize(SETTLED_TOTAL));
  });

  test('from the settled total on it does not change, below it does', () => {
    fc.assert(
      fc.property(fc.integer({ min: SETTLED_TOTAL, max: 2 ** 53 - 1 }), (total) => {
        expect(chooseChunkSize(total)).toBe(chooseChunkSize(SETTLED_TOTAL));
      }),
    );
    expect(chooseChunkSize(SETTLED_TOTAL - 1)).not.toBe(chooseChunkSize(SETTLED_TOTAL));
  });

  test('every choice is allowed and is a whole number of records', () => {
    for (const total of [0, 10 * MiB, 40 * MiB, Infinity]) {
      const chunkSize = chooseChunkSize(total);
      expect(checkChunkSize(chunkSize)).toBe(chunkSize);
    }
  });
});

describe('a chunk size that is asked for', () => {
  test.each([
    [64 * KiB, 64 * KiB],
    [64 * KiB + 1, 64 * KiB + 512],
    [64 * KiB + 512, 64 * KiB + 512],
    [1_000_000, 1_000_448],
    [100_000.5, 100_352],
    [128 * MiB - 1, 128 * MiB],
    [128 * MiB, 128 * MiB],
  ])('%d bytes becomes %i', (asked, given) => {
    expect(checkChunkSize(asked)).toBe(given);
  });

  test.each([0, -1, MIN_CHUNK_SIZE - 1, MAX_CHUNK_SIZE + 1, Infinity, -Infinity, NaN])(
    '%d is refused',
    (asked) => {
      expect(codeOf(() => checkChunkSize(asked))).toBe('usage');
    },
  );
});
