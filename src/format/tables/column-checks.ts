/**
 * Loops over all rows of a column, most of them checks: these give the first row that is not as it should be, or the number of
 * rows. The core does each in one call: such a loop runs once for each table, before V8 has compiled it.
 */
import { core, type CoreKindColumns } from '../../core/core.ts';
import { KIND, MODE_MASK } from '../values/entry.ts';
import { comparePathBytes } from '../values/path-order.ts';

/** How many of the rows are null, by the bits of a validity bitmap; none if there is no bitmap. */
export function countNulls(validity: Uint8Array, rows: number): number {
  if (validity.byteLength === 0) return 0;
  const native = core();
  if (native !== undefined) return native.zeros(validity, rows);
  let nulls = 0;
  for (let row = 0; row < rows; row += 8) {
    const bits = ~(validity[row >> 3] ?? 0) & (rows - row < 8 ? (1 << (rows - row)) - 1 : 0xff);
    if (bits !== 0) nulls += ONES[bits] ?? 0;
  }
  return nulls;
}

/** For each byte, how many of its bits are 1. */
const ONES = Uint8Array.from({ length: 256 }, (_, byte) => byte.toString(2).replaceAll('0', '').length);

/** Offsets: none is less than the one before, and the first is not less than 0. */
export function firstFallingOffset(offsets: Int32Array): number {
  const native = core();
  if (native !== undefined) {
    return native.firstFallingOffset(new Uint32Array(offsets.buffer, offsets.byteOffset, offsets.length));
  }
  let previous = 0;
  for (let i = 0; i < offsets.length; i++) {
    const offset = offsets[i] ?? -1;
    if (offset < previous) return i;
    previous = offset;
  }
  return offsets.length;
}

/** None is less than the one before, and the first is not less than `least`. */
export function firstFallingNumber(numbers: Float64Array, least: number): number {
  const native = core();
  if (native !== undefined) return native.firstFallingNumber(numbers, least);
  let previous = least;
  for (let i = 0; i < numbers.length; i++) {
    const number = numbers[i] ?? 0;
    if (number < previous) return i;
    previous = number;
  }
  return numbers.length;
}

/** The sum of all. */
export function total(numbers: Float64Array): number {
  const native = core();
  if (native !== undefined) return native.total(numbers);
  let sum = 0;
  for (let i = 0; i < numbers.length; i++) sum += numbers[i] ?? 0;
  return sum;
}

/** Puts 64-bit values into `numbers`. A value of 2^53 or more is not as it should be. */
export function exactNumbers(values: BigUint64Array, numbers: Float64Array): number {
  const native = core();
  if (native !== undefined) return native.exactNumbers(values, numbers);
  // Read as two 32-bit halves: BigInt would allocate an object for every row.
  const halves = new Uint32Array(values.buffer, values.byteOffset, values.length * 2);
  for (let i = 0; i < numbers.length; i++) {
    const high = halves[2 * i + 1] ?? 0;
    if (high >= 0x200000) return i;
    numbers[i] = high * 0x1_0000_0000 + (halves[2 * i] ?? 0);
  }
  return numbers.length;
}

/** Stands for no word. */
export const UNKNOWN = 255;

/** Puts `words[index]` into `result` for each index. `words` has 256; where it has `UNKNOWN`, the row is not as it should be. */
export function lookUp(indices: Uint8Array, words: Uint8Array, result: Uint8Array): number {
  const native = core();
  if (native !== undefined) return native.lookUp(indices, words, UNKNOWN, result);
  for (let i = 0; i < result.length; i++) {
    const word = words[indices[i] ?? 0] ?? UNKNOWN;
    if (word === UNKNOWN) return i;
    result[i] = word;
  }
  return result.length;
}

/**
 * The first row from `from` on that is neither a file with a checksum nor an empty directory without, or has a mode beyond 7777,
 * a target, or bytes of a name. A bitmap without bits means that all rows have a value.
 */
export function firstUnusual(entries: CoreKindColumns, from: number): number {
  const native = core();
  if (native !== undefined) return native.firstUnusual(entries, from);
  const { kinds, modes, sizes, checksums, targets, pathBytes, targetBytes } = entries;
  let row = from;
  for (; row < kinds.length; row++) {
    const kind = kinds[row];
    const usual =
      kind === KIND.file
        ? has(checksums, row)
        : kind === KIND.directory && !has(checksums, row) && sizes[row] === 0;
    if (!usual || (modes[row] ?? 0) > MODE_MASK) break;
    if (has(targets, row) || has(pathBytes, row) || has(targetBytes, row)) break;
  }
  return row;
}

function has(validity: Uint8Array, row: number): boolean {
  return validity.length === 0 || (((validity[row >> 3] ?? 0) >> (row & 7)) & 1) === 1;
}

/**
 * The rows of the first and the last path between these offsets, in the order of paths; of equal ones, the first row counts.
 * Both are 0 if there are no rows.
 */
export function pathExtent(bytes: Uint8Array, offsets: Int32Array): { first: number; last: number } {
  const native = core();
  if (native !== undefined) {
    const found = new Uint32Array(2);
    native.pathExtent(bytes, new Uint32Array(offsets.buffer, offsets.byteOffset, offsets.length), found);
    return { first: found[0] ?? 0, last: found[1] ?? 0 };
  }
  const compare = (row: number, other: number): number =>
    comparePathBytes(
      bytes,
      offsets[row] ?? 0,
      offsets[row + 1] ?? 0,
      offsets[other] ?? 0,
      offsets[other + 1] ?? 0,
    );
  let first = 0;
  let last = 0;
  for (let row = 1; row < offsets.length - 1; row++) {
    // In a tree as it is walked, each path is behind the one before.
    if (compare(row, last) > 0) last = row;
    else if (compare(row, first) < 0) first = row;
  }
  return { first, last };
}

/** The values between these offsets, each followed by the byte `end`. */
export function joinLines(bytes: Uint8Array, offsets: Int32Array, end: number): Uint8Array {
  const rows = offsets.length - 1;
  const start = offsets[0] ?? 0;
  const length = (offsets[rows] ?? 0) - start;
  const lines = new Uint8Array(length + rows);
  const native = core();
  if (native !== undefined) {
    native.lines(bytes, new Uint32Array(offsets.buffer, offsets.byteOffset, offsets.length), end, lines);
    return lines;
  }
  lines.set(bytes.subarray(start, start + length));
  // Move them to their places from the last to the first: this needs no objects and overwrites nothing.
  let at = lines.length;
  for (let row = rows - 1; row >= 0; row--) {
    const value = (offsets[row] ?? 0) - start;
    const next = (offsets[row + 1] ?? 0) - start;
    lines[--at] = end;
    at -= next - value;
    lines.copyWithin(at, value, next);
  }
  return lines;
}
