/**
 * Where archive bytes come from: the one interface between the reader and files, or whatever else
 * answers for a range of bytes.
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
  /** The file descriptor, where there is one: workers then read for themselves. Throws `usage` when it is closed. */
  readonly fd: number | undefined;
  /** Exactly `length` bytes from `offset`. Throws `truncated` where there are fewer, and the signal's reason. */
  read(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array>;
  /** Nothing is read any more. */
  close(): void;
  /**
   * Keeps the descriptor open, even when the source is closed, until the function that it returns is called: for who
   * reads from it in other threads.
   */
  hold?(): () => void;
}

/** What is thrown where something closed is read on. */
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

/** Fills `target` from byte `offset` of a file; throws `truncated` when the file ends before. */
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
   * Opens a regular file, or takes the descriptor of one, which it will close. Throws `io` when it cannot be opened,
   * `usage` when it is no regular file.
   */
  constructor(path: string, fd?: number) {
    this.name = path;
    try {
      // A FIFO, which is refused below, is not waited for.
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

  /** Not the number alone: it may be another file's by now. */
  get fd(): number {
    if (!this.open) throw closedError(this.name);
    return this.descriptor;
  }

  /**
   * The same file once more, to be read from its beginning and closed by the caller: what has its name may be another
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
