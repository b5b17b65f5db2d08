/**
 * Columns that grow row by row.
 */

/** `longer`, which begins with what `column` holds. */
export function grown<T extends { set(from: T): void }>(longer: T, column: T): T {
  longer.set(column);
  return longer;
}
