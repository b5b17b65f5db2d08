/**
 * Tests that every table has in common: columns that are missing, or have nulls where there must be none.
 */
import { expect, test } from 'vitest';
import { firstRowNull, withColumn, withoutColumn } from './arrow.ts';
import { outcomeOf } from './refusal.ts';

/** `code` is what `decode` must throw. */
export function testRequiredColumns(
  names: readonly string[],
  table: Uint8Array,
  decode: (table: Uint8Array) => unknown,
  code: string,
): void {
  test.each(names)("'%s' must not be missing", (name) => {
    const outcome = outcomeOf(() => decode(withoutColumn(table, name)));
    expect(outcome).toEqual({ code, message: `column '${name}': it is missing` });
  });
}

/** A checksum may be null for Arrow: which rows must have one is said in words of its own. */
export function testColumnsWithoutNulls(
  names: readonly string[],
  table: Uint8Array,
  decode: (table: Uint8Array) => unknown,
  code: string,
): void {
  test.each(names)("'%s' has no nulls", (name) => {
    const outcome = outcomeOf(() => decode(withColumn(table, name, firstRowNull)));
    const message =
      name === 'checksum' ? 'row 0 has no checksum' : `column '${name}': 1 of its values are missing`;
    expect(outcome).toEqual({ code, message });
  });
}
