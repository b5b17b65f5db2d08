/**
 * Columns that grow row by row.
 */

/** Copies `column` to the start of `longer`, and returns `longer`. */
export function grown<T extends { set(from: T): void }>(longer: T, column: T): T {
  longer.set(column);
  return longer;
}
