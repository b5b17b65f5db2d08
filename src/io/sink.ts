/**
 * Where archive bytes go: a file, a pipe or a stream, strictly forward.
 */
import { writevSync, writeSync } from 'node:fs';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import { errnoOf, ioError } from '../errors.ts';
import { EAGAIN_PAUSE_MS } from '../posix/write.ts';

export interface Sink {
  /** Bytes written so far. */
  readonly position: number;
  /** Writes all the pieces, or throws. They may be written over when it has. */
  write(pieces: readonly Uint8Array[]): Promise<void>;
  /** Writes over the bytes at `position`. Only for files. */
  rewrite(position: number, pieces: readonly Uint8Array[]): void;
}

/** How often a full pipe is tried without a pause. Most readers are quick. */
const EAGER_ATTEMPTS = 16;

/**
 * A sink on a file descriptor. `name` is for messages. While it waits for room in a non-blocking pipe, the event loop
 * runs: signals are noticed, `signal` ends the wait, and a thread can be terminated.
 */
export class FdSink implements Sink {
  position = 0;
  private readonly fd: number;
  private readonly name: string;
  private readonly signal: AbortSignal | undefined;

  constructor(fd: number, name: string, signal?: AbortSignal) {
    this.fd = fd;
    this.name = name;
    this.signal = signal;
  }

  async write(pieces: readonly Uint8Array[]): Promise<void> {
    let total = 0;
    for (const piece of pieces) total += piece.byteLength;
    // One system call for header and blob. What it leaves is written piece by piece.
    let done = this.attempt(() => writevSync(this.fd, pieces));
    for (const piece of pieces) {
      if (done < piece.byteLength) await this.writeRest(piece.subarray(done));
      done = Math.max(0, done - piece.byteLength);
    }
    this.position += total;
  }

  rewrite(position: number, pieces: readonly Uint8Array[]): void {
    const bytes = Buffer.concat(pieces);
    for (let done = 0; done < bytes.byteLength;) {
      done += this.attempt(() => writeSync(this.fd, bytes, done, bytes.byteLength - done, position + done));
    }
  }

  private async writeRest(bytes: Uint8Array): Promise<void> {
    let offset = 0;
    for (let refused = 0; offset < bytes.byteLength;) {
      const written = this.attempt(() => writeSync(this.fd, bytes, offset, bytes.byteLength - offset));
      offset += written;
      refused = written === 0 ? refused + 1 : 0;
      if (refused === 0) continue;
      await (refused <= EAGER_ATTEMPTS ? turn() : sleep(EAGAIN_PAUSE_MS));
      this.signal?.throwIfAborted();
    }
  }

  /** How many bytes a write took; 0 if a non-blocking pipe is full. */
  private attempt(write: () => number): number {
    try {
      return write();
    } catch (error) {
      if (errnoOf(error) === 'EAGAIN') return 0;
      throw ioError('write', this.name, error);
    }
  }
}
