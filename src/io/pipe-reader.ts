/**
 * Reads from pipes through the event loop instead of Node.js's thread pool. A pool thread that waits for bytes which
 * never come could not be ended, and neither could the process, because process.exit waits for the pool.
 */
import { closeSync, constants, fstatSync, openSync, read as readCallback, readSync } from 'node:fs';
import type { Socket } from 'node:net';
import { promisify } from 'node:util';
import { errnoOf } from '../errors.ts';
import { deferred, type Deferred } from '../threads/deferred.ts';

/** Takes bytes from a descriptor. */
export interface DescriptorReader {
  /** Up to `target.byteLength - offset` bytes; 0 at the end. Throws the system's error. */
  read(target: Uint8Array, offset: number): Promise<number>;
  /**
   * Closes what this reader opened, but not the descriptor that it was given. If a read that is sure to end is running,
   * waits for it: otherwise it would take bytes from the next file with this descriptor.
   */
  close(): Promise<void>;
}

const readAsync = promisify(readCallback);

/** For files, whose reads do not block for long, and for everything that cannot be read in another way. */
class FileReader implements DescriptorReader {
  private readonly fd: number;
  private readonly ends: boolean;
  private reading: Promise<unknown> = Promise.resolve();

  private readonly owned: boolean;

  /** `ends`: every read is sure to end. */
  constructor(fd: number, ends: boolean, owned = false) {
    this.fd = fd;
    this.ends = ends;
    this.owned = owned;
  }

  async read(target: Uint8Array, offset: number): Promise<number> {
    const reading = readAsync(this.fd, target, offset, target.byteLength - offset, null);
    this.reading = reading.catch(() => {});
    return (await reading).bytesRead;
  }

  async close(): Promise<void> {
    if (this.ends) await this.reading;
    if (this.owned) closeSync(this.fd);
  }
}

/** As much as a pipe holds by default (pipe(7)). */
const BUFFER_LENGTH = 64 * 1024;

/** More than any pipe holds, unless root made it larger. */
const MAX_PIECES = 64;

/** The bytes in a pipe, and whether they are all that will come. */
interface Waiting {
  waiting: Buffer;
  ended: boolean;
}

const NOTHING_WAITING: Waiting = { waiting: Buffer.alloc(0), ended: false };

/** node:net is loaded only for a pipe: it takes milliseconds. */
class PipeReader implements DescriptorReader {
  private readonly socket: Socket;
  private readonly owned: boolean;
  private readonly buffer = Buffer.allocUnsafe(BUFFER_LENGTH);
  /** Bytes of the buffer that have arrived and are not yet taken. */
  private filled: Buffer;
  private ended: boolean;
  private failure: Error | undefined;
  private waiting: Deferred<void> | undefined;

  constructor(fd: number, owned: boolean, { waiting, ended }: Waiting = NOTHING_WAITING) {
    this.owned = owned;
    this.filled = waiting;
    this.ended = ended;
    const wake = (): void => this.waiting?.resolve();
    // Not in @types/node: `onread` of the constructor, which saves a Buffer for each read.
    const onread = {
      buffer: this.buffer,
      callback: (length: number): boolean => {
        const arrived = this.buffer.subarray(0, length);
        // Bytes that were taken before the socket began to read may still be there.
        this.filled = this.filled.byteLength === 0 ? arrived : Buffer.concat([this.filled, arrived]);
        wake();
        // Nothing more is read before this is taken.
        return false;
      },
    };
    const options = { fd, readable: true, writable: false, onread };
    this.socket = new (process.getBuiltinModule('node:net').Socket)(options);
    this.socket.once('end', () => {
      this.ended = true;
      wake();
    });
    this.socket.once('error', (error) => {
      this.failure = error;
      wake();
    });
  }

  async read(target: Uint8Array, offset: number): Promise<number> {
    while (this.filled.byteLength === 0 && !this.ended && this.failure === undefined) {
      this.waiting = deferred<void>();
      this.socket.resume();
      await this.waiting.promise;
    }
    if (this.failure !== undefined) throw this.failure;
    const length = Math.min(this.filled.byteLength, target.byteLength - offset);
    target.set(this.filled.subarray(0, length), offset);
    this.filled = this.filled.subarray(length);
    return length;
  }

  async close(): Promise<void> {
    this.socket.pause();
    if (this.owned) this.socket.destroy();
    else this.socket.unref();
  }
}

const STDIN = 0;

/**
 * What is in a named pipe that was opened a second time, and whether that is all. If its writers left before, the
 * second descriptor waits for new ones and is told of no end (Linux, fifo(7)). Only reading shows it.
 */
function takeWaiting(fd: number): Waiting {
  const pieces: Buffer[] = [];
  for (;;) {
    const piece = Buffer.allocUnsafe(BUFFER_LENGTH);
    try {
      const length = readSync(fd, piece);
      if (length === 0) return { waiting: Buffer.concat(pieces), ended: true };
      pieces.push(piece.subarray(0, length));
    } catch (error) {
      // A writer is still there.
      if (errnoOf(error) === 'EAGAIN') return { waiting: Buffer.concat(pieces), ended: false };
      if (errnoOf(error) !== 'EINTR') throw error;
    }
    // A writer that is faster than this reader is still there.
    if (pieces.length === MAX_PIECES) return { waiting: Buffer.concat(pieces), ended: false };
  }
}

/**
 * A way to read this descriptor that can be stopped at any time, if there is one. `own`: the descriptor is only for
 * this reader, which closes it.
 */
export function openReader(fd: number, own = false): DescriptorReader {
  const stats = fstatSync(fd);
  if (own && stats.isFIFO()) return new PipeReader(fd, true);
  if (own) return new FileReader(fd, stats.isFile(), true);
  if (stats.isFIFO()) {
    let again: number | undefined;
    try {
      // Opens the pipe once more: non-blocking here, and unchanged for all who share `fd`.
      again = openSync(`/proc/self/fd/${fd}`, constants.O_RDONLY | constants.O_NONBLOCK);
      return new PipeReader(again, true, takeWaiting(again));
    } catch {
      // Not Linux, another user's pipe, or one that cannot be read. It is read like any other descriptor, and that read
      // says why it fails.
      if (again !== undefined) closeSync(again);
    }
  }
  // Standard input stays open as long as the process, so its number never goes to another file.
  if (fd === STDIN && (stats.isFIFO() || stats.isSocket())) return new PipeReader(fd, false);
  return new FileReader(fd, stats.isFile());
}
