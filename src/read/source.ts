/**
 * Where archive bytes come from: the one interface between the reader and files, or whatever else
 * answers for a range of bytes.
 */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { ioError, uninterrupted, ZnipError } from '../errors.ts';

export interface ByteSource {
  /** For messages. */
  readonly name: string;
  readonly byteLength: number;
  /** First byte that can be read: 0, unless only the end of an archive is there. */
  readonly start: number;
  /** The file descriptor, where there is one: workers then read for themselves. */
  readonly fd: number | undefined;
  /** Exactly `length` bytes from `offset`. Throws `truncated` where there are fewer. */
  read(offset: number, length: number): Promise<Uint8Array>;
  close(): void;
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
  readonly fd: number;
  private open = true;

  /**
   * Opens a regular file, or takes the descriptor of one, which it will close. Throws `io` when it cannot be opened,
   * `usage` when it is no regular file.
   */
  constructor(path: string, fd?: number) {
    this.name = path;
    try {
      // A FIFO, which is refused below, is not waited for.
      this.fd = fd ?? openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    } catch (error) {
      throw ioError('open', path, error);
    }
    const stats = fstatSync(this.fd);
    if (!stats.isFile()) {
      this.close();
      const what = stats.isDirectory() ? 'a directory' : 'not a regular file';
      throw new ZnipError('usage', `'${path}' is ${what}: expected an archive file`, { path });
    }
    this.byteLength = stats.size;
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    if (offset + length > this.byteLength) {
      throw new ZnipError(
        'truncated',
        `'${this.name}' has ${this.byteLength} bytes, expected ${offset + length}: it was cut short`,
        { path: this.name, offset: this.byteLength },
      );
    }
    const target = new Uint8Array(length);
    readFully(this.fd, this.name, target, offset);
    return target;
  }

  close(): void {
    if (this.open) closeSync(this.fd);
    this.open = false;
  }
}
