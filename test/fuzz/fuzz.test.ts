/**
 * A short run of every fuzz target, the same each time; `npm run fuzz` goes on for as long as it is told.
 */
import { describe, expect, test } from 'vitest';
import { temporaryDirectory } from '../support/tree.ts';
import { TARGETS, tryInput } from './main.ts';
import { holds } from './target.ts';

const scratch = temporaryDirectory();

/** Whole archives are written and read in every way, which takes longer. */
const RUNS: Record<string, number> = { archive: 30, bytes: 30, foreign: 30 };

describe('no input breaks', () => {
  // `differential` is tried in a test of its own.
  const names = TARGETS.map(({ name }) => name).filter((name) => name !== 'differential');
  test.each(names)('%s', { timeout: 240_000 }, async (name) => {
    const target = TARGETS.find((one) => one.name === name);
    if (target === undefined) throw new Error(name);
    const findings = [];
    for (let input = 0; input < (RUNS[name] ?? 300); input++) {
      findings.push(await tryInput(target, 1, input, scratch));
    }
    expect(findings.filter((finding) => finding !== undefined)).toEqual([]);
  });
});

test('what breaks a property, or is no error of znip, is found', async () => {
  const broken = {
    name: 'broken',
    sliceMs: 0,
    run: () => holds(1 + 1 === 3, 'one and one are three'),
  };
  const wrong = { name: 'wrong', sliceMs: 0, run: () => void (undefined as unknown as string).length };
  expect(await tryInput(broken, 7, 3, scratch)).toMatchObject({ seed: 7, input: 3, target: 'broken' });
  expect((await tryInput(wrong, 7, 3, scratch))?.error).toContain('TypeError');
});
