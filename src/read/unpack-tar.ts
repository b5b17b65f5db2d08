/**
 * Feeds a run with a tar stream of others. Main thread.
 */
import { ZnipError } from '../errors.ts';
import type { ByteStream } from '../stream/byte-stream.ts';
import type { StreamRun } from './stream-run.ts';

/** Tar streams of others are written in pieces of this much; longer members are put together from parts. */
const FOREIGN_CHUNK = 4 * 1024 * 1024;

/** `stream` is the tar stream, `archive` what arrives: the same, or its compressed form. Throws `truncated`, `limit`. */
export async function unpackTar(run: StreamRun, stream: ByteStream, archive: ByteStream): Promise<void> {
  let rest: Uint8Array = new Uint8Array(0);
  let streamOffset = 0;
  for (let ended = false; !ended;) {
    const slot = await run.extraction.takeSlot(0, FOREIGN_CHUNK);
    slot.chunk.set(rest);
    const room = slot.chunk.subarray(rest.byteLength, FOREIGN_CHUNK);
    const read = await run.unlessFailed(stream.readInto(room));
    const length = rest.byteLength + read;
    const chunk = slot.chunk.subarray(0, length);
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, length);
    const taken = run.extraction.submitPlain(slot, chunk, () =>
      run.take(bytes, streamOffset, false, FOREIGN_CHUNK, archive.position),
    );
    ended = taken.ended;
    if (taken.consumed === 0 && length === FOREIGN_CHUNK) {
      throw new ZnipError(
        'limit',
        `${stream.name}: the headers of a member at byte ${streamOffset} of the tar stream have more than ${FOREIGN_CHUNK} bytes`,
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
    streamOffset += taken.consumed;
  }
  await run.unlessFailed(run.extraction.drain());
  // Whoever writes the stream may have padding left to write: take it, so that he sees no broken pipe.
  const sink = new Uint8Array(64 * 1024);
  while ((await stream.readInto(sink)) > 0);
}
