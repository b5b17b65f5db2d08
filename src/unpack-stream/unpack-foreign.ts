/**
 * Feeds a run with a tar stream of others, which is one that znip did not make. Main thread.
 */
import { ZnipError } from '../errors.ts';
import { MAX_HEADERS_LENGTH, TAR_RECORD } from '../format/values/constants.ts';
import type { ByteStream } from '../io/byte-stream.ts';
import type { StreamRun } from './stream-run.ts';

/** Tar streams of others are written in pieces of this many bytes. Longer members are put together from parts. */
const FOREIGN_CHUNK = 4 * 1024 * 1024;

/** The piece that headers are read from grows with them, up to this. The record after them may be needed, too. */
const MAX_PIECE = MAX_HEADERS_LENGTH + TAR_RECORD;

/**
 * `stream` is the tar stream. `archive` is what arrives: the same, or its compressed form. Throws `truncated`, `limit`
 * and errors of the stream, after everything before them is written.
 */
export async function unpackTar(run: StreamRun, stream: ByteStream, archive: ByteStream): Promise<void> {
  let rest: Uint8Array = new Uint8Array(0);
  let streamOffset = 0;
  let pieceLength = FOREIGN_CHUNK;
  for (;;) {
    const slot = await run.extraction.queue.take(0, pieceLength);
    slot.chunk.set(rest);
    const room = slot.chunk.subarray(rest.byteLength, pieceLength);
    const { read, failure } = await run.unlessFailed(stream.readArrived(room));
    const length = rest.byteLength + read;
    const chunk = slot.chunk.subarray(0, length);
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, length);
    const isLast = failure === undefined && read < room.byteLength;
    const taken = run.extraction.submitPlain(slot, chunk, () =>
      run.take(bytes, streamOffset, isLast, FOREIGN_CHUNK, archive.position),
    );
    if (taken.failure !== undefined) {
      await run.unlessFailed(run.extraction.queue.drain());
      throw taken.failure;
    }
    if (taken.ended) {
      await run.unlessFailed(run.extraction.queue.drain());
      await passRest(run, stream, chunk.subarray(taken.endOffset), streamOffset + taken.endOffset);
      if (failure !== undefined) throw failure;
      return;
    }
    const isFull = taken.consumed === 0 && length === pieceLength;
    if (isFull && pieceLength === MAX_PIECE) {
      throw new ZnipError(
        'limit',
        `${stream.name}: the headers of a member at byte ${streamOffset} of the tar stream have more than ${MAX_HEADERS_LENGTH} bytes`,
        { offset: streamOffset },
      );
    }
    if (isLast || failure !== undefined) {
      await run.unlessFailed(run.extraction.queue.drain());
      if (failure !== undefined) throw failure;
      // POSIX wants two zero records at the end. Tar streams without them are common, and complete.
      if (taken.consumed === length && !run.members.isWithinMember) return;
      throw new ZnipError(
        'truncated',
        `${stream.name} ends at byte ${stream.position} of its tar stream, within a member`,
        { offset: stream.position },
      );
    }
    rest = Uint8Array.from(chunk.subarray(taken.consumed));
    if (isFull) pieceLength = Math.min(2 * pieceLength, MAX_PIECE);
    else if (rest.byteLength < FOREIGN_CHUNK) pieceLength = FOREIGN_CHUNK;
    streamOffset += taken.consumed;
  }
}

/**
 * Reads what follows the end. Padding is read so that the program that writes it gets no broken pipe. Anything else is
 * reported to the user.
 */
async function passRest(run: StreamRun, stream: ByteStream, held: Uint8Array, offset: number): Promise<void> {
  const bytes = new Uint8Array(64 * 1024);
  let told = false;
  let at = offset;
  for (let piece = held; ;) {
    const stray = told ? -1 : piece.findIndex((byte) => byte !== 0);
    if (stray >= 0) {
      told = true;
      run.tellBehindEnd(at + stray);
    }
    at += piece.byteLength;
    const read = await stream.readInto(bytes);
    if (read === 0) return;
    piece = bytes.subarray(0, read);
  }
}
