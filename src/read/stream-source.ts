/**
 * Bytes that arrive in order and once: a pipe, a socket, standard input. Main thread; reads do not block it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { errnoOf, ioError } from '../errors.ts';
import { deferred } from '../ring/deferred.ts';
import { type DescriptorReader, openReader } from './pipe-reader.ts';

/** Pause before an empty non-blocking pipe is tried again. */
const EAGAIN_PAUSE_MS = 5;

export interface ByteStream {
  /** For messages. */
  readonly name: string;
  /** Bytes taken so far. */
  readonly position: number;
  /** Fills `target` as far as the stream goes; returns the number of bytes, fewer only at its end. */
  readInto(target: Uint8Array): Promise<number>;
}

/** A stream on a descriptor that somebody else opened. A read that waits throws the signal's reason when it fires. */
export class FdStream implements ByteStream {
  readonly name: string;
  position = 0;
  private readonly reader: DescriptorReader;
  /** Bytes that were looked at and given back. */
  private pushed: Buffer = Buffer.alloc(0);

  private readonly signal: AbortSignal | undefined;
  private readonly aborted = deferred<never>();
  private readonly onAbort = (): void => this.aborted.reject(this.signal?.reason);

  constructor(fd: number, name: string, signal?: AbortSignal) {
    this.reader = openReader(fd);
    this.name = name;
    this.signal = signal;
    this.aborted.promise.catch(() => {});
    signal?.addEventListener('abort', this.onAbort, { once: true });
  }

  /** Stops reading. The descriptor stays open. */
  close(): void {
    this.signal?.removeEventListener('abort', this.onAbort);
    this.reader.close();
  }

  async readInto(target: Uint8Array): Promise<number> {
    let done = Math.min(this.pushed.byteLength, target.byteLength);
    if (done > 0) {
      target.set(this.pushed.subarray(0, done));
      this.pushed = this.pushed.subarray(done);
    }
    while (done < target.byteLength) {
      const read = await this.readSome(target, done);
      if (read === 0) break;
      done += read;
    }
    this.position += done;
    return done;
  }

  /** The next bytes, at most `length`, without taking them. */
  async peek(length: number): Promise<Buffer> {
    const bytes = Buffer.alloc(length);
    const read = await this.readInto(bytes);
    this.position -= read;
    this.pushed = Buffer.concat([bytes.subarray(0, read), this.pushed]);
    return bytes.subarray(0, read);
  }

  /** Gives bytes back that were taken last: they come again. */
  unread(bytes: Uint8Array): void {
    this.position -= bytes.byteLength;
    this.pushed = Buffer.concat([bytes, this.pushed]);
  }

  private async readSome(target: Uint8Array, offset: number): Promise<number> {
    for (;;) {
      try {
        this.signal?.throwIfAborted();
        return await Promise.race([this.reader.read(target, offset), this.aborted.promise]);
      } catch (error) {
        if (this.signal?.aborted === true) throw error;
        const errno = errnoOf(error);
        if (errno === 'EAGAIN') await sleep(EAGAIN_PAUSE_MS);
        else if (errno !== 'EINTR') throw ioError('read', this.name, error);
      }
    }
  }
}

/** A stream made by transforming another: what a decompressor gives. */
export class IterableStream implements ByteStream {
  readonly name: string;
  position = 0;
  private readonly source: AsyncIterator<Uint8Array>;
  private rest: Uint8Array = new Uint8Array(0);

  constructor(name: string, source: AsyncIterable<Uint8Array>) {
    this.name = name;
    this.source = source[Symbol.asyncIterator]();
  }

  async readInto(target: Uint8Array): Promise<number> {
    let done = 0;
    while (done < target.byteLength) {
      if (this.rest.byteLength === 0) {
        const next = await this.source.next();
        if (next.done === true) break;
        this.rest = next.value;
        continue;
      }
      const length = Math.min(this.rest.byteLength, target.byteLength - done);
      target.set(this.rest.subarray(0, length), done);
      this.rest = this.rest.subarray(length);
      done += length;
    }
    this.position += done;
    return done;
  }
}
