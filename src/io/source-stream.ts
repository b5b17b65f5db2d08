/**
 * A source of bytes as a stream, for whoever reads an archive from its beginning to its end. Main thread.
 */
import { ByteStream, FdStream } from './byte-stream.ts';
import type { ByteSource } from './source.ts';

/** Bytes that are asked for at once: each call may be a request to another machine. */
const PIECE = 256 * 1024;

/**
 * The bytes of `source` in order. A file is read by the position of its descriptor: once, and by nobody else meanwhile.
 * The source stays open.
 */
export function streamOf(source: ByteSource, signal: AbortSignal | undefined): ByteStream {
  const name = `'${source.name}'`;
  return source.fd === undefined
    ? new SourceStream(name, source, signal)
    : new FdStream(source.fd, name, signal);
}

class SourceStream extends ByteStream {
  private readonly source: ByteSource;
  private readonly signal: AbortSignal | undefined;
  private offset: number;
  private rest: Uint8Array = new Uint8Array(0);

  constructor(name: string, source: ByteSource, signal: AbortSignal | undefined) {
    super(name);
    this.source = source;
    this.signal = signal;
    this.offset = source.start;
  }

  protected async readSome(target: Uint8Array): Promise<number> {
    if (this.rest.byteLength === 0) {
      this.signal?.throwIfAborted();
      const wanted = Math.max(target.byteLength, PIECE);
      const length = Math.min(wanted, this.source.byteLength - this.offset);
      if (length === 0) return 0;
      this.rest = await this.source.read(this.offset, length);
      this.offset += length;
    }
    const taken = this.rest.subarray(0, target.byteLength);
    target.set(taken);
    this.rest = this.rest.subarray(taken.byteLength);
    return taken.byteLength;
  }
}
