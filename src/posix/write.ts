/**
 * write(2) until everything is written, which Node.js leaves to the caller.
 */
import { writeSync } from 'node:fs';
import { errnoOf } from '../errors.ts';

/** Pause before a full non-blocking pipe is tried again. */
export const EAGAIN_PAUSE_MS = 2;

const pause = new Int32Array(new SharedArrayBuffer(4));

/**
 * Writes all of `bytes` to a descriptor, blocking this thread as long as it takes: at byte `position` of a file,
 * or where its last write ended. Throws Node.js's error.
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
