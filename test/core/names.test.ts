/**
 * Names that the core takes in are those that TypeScript takes in, and both find what the other has added.
 */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { core } from '../../src/core/core.ts';
import { byteStringsOf } from '../../src/format/values/byte-strings.ts';
import { KIND } from '../../src/format/values/entry.ts';
import { Limits } from '../../src/rules/limits.ts';
import { MemberNames } from '../../src/rules/member-names.ts';

const component = fc.oneof(
  {
    weight: 30,
    arbitrary: fc.string({ unit: fc.constantFrom('a', 'b', '\xff'), minLength: 1, maxLength: 2 }),
  },
  { weight: 1, arbitrary: fc.constantFrom('', '.', '..', 'a\0', 'n'.repeat(255), 'n'.repeat(256)) },
);
const path = fc.array(component, { minLength: 1, maxLength: 4 }).map((components) => components.join('/'));
const kind = fc.constantFrom(KIND.file, KIND.file, KIND.file, KIND.directory, KIND.symlink);
const members = fc.array(fc.record({ path, kind }), { maxLength: 60 });

/** What became of each member, and of the whole. */
function taken(all: readonly { path: string; kind: number }[], native: ReturnType<typeof core>) {
  const names = new MemberNames(new Limits({}), native);
  const { bytes, ends } = byteStringsOf(all.map((member) => member.path));
  const paths = Buffer.from(bytes.buffer);
  const entries = { paths, pathEnds: ends, kinds: Uint8Array.from(all, (member) => member.kind) };
  const refused: string[] = [];
  let rows = 0;
  for (let row = 0; row < all.length;) {
    const count = names.addRows(entries, row, all.length);
    rows += count;
    row += count;
    const member = all[row];
    if (member === undefined) break;
    row += 1;
    try {
      refused.push(`${row} ${names.add(member.path, member.kind)}`);
    } catch (error) {
      refused.push(`${row} ${String(error)}`);
    }
  }
  const outcomes = refused.filter((text) => !text.endsWith('undefined'));
  const kinds = [...names.all()].map((name) => [name, names.kindOf(name), names.isDirectory(name)]);
  const above = all.map((member) => names.isDirectory(member.path.split('/')[0] ?? ''));
  return { rows, outcomes, kinds, above };
}

test.skipIf(core() === undefined)('the core and TypeScript take in the same names', () => {
  let rows = 0;
  fc.assert(
    fc.property(members, (all) => {
      const { rows: nativeRows, ...native } = taken(all, core());
      const { rows: portableRows, ...portable } = taken(all, undefined);
      expect(native).toEqual(portable);
      // The core also takes in directories.
      expect(nativeRows).toBeGreaterThanOrEqual(portableRows);
      rows += nativeRows;
    }),
    { numRuns: 500 },
  );
  expect(rows).toBeGreaterThan(1000);
});

test.skipIf(core() === undefined)('the core takes in a tree without asking', () => {
  const all = Array.from({ length: 5000 }, (_, i): { path: string; kind: number } =>
    i % 10 === 0
      ? { path: `d${i}`, kind: KIND.directory }
      : { path: `d${i - (i % 10)}/f${i}`, kind: KIND.file },
  );
  const { rows, kinds } = taken(all, core());
  expect(kinds.map(([name]) => name)).toEqual(all.map((member) => member.path));
  // Some are left to TypeScript, when the table of directories has no more room.
  expect(rows).toBeGreaterThan(4980);
});
