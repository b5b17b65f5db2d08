/**
 * Where a caller wants an archive: a file, or a stream of Node.js or of the web.
 */
import { finished, type Writable } from 'node:stream';
import type { Sink } from '../io/sink.ts';
import { type PieceWriter, streamError, StreamSink } from '../io/stream-sink.ts';
import { deferred } from '../threads/deferred.ts';
import { Failure, unlessAborted } from '../threads/failure.ts';

/**
 * Where an archive goes. A path gets it in one step, when it is complete and on disk. A stream gets its bytes as they
 * are made, as fast as it takes them; it is ended with the archive, and destroyed when that fails. Standard output and
 * standard error stay open. A path is never packed into itself; where a stream ends is not known, so keep that out.
 */
export type Output = string | Writable | WritableStream<Uint8Array>;

interface EndedWriter extends PieceWriter {
  /** Resolves when the stream has taken everything. */
  end(): Promise<void>;
  /** Nothing more comes. Not waited for: it may never take in that it is over. */
  abort(reason: unknown): void;
}

/** Runs what writes an archive with the path or sink for it, and ends a stream with the run. */
export async function writeTo<T>(
  output: Output,
  signal: AbortSignal | undefined,
  run: (to: string | Sink) => Promise<T>,
): Promise<T> {
  if (typeof output === 'string') return run(output);
  const writer = 'getWriter' in output ? new WebWriter(output) : new NodeWriter(output);
  try {
    const result = await run(new StreamSink(writer, signal));
    await end(writer, signal);
    return result;
  } catch (error) {
    writer.abort(error);
    throw error;
  }
}

async function end(writer: EndedWriter, signal: AbortSignal | undefined): Promise<void> {
  try {
    await unlessAborted(writer.end(), signal);
  } catch (error) {
    signal?.throwIfAborted();
    throw streamError(error);
  }
}

class WebWriter implements EndedWriter {
  private readonly writer: WritableStreamDefaultWriter<Uint8Array>;

  constructor(stream: WritableStream<Uint8Array>) {
    this.writer = stream.getWriter();
    // Whoever writes hears of it; where nobody does at the moment, it is not unhandled.
    this.writer.closed.catch(() => {});
  }

  write(piece: Uint8Array): Promise<void> {
    return this.writer.write(piece);
  }

  async end(): Promise<void> {
    await this.writer.close();
    this.writer.releaseLock();
  }

  abort(reason: unknown): void {
    this.writer.abort(reason).catch(() => {});
    this.writer.releaseLock();
  }
}

/** For responses of HTTP, too, which are no Writable: so not by `Writable.toWeb`. */
class NodeWriter implements EndedWriter {
  private readonly stream: Writable;
  private readonly isStandard: boolean;
  private readonly failure = new Failure();
  private readonly finished = deferred<void>();
  private readonly detach: () => void;

  constructor(stream: Writable) {
    this.stream = stream;
    this.isStandard = stream === process.stdout || stream === process.stderr;
    this.detach = finished(stream, { readable: false }, (error) => {
      if (error === null || error === undefined) this.finished.resolve();
      else this.failure.fail(error);
    });
  }

  async write(piece: Uint8Array): Promise<void> {
    const { stream } = this;
    const hasRoom = stream.write(piece);
    const room = hasRoom ? Promise.resolve() : new Promise<void>((resolve) => stream.once('drain', resolve));
    await this.failure.unless(room);
  }

  async end(): Promise<void> {
    if (this.isStandard) return this.detach();
    this.stream.end();
    await this.failure.unless(this.finished.promise);
  }

  /** Without the error, which is thrown to the caller, and would end the process where nobody hears of it here. */
  abort(): void {
    if (this.isStandard) this.detach();
    else this.stream.destroy();
  }
}
