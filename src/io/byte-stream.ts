/**
 * Bytes that arrive in order and only once: from a pipe, a socket, standard input or a decompressor. Main thread; reads
 * do not block it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { errnoOf, ioError, ZnipError } from '../errors.ts';
import { Failure, unlessAborted } from '../threads/failure.ts';
import { type DescriptorReader, openReader } from './pipe-reader.ts';

/** Pause before trying an empty non-blocking pipe again. */
const EAGAIN_PAUSE_MS = 5;

/** Bytes that are read ahead are held in pieces of this size. */
const AHEAD_PIECE = 1024 * 1024;

export abstract class ByteStream {
  /** For messages. */
  readonly name: string;
  /** Bytes taken so far. */
  position = 0;
  /** Bytes that were read before they were asked for. */
  private readonly ahead: Uint8Array[] = [];

  constructor(name: string) {
    this.name = name;
  }

  /**
   * Fills `target` as far as the stream goes. Returns the number of bytes; it is smaller only at the end of the stream.
   */
  async readInto(target: Uint8Array): Promise<number> {
    const { read, failure } = await this.readArrived(target);
    if (failure !== undefined) throw failure;
    return read;
  }

  /**
   * Like `readInto`, for callers that use what came before a failure: returns the failure with it, instead of throwing.
   */
  async readArrived(target: Uint8Array): Promise<{ read: number; failure: unknown }> {
    let done = 0;
    let failure: unknown;
    try {
      while (done < target.byteLength) {
        const read = this.takeAhead(target.subarray(done)) || (await this.readSome(target.subarray(done)));
        if (read === 0) break;
        done += read;
      }
    } catch (error) {
      failure = error;
    }
    this.position += done;
    return { read: done, failure };
  }

  /** The next bytes, without taking them: at most `length`, fewer only at the end. */
  async peek(length: number): Promise<Buffer> {
    await this.readAhead(length);
    return Buffer.concat(this.ahead, Math.min(length, this.aheadLength));
  }

  /** Gives back the bytes that were taken last. They come again. */
  unread(bytes: Uint8Array): void {
    this.position -= bytes.byteLength;
    if (bytes.byteLength > 0) this.ahead.unshift(Uint8Array.from(bytes));
  }

  /**
   * Reads bytes into memory before they are asked for, until there are `length` of them. Returns how many there are;
   * fewer only if the stream ends with them.
   */
  async readAhead(length: number): Promise<number> {
    while (this.aheadLength < length) {
      const piece = new Uint8Array(Math.min(AHEAD_PIECE, length - this.aheadLength));
      let done = 0;
      while (done < piece.byteLength) {
        const read = await this.readSome(piece.subarray(done));
        if (read === 0) break;
        done += read;
      }
      if (done > 0) this.ahead.push(piece.subarray(0, done));
      if (done < piece.byteLength) break;
    }
    return this.aheadLength;
  }

  /** What is held in memory, in order. */
  get held(): readonly Uint8Array[] {
    return this.ahead;
  }

  /** Says that nothing more will be read. Waits for a running read only if that is sure to end. */
  async close(): Promise<void> {}

  private get aheadLength(): number {
    return this.ahead.reduce((sum, piece) => sum + piece.byteLength, 0);
  }

  private takeAhead(target: Uint8Array): number {
    const piece = this.ahead[0];
    if (piece === undefined) return 0;
    const taken = piece.subarray(0, target.byteLength);
    target.set(taken);
    if (taken.byteLength === piece.byteLength) this.ahead.shift();
    else this.ahead[0] = piece.subarray(taken.byteLength);
    return taken.byteLength;
  }

  /** Reads some bytes into the start of `target`, which has room for at least one; 0 at the end. */
  protected abstract readSome(target: Uint8Array): Promise<number>;
}

/**
 * A stream on a descriptor that somebody else opened and will close. A waiting read throws the signal's reason when it
 * fires.
 */
export class FdStream extends ByteStream {
  private readonly reader: DescriptorReader;
  private readonly signal: AbortSignal | undefined;
  private readonly aborted = new Failure();
  private closed = false;
  private readonly onAbort = (): void => this.aborted.fail(this.signal?.reason);

  /** `own`: the descriptor is only for this stream, which closes it. */
  constructor(fd: number, name: string, signal?: AbortSignal, own = false) {
    super(name);
    this.reader = openReader(fd, own);
    this.signal = signal;
    signal?.addEventListener('abort', this.onAbort, { once: true });
  }

  override async close(): Promise<void> {
    this.closed = true;
    this.signal?.removeEventListener('abort', this.onAbort);
    await this.reader.close();
  }

  protected async readSome(target: Uint8Array): Promise<number> {
    for (;;) {
      // A reader that was left waiting must not read from the next file with this descriptor.
      if (this.closed) throw new ZnipError('aborted', `${this.name} is no longer read`);
      try {
        this.signal?.throwIfAborted();
        return await this.aborted.unless(this.reader.read(target, 0));
      } catch (error) {
        if (this.signal?.aborted === true) throw error;
        const errno = errnoOf(error);
        if (errno === 'EAGAIN') await sleep(EAGAIN_PAUSE_MS);
        else if (errno !== 'EINTR') throw ioError('read', this.name, error);
      }
    }
  }
}

/**
 * A stream of pieces that somebody else makes: a `Readable`, a generator, a decompressor. A read that waits throws the
 * signal's reason when it fires.
 */
export class IterableStream extends ByteStream {
  private readonly source: AsyncIterator<Uint8Array>;
  private readonly signal: AbortSignal | undefined;
  private rest: Uint8Array = new Uint8Array(0);

  constructor(name: string, source: AsyncIterable<Uint8Array>, signal?: AbortSignal) {
    super(name);
    this.source = source[Symbol.asyncIterator]();
    this.signal = signal;
  }

  override async close(): Promise<void> {
    // A generator handles this after it has answered the running read. What it says then does not matter.
    this.source.return?.().catch(() => {});
  }

  protected async readSome(target: Uint8Array): Promise<number> {
    while (this.rest.byteLength === 0) {
      const next = await unlessAborted(this.source.next(), this.signal);
      if (next.done === true) return 0;
      this.rest = next.value;
    }
    const length = Math.min(this.rest.byteLength, target.byteLength);
    target.set(this.rest.subarray(0, length));
    this.rest = this.rest.subarray(length);
    return length;
  }
}

/** What arrives on a descriptor that somebody else closes, or is a stream already. */
export function toStream(
  source: number | ByteStream,
  name: string | undefined,
  signal: AbortSignal | undefined,
): ByteStream {
  return typeof source === 'number' ? new FdStream(source, name ?? 'standard input', signal) : source;
}
