/**
 * Every fuzz target with some inputs, the same each time.
 */
import { describe, expect, test } from 'vitest';
import { temporaryDirectory } from '../support/tree.ts';
import { TARGETS, tryInput } from './main.ts';

/** So many inputs are tried in every run of the tests, and as many as the second number says in the run of all. */
const TRIES: readonly [few: number, all: number] = [40, 300];
/** Whole archives are written and read in every way, which takes longer. */
const WHOLE: Record<string, typeof TRIES> = { archive: [4, 30], bytes: [4, 30], foreign: [4, 30] };

/** @param isRest all that the other run leaves out */
export function triesAll(isRest: boolean): void {
  const scratch = temporaryDirectory();
  // `differential` is tried in a test of its own.
  const targets = TARGETS.filter(({ name }) => name !== 'differential');
  describe('no input breaks', () => {
    test.each(targets)('$name', { timeout: 240_000 }, async (target) => {
      const [few, all] = WHOLE[target.name] ?? TRIES;
      const findings = [];
      for (let input = isRest ? few : 0; input < (isRest ? all : few); input++) {
        findings.push(await tryInput(target, 1, input, scratch));
      }
      expect(findings.filter((finding) => finding !== undefined)).toEqual([]);
    });
  });
}
