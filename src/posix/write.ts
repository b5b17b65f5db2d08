/**
 * write(2) until everything is written, because Node.js leaves that to the caller. Also writes holes for long runs of
 * zeros.
 */
import { writeSync } from 'node:fs';
import { errnoOf } from '../errors.ts';

/** Pause before trying a full non-blocking pipe again. */
export const EAGAIN_PAUSE_MS = 2;

const pause = new Int32Array(new SharedArrayBuffer(4));

/**
 * Writes all of `bytes` to a descriptor, and blocks this thread as long as that takes. Writes at byte `position` of a
 * file, or where its last write ended. Throws Node.js's error.
 */
export function writeFully(fd: number, bytes: Uint8Array, position: number | null = null): void {
  for (let offset = 0; offset < bytes.byteLength;) {
    const at = position === null ? null : position + offset;
    try {
      offset += writeSync(fd, bytes, offset, bytes.byteLength - offset, at);
    } catch (error) {
      if (errnoOf(error) !== 'EAGAIN') throw error;
      Atomics.wait(pause, 0, 0, EAGAIN_PAUSE_MS);
    }
  }
}

/**
 * Runs of zeros of this length, in bytes, that begin at a multiple of it become holes. File systems can store such
 * holes.
 */
export const HOLE_LENGTH = 64 * 1024;

const ZEROS = new Uint8Array(HOLE_LENGTH);

/**
 * Writes `bytes` at byte `position` of a new file. Long runs of zeros in them become holes. Returns whether they end
 * with a hole: then the file's length must still be set. Throws Node.js's error.
 */
export function writeSparsely(fd: number, bytes: Uint8Array, position: number): boolean {
  let from = 0;
  const first = (HOLE_LENGTH - (position % HOLE_LENGTH)) % HOLE_LENGTH;
  for (let at = first; at + HOLE_LENGTH <= bytes.byteLength; at += HOLE_LENGTH) {
    if (bytes[at] !== 0 || Buffer.compare(bytes.subarray(at, at + HOLE_LENGTH), ZEROS) !== 0) continue;
    if (from < at) writeFully(fd, bytes.subarray(from, at), position + from);
    from = at + HOLE_LENGTH;
  }
  if (from < bytes.byteLength) writeFully(fd, bytes.subarray(from), position + from);
  return from > 0 && from === bytes.byteLength;
}
