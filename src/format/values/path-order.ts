/**
 * The order of paths: component by component, each by its bytes. A directory comes before what it holds, and what it holds
 * before the names behind it. Implements docs/format.md, "Conventions".
 */
import type { ByteString } from './byte-string.ts';

const SLASH = 0x2f;

/** Less than, equal to or more than 0, as for `sort`. */
export function comparePaths(a: ByteString, b: ByteString): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return rank(x) - rank(y);
  }
  return a.length - b.length;
}

/** Less than, equal to or more than 0: the bytes from `start` to `end` against those from `otherStart` to `otherEnd`. */
export function comparePathBytes(
  bytes: Uint8Array,
  start: number,
  end: number,
  otherStart: number,
  otherEnd: number,
): number {
  const length = Math.min(end - start, otherEnd - otherStart);
  for (let i = 0; i < length; i++) {
    const x = bytes[start + i] ?? 0;
    const y = bytes[otherStart + i] ?? 0;
    if (x !== y) return rank(x) - rank(y);
  }
  return end - start - (otherEnd - otherStart);
}

/** No path has the byte 0. */
function rank(byte: number): number {
  return byte === SLASH ? 0 : byte;
}

/** The first and the last of some paths, in the order of paths. */
export interface PathExtent {
  first: ByteString;
  last: ByteString;
}

export function extentOf(paths: readonly ByteString[]): PathExtent {
  let [first = '', last = ''] = [paths[0], paths[0]];
  for (const path of paths) {
    if (comparePaths(path, last) > 0) last = path;
    else if (comparePaths(path, first) < 0) first = path;
  }
  return { first, last };
}
