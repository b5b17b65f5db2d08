/**
 * Contents that are in no file of their own, each read to its end before the walk: all of a run in one unnamed
 * temporary file, one behind the other. So their sizes are known, and memory is bounded, whatever comes. Main thread.
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

/** Bytes that are read at once. */
const PIECE = 1024 * 1024;

export class ContentSpool {
  private spool: Spool | undefined;
  private end = 0;
  private closed = false;

  /** Takes in all of a stream. Throws what reading it throws, and `io` when there is no room in `TMPDIR`. */
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

  /** Lets go of all contents, when nobody reads them any more. */
  close(): void {
    this.closed = true;
    this.spool?.close();
  }

  private open(): Spool {
    // Whoever was not waited for must not write to what gets the descriptor next.
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
