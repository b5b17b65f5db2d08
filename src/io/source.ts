/**
 * Where the bytes of an archive come from: the one interface between the reader and a file, or anything else that can
 * give a range of bytes.
 */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { ioError, ZnipError } from '../errors.ts';
import { uninterrupted } from '../posix/uninterrupted.ts';

export interface ByteSource {
  /** For messages. */
  readonly name: string;
  readonly byteLength: number;
  /** First byte that can be read: 0, unless only the end of an archive is there. */
  readonly start: number;
  /** The file descriptor, if there is one: then workers read it themselves. Throws `usage` if it is closed. */
  readonly fd: number | undefined;
  /** Exactly `length` bytes from `offset`. Throws `truncated` where there are fewer, and the signal's reason. */
  read(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array>;
  /** Nothing is read any more. */
  close(): void;
  /**
   * Keeps the descriptor open, even if the source is closed, until the returned function is called. For readers in
   * other threads.
   */
  hold?(): () => void;
}

/** The error for reading from something closed. */
export function closedError(name: string): ZnipError {
  return new ZnipError('usage', `'${name}' is closed: open it again to read more of it`, { path: name });
}

/**
 * The same source for somebody who closes what he has read: it stays open for its owner. With a signal, reads end with
 * its reason.
 */
export function borrowed(source: ByteSource, signal?: AbortSignal): ByteSource {
  const { name, byteLength, start } = source;
  return {
    name,
    byteLength,
    start,
    get fd() {
      return source.fd;
    },
    async read(offset, length) {
      signal?.throwIfAborted();
      return source.read(offset, length, signal);
    },
    close() {},
    hold: () => source.hold?.() ?? (() => {}),
  };
}

/** Fills `target` from byte `offset` of a file. Throws `truncated` if the file ends before. */
export function readFully(fd: number, name: string, target: Uint8Array, offset: number): void {
  let done = 0;
  while (done < target.byteLength) {
    let read: number;
    try {
      read = uninterrupted(() => readSync(fd, target, done, target.byteLength - done, offset + done));
    } catch (error) {
      throw ioError('read', name, error);
    }
    if (read === 0) {
      throw new ZnipError(
        'truncated',
        `'${name}' ends at byte ${offset + done}, expected ${target.byteLength - done} more: it was cut short or is still being written`,
        { path: name, offset: offset + done },
      );
    }
    done += read;
  }
}

export class FileSource implements ByteSource {
  readonly name: string;
  readonly byteLength: number;
  readonly start = 0;
  private readonly descriptor: number;
  private open = true;
  private holders = 0;

  /**
   * Opens a regular file, or takes over its descriptor and later closes it. Throws `io` if it cannot be opened, and
   * `usage` if it is not a regular file.
   */
  constructor(path: string, fd?: number) {
    this.name = path;
    try {
      // Does not wait for a FIFO; a FIFO is refused below.
      this.descriptor = fd ?? openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    } catch (error) {
      throw ioError('open', path, error);
    }
    const stats = fstatSync(this.descriptor);
    if (!stats.isFile()) {
      this.close();
      const what = stats.isDirectory() ? 'a directory' : 'not a regular file';
      throw new ZnipError('usage', `'${path}' is ${what}: expected an archive file`, { path });
    }
    this.byteLength = stats.size;
  }

  /** Not the number alone, because another file may have it by now. */
  get fd(): number {
    if (!this.open) throw closedError(this.name);
    return this.descriptor;
  }

  /**
   * Opens the same file once more, to read it from its beginning; the caller closes it. Another file may have its name
   * by now. Throws `io`.
   */
  openAgain(): number {
    try {
      return openSync(
        process.platform === 'linux' ? `/proc/self/fd/${this.fd}` : this.name,
        constants.O_RDONLY,
      );
    } catch (error) {
      throw ioError('open', this.name, error);
    }
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    const { fd } = this;
    if (offset + length > this.byteLength) {
      throw new ZnipError(
        'truncated',
        `'${this.name}' has ${this.byteLength} bytes, expected ${offset + length}: it was cut short`,
        { path: this.name, offset: this.byteLength },
      );
    }
    const target = new Uint8Array(length);
    readFully(fd, this.name, target, offset);
    return target;
  }

  close(): void {
    if (!this.open) return;
    this.open = false;
    if (this.holders === 0) closeSync(this.descriptor);
  }

  hold(): () => void {
    if (!this.open) throw closedError(this.name);
    this.holders += 1;
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.holders -= 1;
      if (this.holders === 0 && !this.open) closeSync(this.descriptor);
    };
  }
}
