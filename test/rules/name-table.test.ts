/**
 * Tables of names do what a Map of strings would do.
 */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { isSafeComponent, unsafePathReason } from '../../src/format/values/member-path.ts';
import { hashBytes, NameTable } from '../../src/rules/name-table.ts';

/** Byte strings of few letters, so that names come again. */
const names = fc.array(
  fc.oneof(
    fc.string({ unit: fc.constantFrom('a', '/', '\xff', '\0'), maxLength: 6 }),
    fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 250, maxLength: 600 }),
  ),
  { maxLength: 300 },
);

test('each name has one row, in the order in which they came', () => {
  fc.assert(
    fc.property(names, (all) => {
      const table = new NameTable();
      const rows = new Map<string, number>();
      for (const name of all) {
        expect(table.rowOf(name)).toBe(rows.get(name) ?? -1);
        if (!rows.has(name)) rows.set(name, rows.size);
        expect(table.add(name)).toBe(rows.get(name));
      }
      expect(table.size).toBe(rows.size);
      for (const [name, row] of rows) expect([table.name(row), table.rowOf(name)]).toEqual([name, row]);
    }),
  );
});

test('bytes within others are the same name as a string', () => {
  const table = new NameTable();
  const bytes = Buffer.from('xdir/namey');
  const hash = hashBytes(bytes, 1, 9);
  expect(table.find(bytes, 1, 9, hash)).toBe(-1);
  expect(table.addBytes(bytes, 1, 9, hash)).toBe(0);
  expect(table.rowOf('dir/name')).toBe(0);
  expect(table.has('dir/nam')).toBe(false);
});

test('a great many names are all found', () => {
  const table = new NameTable();
  for (let i = 0; i < 50_000; i++) expect(table.add(`directory/${i}`)).toBe(i);
  for (let i = 0; i < 50_000; i += 7) expect(table.rowOf(`directory/${i}`)).toBe(i);
  expect(table.rowOf('directory/50000')).toBe(-1);
});

test('a component that is safe behind a directory makes a safe path', () => {
  const component = fc.string({ unit: fc.constantFrom('.', '/', '\0', 'a', '\\', '\xe4'), maxLength: 5 });
  fc.assert(
    fc.property(component, (name) => {
      const bytes = Buffer.from(name, 'latin1');
      const isSafe = isSafeComponent(bytes, 0, bytes.byteLength);
      expect(isSafe).toBe(unsafePathReason(`d/${name}`) === undefined && !name.includes('/'));
    }),
  );
  expect(isSafeComponent(Buffer.alloc(256, 'a'), 0, 256)).toBe(false);
  expect(isSafeComponent(Buffer.from('a'), 1, 0)).toBe(false);
});
