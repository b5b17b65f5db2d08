/**
 * Contents that do not come from a file. Before the walk, each is read to its end into one unnamed temporary file, one
 * after the other. So their sizes are known, and memory is bounded, however long they are. Main thread.
 */
import { ZnipError } from '../../errors.ts';
import type { ByteStream } from '../../io/byte-stream.ts';
import { openSpool, type Spool, spoolError } from '../../io/spool.ts';
import { writeFully } from '../../posix/write.ts';

/** Where a content is. */
export interface SpooledContent {
  fd: number;
  /** Byte of the file at which it starts. */
  offset: number;
  size: number;
}

/** How many bytes are read at once. */
const PIECE = 1024 * 1024;

export class ContentSpool {
  private spool: Spool | undefined;
  private end = 0;
  private closed = false;

  /** Stores all of a stream. Throws what reading it throws, and `io` if there is no room in `TMPDIR`. */
  async add(stream: ByteStream): Promise<SpooledContent> {
    const offset = this.end;
    const piece = new Uint8Array(PIECE);
    let size = 0;
    for (let read = PIECE; read === PIECE; size += read) {
      read = await stream.readInto(piece);
      this.write(piece.subarray(0, read), offset + size);
    }
    this.end = offset + size;
    return { fd: this.open().fd, offset, size };
  }

  /** Releases all contents, when nobody reads them any more. */
  close(): void {
    this.closed = true;
    this.spool?.close();
  }

  private open(): Spool {
    // A caller that was not waited for must not write to the next file that gets this descriptor.
    if (this.closed) throw new ZnipError('aborted', 'contents are no longer taken in');
    this.spool ??= openSpool();
    return this.spool;
  }

  private write(bytes: Uint8Array, offset: number): void {
    const { fd, directory } = this.open();
    try {
      writeFully(fd, bytes, offset);
    } catch (error) {
      throw spoolError(directory, error);
    }
  }
}
