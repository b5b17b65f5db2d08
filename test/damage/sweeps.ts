/**
 * Which damage each command is shown, and at how many places: some in every run of the tests, the others in the run of
 * all.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import { type Kind, makeSample, type Property, type Sample, sweep } from '../support/damage.ts';
import { temporaryDirectory } from '../support/tree.ts';
import { recoverGives, recoverNames } from './recover.ts';
import { repairMakes } from './repair.ts';
import { unpackRefuses } from './unpack.ts';
import { verifyTells } from './verify.ts';

type Steps = readonly [few: number, many: number];

const SWEEPS: [name: string, property: Property, steps: Partial<Record<Kind, Steps>>][] = [
  [
    'verify tells',
    verifyTells,
    { changed: [19, 1], cut: [61, 3], beheaded: [211, 11], 'changed at a mark, too,': [211, 11] },
  ],
  ['recover names what is whole and what is lost', recoverNames, { changed: [29, 1], cut: [29, 1] }],
  [
    'recover gives what is whole',
    recoverGives,
    { changed: [211, 23], cut: [397, 23], beheaded: [397, 23], 'changed at a mark, too,': [397, 23] },
  ],
  [
    'repair makes a whole archive',
    repairMakes,
    { changed: [397, 23], cut: [397, 43], beheaded: [397, 43], 'changed at a mark, too,': [397, 43] },
  ],
  ...(['pipe', 'file'] as const).map((way): (typeof SWEEPS)[number] => [
    `unpack refuses a ${way} or gives what it held`,
    unpackRefuses(way),
    { changed: [61, 1], cut: [211, 7], beheaded: [211, 7], 'changed at a mark, too,': [211, 2] },
  ]),
];

/** @param isRest all that the other run leaves out */
export function sweepAll(isRest: boolean): void {
  let sample: Sample;
  const directory = temporaryDirectory();
  beforeAll(async () => {
    sample = await makeSample(directory);
  });

  describe.each(SWEEPS)('%s', (_, property, steps) => {
    test.each(Object.entries(steps) as [Kind, Steps][])(
      '%s anywhere',
      { timeout: 600_000 },
      async (kind, step) => {
        const outcomes = await sweep(sample, kind, step, isRest, property);
        // Otherwise it shows nothing: damage is met, and hardly any of it changes nothing.
        const { harmless = 0, 'as it was': asItWas = 0, ...met } = outcomes;
        const count = Object.values(met).reduce((sum, times) => sum + times, 0);
        expect(count, JSON.stringify(outcomes)).toBeGreaterThan(5);
        expect(harmless, JSON.stringify(outcomes)).toBeLessThan(30);
        expect(asItWas, JSON.stringify(outcomes)).toBeLessThan(count);
      },
    );
  });
}
