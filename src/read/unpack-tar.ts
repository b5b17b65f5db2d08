/**
 * Feeds a run with a tar stream of others. Main thread.
 */
import { ZnipError } from '../errors.ts';
import { MAX_HEADERS_LENGTH, TAR_RECORD } from '../format/constants.ts';
import type { ByteStream } from '../stream/byte-stream.ts';
import type { StreamRun } from './stream-run.ts';

/** Tar streams of others are written in pieces of this much; longer members are put together from parts. */
const FOREIGN_CHUNK = 4 * 1024 * 1024;

/** The piece that headers are read from grows with them up to this: the record behind them may be needed, too. */
const MAX_PIECE = MAX_HEADERS_LENGTH + TAR_RECORD;

/** `stream` is the tar stream, `archive` what arrives: the same, or its compressed form. Throws `truncated`, `limit`. */
export async function unpackTar(run: StreamRun, stream: ByteStream, archive: ByteStream): Promise<void> {
  let rest: Uint8Array = new Uint8Array(0);
  let streamOffset = 0;
  let pieceLength = FOREIGN_CHUNK;
  for (let ended = false; !ended;) {
    const slot = await run.extraction.takeSlot(0, pieceLength);
    slot.chunk.set(rest);
    const room = slot.chunk.subarray(rest.byteLength, pieceLength);
    const read = await run.unlessFailed(stream.readInto(room));
    const length = rest.byteLength + read;
    const chunk = slot.chunk.subarray(0, length);
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, length);
    const taken = run.extraction.submitPlain(slot, chunk, () =>
      run.take(bytes, streamOffset, false, FOREIGN_CHUNK, archive.position),
    );
    ended = taken.ended;
    const isFull = taken.consumed === 0 && length === pieceLength;
    if (isFull && pieceLength === MAX_PIECE) {
      throw new ZnipError(
        'limit',
        `${stream.name}: the headers of a member at byte ${streamOffset} of the tar stream have more than ${MAX_HEADERS_LENGTH} bytes`,
        { offset: streamOffset },
      );
    }
    if (!ended && read < room.byteLength) {
      await run.unlessFailed(run.extraction.drain());
      // POSIX wants two zero records at the end; tar streams without them are common and complete.
      if (taken.consumed === length && run.members.unfinished === undefined) return;
      throw new ZnipError(
        'truncated',
        `${stream.name} ends at byte ${stream.position} of its tar stream, within a member`,
        {
          offset: stream.position,
        },
      );
    }
    rest = Uint8Array.from(chunk.subarray(taken.consumed));
    if (isFull) pieceLength = Math.min(2 * pieceLength, MAX_PIECE);
    else if (rest.byteLength < FOREIGN_CHUNK) pieceLength = FOREIGN_CHUNK;
    streamOffset += taken.consumed;
  }
  await run.unlessFailed(run.extraction.drain());
  // Whoever writes the stream may have padding left to write: take it, so that he sees no broken pipe.
  const sink = new Uint8Array(64 * 1024);
  while ((await stream.readInto(sink)) > 0);
}
