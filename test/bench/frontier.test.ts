import { describe, expect, test } from 'vitest';
import { frontier, judge } from '../../bench/frontier.js';
import { reportCorpus } from '../../bench/report.js';

type Report = Parameters<typeof reportCorpus>[0];
type Run = Report['runs'][number];

const run = (contender: string, round: number, wallSeconds: number, archiveBytes: number): Run => ({
  round,
  contender,
  operation: 'pack',
  wallSeconds,
  archiveBytes,
  userSeconds: wallSeconds,
  systemSeconds: 0,
  peakMemoryBytes: null,
  otherCpuShare: null,
});

const contender = (name: string, family: string) => ({ name, family, label: name, about: '' });

describe('a point of a peer', () => {
  test('is behind a setting that is faster and smaller, the one that is so by most in both', () => {
    const verdict = judge([
      { setting: 'a', time: 0.5, size: 0.99 },
      { setting: 'b', time: 0.8, size: 0.9 },
      { setting: 'c', time: 0.1, size: 1.01 },
    ]);
    expect(verdict).toEqual({
      ahead: { setting: 'b', time: 0.8, size: 0.9 },
      smaller: undefined,
      faster: undefined,
    });
  });

  test('is as good as a setting that is equal in one of them', () => {
    expect(judge([{ setting: 'a', time: 0.5, size: 1 }]).ahead).toBeUndefined();
  });

  test('is missed by so much at its size, and by so much at its speed', () => {
    const verdict = judge([
      { setting: 'fast', time: 0.7, size: 1.2 },
      { setting: 'near', time: 0.9, size: 1.02 },
      { setting: 'small', time: 1.1, size: 0.97 },
      { setting: 'smallest', time: 3, size: 0.8 },
    ]);
    expect(verdict.ahead).toBeUndefined();
    expect(verdict.smaller?.setting).toBe('small');
    expect(verdict.faster?.setting).toBe('near');
  });

  test('is out of reach where no setting is as small', () => {
    const verdict = judge([{ setting: 'fast', time: 0.7, size: 1.2 }]);
    expect(verdict.smaller).toBeUndefined();
    expect(verdict.faster?.setting).toBe('fast');
  });
});

describe('the frontier of a run', () => {
  // The machine is twice as slow in the second round, in which tar took no part.
  const runs = [
    run('znip', 1, 2, 100),
    run('znip', 2, 4, 100),
    run('znip -9', 1, 9, 80),
    run('znip -9', 2, 18, 80),
    run('tar', 1, 3, 110),
    run('zip', 1, 10, 90),
    run('zip', 2, 20, 90),
    run('xz', 1, 30, 60),
    run('xz', 2, 60, 60),
  ];

  test('compares within rounds', () => {
    const verdicts = frontier(runs, ['znip', 'znip -9'], ['tar', 'zip', 'xz', 'absent']);
    expect(verdicts.map(({ peer, ahead }) => [peer, ahead?.setting, ahead?.time])).toEqual([
      ['tar', 'znip', 2 / 3],
      ['zip', 'znip -9', 0.9],
      ['xz', undefined, undefined],
    ]);
  });

  test('is told in words and counted', () => {
    const sections = reportCorpus({
      directory: '/tree',
      members: 3,
      bytes: 1000,
      selection: { range: { start: 0, length: 0 } },
      contenders: [
        contender('znip', 'znip'),
        contender('znip -9', 'znip'),
        contender('tar', 'tar'),
        contender('zip', 'zip'),
        contender('xz', 'xz'),
      ],
      runs,
      failures: [],
    });
    expect(sections.map(({ title }) => title)).toEqual(['Pack', 'Ahead in speed and size']);
    const [pack, ahead] = sections;
    expect(pack?.rows.find(([name]) => name === 'xz')).toContain('15.00');
    expect(pack?.rows.find(([name]) => name === 'tar')?.at(-1)).toBe('1');
    expect(ahead?.rows.find(([name]) => name === 'xz')?.at(-1)).toBe(
      'none is as small; znip -9 is as fast and 33.3 % larger',
    );
    expect(ahead?.notes[0]).toMatch(/^2 of 3 settings/);
  });
});
