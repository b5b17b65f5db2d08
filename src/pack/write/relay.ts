/**
 * Carries archive bytes from the writer thread to the main thread, for outputs that only the main thread can write to.
 *
 * The writer thread posts pieces and counts them. The main thread counts the pieces that are written, in one shared
 * number that only grows. The writer blocks while too many pieces are on their way, so memory is bounded, however slow
 * the output is.
 */
import { ZnipError } from '../../errors.ts';
import type { Sink } from '../../io/sink.ts';

/** The most pieces on their way: one is written while the next is made. */
const MOST_AHEAD = 2;

/** Shared by both threads: how many posts have been written. */
export type RelayMemory = Int32Array;

export function createRelay(): RelayMemory {
  return new Int32Array(new SharedArrayBuffer(4));
}

/** The writer thread's end. */
export class RelaySink implements Sink {
  position = 0;
  private posted = 0;
  private readonly written: RelayMemory;
  private readonly post: (bytes: Uint8Array<ArrayBuffer>) => void;

  constructor(written: RelayMemory, post: (bytes: Uint8Array<ArrayBuffer>) => void) {
    this.written = written;
    this.post = post;
  }

  async write(pieces: readonly Uint8Array[]): Promise<void> {
    for (const piece of pieces) {
      if (piece.byteLength === 0) continue;
      // Post a copy: its slot may get another chunk before the piece is written.
      this.post(Uint8Array.from(piece));
      this.posted += 1;
      this.position += piece.byteLength;
      this.waitForRoom();
    }
  }

  rewrite(): void {
    throw new ZnipError('internal', 'what has left the thread cannot be written over');
  }

  private waitForRoom(): void {
    for (;;) {
      const written = Atomics.load(this.written, 0);
      if (this.posted - written < MOST_AHEAD) return;
      // The main thread wakes this thread. Only the main thread changes the number.
      Atomics.wait(this.written, 0, written);
    }
  }
}

/** The main thread's end: writes what arrives, in order. */
export class Relay {
  private readonly written: RelayMemory;
  private readonly sink: Sink;
  private readonly onFailure: (error: unknown) => void;
  /** The write of what was taken last. */
  private tail: Promise<void> = Promise.resolve();
  private failed = false;

  constructor(written: RelayMemory, sink: Sink, onFailure: (error: unknown) => void) {
    this.written = written;
    this.sink = sink;
    this.onFailure = onFailure;
  }

  take(bytes: Uint8Array): void {
    const before = this.tail;
    this.tail = this.writeAfter(before, bytes);
  }

  /** Resolves when all that was taken is written, or has failed. */
  settled(): Promise<void> {
    return this.tail;
  }

  private async writeAfter(before: Promise<void>, bytes: Uint8Array): Promise<void> {
    await before;
    if (this.failed) return;
    try {
      await this.sink.write([bytes]);
    } catch (error) {
      this.failed = true;
      this.onFailure(error);
      return;
    }
    // Change the number first: the woken thread must find the new value.
    Atomics.add(this.written, 0, 1);
    Atomics.notify(this.written, 0);
  }
}
