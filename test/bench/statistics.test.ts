import { describe, expect, test } from 'vitest';
import { median, medianOf, ratioOf } from '../../bench/statistics.js';
import { formatSpread } from '../../bench/text.js';

const own = (run: { value: number }) => run.value;

describe('a median', () => {
  test('is the middle one, or the mean of the two in the middle, in whatever order they come', () => {
    expect(median([9, 1, 4])).toBe(4);
    expect(median([10, 2, 1, 4])).toBe(3);
    expect(medianOf([{ value: 100 }, { value: 20 }, { value: 3 }], own)).toBe(20);
  });
});

describe('a ratio', () => {
  const slow = [
    { round: 1, value: 30 },
    { round: 2, value: 8 },
    { round: 3, value: 6 },
  ];

  test('is taken within each round: the median of the ratios, not the ratio of the medians', () => {
    const fast = [
      { round: 1, value: 10 },
      { round: 2, value: 2 },
      { round: 3, value: 4 },
    ];
    // Medians are 8 and 4, their ratio 2; the ratios are 3, 4 and 1.5.
    expect(ratioOf(slow, fast, own)).toEqual({ median: 3, min: 1.5, max: 4 });
  });

  test('counts the rounds that both took part in', () => {
    expect(ratioOf(slow, [{ round: 2, value: 4 }], own)).toEqual({ median: 2, min: 2, max: 2 });
    expect(ratioOf([{ round: 3, value: 1 }], slow.slice(0, 2), own)).toBeUndefined();
  });

  test('is shown with its range where it has one', () => {
    expect(formatSpread({ median: 1.304, min: 1.2, max: 1.41 })).toBe('1.30 (1.20–1.41)');
    expect(formatSpread({ median: 0.0451, min: 0.0451, max: 0.0451 })).toBe('0.045');
    expect(formatSpread(undefined)).toBe('');
  });
});
