/**
 * Where a caller wants an archive to go: a file, a Node.js stream or a web stream.
 */
import { finished, type Writable } from 'node:stream';
import type { Sink } from '../io/sink.ts';
import { type PieceWriter, streamError, StreamSink } from '../io/stream-sink.ts';
import { deferred } from '../threads/deferred.ts';
import { Failure, unlessAborted } from '../threads/failure.ts';

/**
 * Where an archive goes. At a path, it appears in one step, when it is complete and on disk. A stream gets the bytes as
 * they are made, as fast as it takes them. It is ended after the archive, and destroyed if packing fails. Standard
 * output and standard error stay open. An output path is never packed into itself. znip does not know where a stream
 * leads, so leave that file out yourself.
 */
export type Output = string | Writable | WritableStream<Uint8Array>;

interface EndedWriter extends PieceWriter {
  /** Resolves when the stream has taken everything. */
  end(): Promise<void>;
  /** Nothing more comes. Nobody waits for this: the stream may never react. */
  abort(reason: unknown): void;
}

/** Calls `run` with the path or sink that it writes the archive to. Ends a stream when the run ends. */
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
    // The next write reports it. If nothing is written at the moment, it must not count as unhandled.
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

/** Also for HTTP responses. They are not a Writable, so `Writable.toWeb` does not work for them. */
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

  /**
   * Does not pass the error on: the caller gets it, and as an event that nobody listens to, it would end the process.
   */
  abort(): void {
    if (this.isStandard) this.detach();
    else this.stream.destroy();
  }
}
