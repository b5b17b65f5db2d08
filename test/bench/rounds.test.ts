import { expect, test } from 'vitest';
import { hasTime } from '../../bench/rounds.js';

type Runs = Parameters<typeof hasTime>[0];

const taking = (...seconds: number[]): Runs =>
  seconds.map((wallSeconds, index) => ({
    round: index + 1,
    contender: '',
    operation: 'pack',
    wallSeconds,
    archiveBytes: 1,
    userSeconds: wallSeconds,
    systemSeconds: 0,
    peakMemoryBytes: 0,
    otherCpuShare: null,
  }));

test('everybody takes part in the first round, and the slow ones in more while they have time', () => {
  expect(hasTime([], [], 1)).toBe(true);
  expect(hasTime(taking(10), taking(2), 19)).toBe(false);
  expect(hasTime(taking(10), taking(2), 20)).toBe(true);
  expect(hasTime(taking(4, 4, 4, 4), taking(1), 19)).toBe(false);
});

test('who is hardly slower than znip takes part in all rounds, however long they are', () => {
  expect(hasTime(taking(300, 300), taking(100, 101), 1)).toBe(true);
  expect(hasTime(taking(310, 310), taking(100, 101), 1)).toBe(false);
});
