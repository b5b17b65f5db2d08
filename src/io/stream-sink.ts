/**
 * A sink on a stream of the caller's, which writes at its own pace. Main thread.
 */
import { ZnipError } from '../errors.ts';
import { unlessAborted } from '../threads/failure.ts';
import type { Sink } from './sink.ts';

/** What such a stream comes down to. */
export interface PieceWriter {
  /** Resolves when there is room for more. The piece may be kept for long after that. */
  write(piece: Uint8Array): Promise<void>;
}

export class StreamSink implements Sink {
  position = 0;
  private readonly writer: PieceWriter;
  private readonly signal: AbortSignal | undefined;

  constructor(writer: PieceWriter, signal: AbortSignal | undefined) {
    this.writer = writer;
    this.signal = signal;
  }

  async write(pieces: readonly Uint8Array[]): Promise<void> {
    for (const piece of pieces) {
      if (piece.byteLength === 0) continue;
      try {
        await unlessAborted(this.writer.write(Uint8Array.from(piece)), this.signal);
      } catch (error) {
        this.signal?.throwIfAborted();
        throw streamError(error);
      }
      this.position += piece.byteLength;
    }
  }

  rewrite(): void {
    throw new ZnipError('internal', 'what a stream has taken cannot be written over');
  }
}

/** What the caller's stream has against going on. */
export function streamError(error: unknown): ZnipError {
  const reason = error instanceof Error ? error.message : String(error);
  return new ZnipError('io', `cannot write to the stream: ${reason}`, {}, error);
}
