/**
 * The time for intervals. The global `performance` would do, but Node.js loads eleven modules for it when it is first used,
 * in about three milliseconds.
 */

/** Milliseconds since some moment; never goes back. */
export function milliseconds(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1000 + nanoseconds / 1e6;
}
