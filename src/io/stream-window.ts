/**
 * Looks far ahead in a stream, again and again, without copying what it has seen each time. The bytes lie in one
 * buffer. Bytes are moved in it only after at least as many have been taken. Main thread.
 */
import type { ByteStream } from './byte-stream.ts';

/** Bytes that are read ahead at once. Memory follows what arrives, not the length that something states. */
const PIECE = 1024 * 1024;

export class StreamWindow {
  /** Bytes that were moved within memory so far, and bytes that were read. Only for the tests, which count them. */
  moved = 0;
  private readonly stream: ByteStream;
  private buffer: Buffer = Buffer.alloc(0);
  /** The held bytes are `[start, end)` of the buffer. */
  private start = 0;
  private end = 0;

  constructor(stream: ByteStream) {
    this.stream = stream;
  }

  get name(): string {
    return this.stream.name;
  }

  /** The next byte of the stream. */
  get position(): number {
    return this.stream.position - this.held;
  }

  /** Bytes that have been read but not taken. */
  get held(): number {
    return this.end - this.start;
  }

  /**
   * The next bytes; fewer than `length` only at the end. A view that is valid until the next call of any method here.
   */
  async peek(length: number): Promise<Buffer> {
    while (this.held < length) {
      const wanted = Math.min(PIECE, length - this.held);
      this.makeRoom(wanted);
      const read = await this.stream.readInto(this.buffer.subarray(this.end, this.end + wanted));
      this.end += read;
      this.moved += read;
      if (read < wanted) break;
    }
    return this.buffer.subarray(this.start, Math.min(this.end, this.start + length));
  }

  /** Fills `target` as far as the stream goes. Returns the number of bytes; it is smaller only at the end. */
  async readInto(target: Uint8Array): Promise<number> {
    const held = this.buffer.subarray(this.start, Math.min(this.end, this.start + target.byteLength));
    target.set(held);
    this.take(held.byteLength);
    const read = held.byteLength + (await this.stream.readInto(target.subarray(held.byteLength)));
    this.moved += read;
    return read;
  }

  /** Skips bytes, as far as there are any. */
  async skip(length: number): Promise<void> {
    for (let left = length; left > 0;) {
      const skipped = Math.min(
        left,
        Math.max(this.held, (await this.peek(Math.min(left, PIECE))).byteLength),
      );
      if (skipped === 0) return;
      this.take(skipped);
      left -= skipped;
    }
  }

  /** Gives back the bytes that were taken last. They come again. For when few bytes are held, or none. */
  unread(bytes: Uint8Array): void {
    const whole = Buffer.concat([bytes, this.buffer.subarray(this.start, this.end)]);
    this.moved += whole.byteLength;
    this.buffer = whole;
    this.start = 0;
    this.end = whole.byteLength;
  }

  /** Gives the held bytes back to the stream. */
  release(): void {
    this.stream.unread(this.buffer.subarray(this.start, this.end));
    this.buffer = Buffer.alloc(0);
    this.start = 0;
    this.end = 0;
  }

  private take(length: number): void {
    this.start += length;
    if (this.start < this.end) return;
    this.start = 0;
    this.end = 0;
    // A large buffer from a search through damage is not kept for the rest of the archive.
    if (this.buffer.byteLength > PIECE) this.buffer = Buffer.alloc(0);
  }

  private makeRoom(length: number): void {
    const { buffer, start, end, held } = this;
    if (end + length <= buffer.byteLength) return;
    // Either no more bytes are moved than were taken since the last time, or the buffer grows by half.
    if (start >= held && held + length <= buffer.byteLength) buffer.copyWithin(0, start, end);
    else {
      const size = Math.max(held + length, Math.ceil(1.5 * buffer.byteLength));
      this.buffer = Buffer.allocUnsafeSlow(size);
      buffer.copy(this.buffer, 0, start, end);
    }
    this.moved += held;
    this.start = 0;
    this.end = held;
  }
}
