/**
 * Where archive bytes go: a file or a pipe, strictly forward.
 */
import { writevSync, writeSync } from 'node:fs';
import { errnoOf, ioError } from '../errors.ts';

export interface Sink {
  /** Bytes written so far. */
  readonly position: number;
  /** Writes all the pieces, or throws. */
  write(pieces: readonly Uint8Array[]): void;
}

/** Pause before a full non-blocking pipe is tried again. */
const EAGAIN_PAUSE_MS = 2;

const pause = new Int32Array(new SharedArrayBuffer(4));

/**
 * Runs a write until it succeeds. A pipe that somebody else made non-blocking answers EAGAIN when it is
 * full: the write is tried again, as a blocking one would wait.
 */
function retry(write: () => number): number {
  for (;;) {
    try {
      return write();
    } catch (error) {
      const errno = errnoOf(error);
      if (errno === 'EAGAIN') Atomics.wait(pause, 0, 0, EAGAIN_PAUSE_MS);
      else if (errno !== 'EINTR') throw error;
    }
  }
}

/** Writes all of `bytes` to a descriptor. */
export function writeFully(fd: number, bytes: Uint8Array): void {
  let offset = 0;
  while (offset < bytes.byteLength) {
    offset += retry(() => writeSync(fd, bytes, offset, bytes.byteLength - offset));
  }
}

/** A sink on a file descriptor. `name` is for messages. */
export class FdSink implements Sink {
  position = 0;
  private readonly fd: number;
  private readonly name: string;

  constructor(fd: number, name: string) {
    this.fd = fd;
    this.name = name;
  }

  write(pieces: readonly Uint8Array[]): void {
    let total = 0;
    for (const piece of pieces) total += piece.byteLength;
    try {
      // One system call for header and blob; what it leaves over goes piece by piece.
      let done = retry(() => writevSync(this.fd, pieces));
      for (const piece of pieces) {
        if (done < piece.byteLength) writeFully(this.fd, piece.subarray(done));
        done = Math.max(0, done - piece.byteLength);
      }
    } catch (error) {
      throw ioError('write', this.name, error);
    }
    this.position += total;
  }
}
