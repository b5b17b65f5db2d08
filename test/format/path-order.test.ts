/**
 * The order of paths, and the first and last of many, by the core and in TypeScript.
 */
import * as fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { pathExtent } from '../../src/format/tables/column-checks.ts';
import { comparePaths, extentOf } from '../../src/format/values/path-order.ts';
import * as core from '../../src/core/core.ts';

const component = fc.string({
  unit: fc.constantFrom('a', 'b', '.', '-', '0', '\x01', '\xff'),
  minLength: 1,
  maxLength: 3,
});
const path = fc.array(component, { minLength: 1, maxLength: 4 }).map((components) => components.join('/'));

/** Component by component, as the walk goes. */
function compareComponents(a: string, b: string): number {
  const [x, y] = [a.split('/'), b.split('/')];
  for (let i = 0; i < Math.min(x.length, y.length); i++) {
    if (x[i] !== y[i]) return (x[i] ?? '') < (y[i] ?? '') ? -1 : 1;
  }
  return x.length - y.length;
}

test('is that of their components', () => {
  fc.assert(
    fc.property(path, path, (a, b) => {
      expect(Math.sign(comparePaths(a, b))).toBe(Math.sign(compareComponents(a, b)));
    }),
    { numRuns: 2000 },
  );
});

test.each(['native', 'portable'])('first and last of any paths, %s', (tier) => {
  const spy = tier === 'portable' ? vi.spyOn(core, 'core').mockReturnValue(undefined) : undefined;
  fc.assert(
    fc.property(fc.array(path, { minLength: 1, maxLength: 30 }), fc.nat(5), (paths, gap) => {
      const bytes = Buffer.from(' '.repeat(gap) + paths.join(''), 'latin1');
      const offsets = Int32Array.from([
        gap,
        ...paths.map((_, i) => gap + paths.slice(0, i + 1).join('').length),
      ]);
      const { first, last } = pathExtent(bytes, offsets);
      const sorted = paths.toSorted(compareComponents);
      expect(paths[first]).toBe(sorted[0]);
      expect(paths[last]).toBe(sorted.at(-1));
      expect(extentOf(paths)).toEqual({ first: sorted[0], last: sorted.at(-1) });
    }),
  );
  spy?.mockRestore();
});

test('of no paths', () => {
  expect(pathExtent(Buffer.alloc(0), Int32Array.of(0))).toEqual({ first: 0, last: 0 });
  expect(extentOf([])).toEqual({ first: '', last: '' });
});
