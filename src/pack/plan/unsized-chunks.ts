/**
 * Cuts a content that arrives into chunks before its size is known. Main thread.
 *
 * Its header is a chunk of its own, which the writer writes again at the end. The content follows in whole chunks.
 * Implements docs/format.md, "Chunks".
 */
import { encodeReservedHeader, paddedLength, reservedHeaderLength } from '../../format/tar/tar-header.ts';
import { TAR_END_LENGTH } from '../../format/values/constants.ts';
import type { Member } from '../../format/values/entry.ts';
import type { ByteStream } from '../../io/byte-stream.ts';
import { type FilledChunkPlan, type MemberPart, UNKNOWN_SIZE, type AcquireSlot } from './chunk-plan.ts';
import { MemberColumnsBuilder } from './member-columns-builder.ts';
import { type GroupOptions, GroupNumbers } from './plan.ts';

export interface UnsizedOptions {
  chunkSize: number;
  groups: GroupOptions;
  /** Called when the content has ended, with its size. */
  onEnd: (size: number) => void;
}

/** Yields the chunks of a tar stream with this one member, whose content is everything in `stream`. */
export async function* chunkUnsized(
  stream: ByteStream,
  member: Member,
  acquire: AcquireSlot,
  { chunkSize, groups, onEnd }: UnsizedOptions,
): AsyncGenerator<FilledChunkPlan, void> {
  const { path } = member;
  const nothing = new MemberColumnsBuilder().finish();
  const plan = (sequence: number, continuation: MemberPart | null, chunkLength: number): FilledChunkPlan => ({
    sequence,
    last: false,
    continuation,
    members: nothing,
    overflow: null,
    newGroups: [],
    filled: {
      chunkLength,
      firstHeaderOffset: undefined,
      continuationLength: continuation === null ? 0 : chunkLength,
      dataOffsets: new Uint32Array(0),
      stored: false,
    },
  });

  const columns = new MemberColumnsBuilder();
  const numbers = new GroupNumbers(groups);
  const unsized = { ...member, size: UNKNOWN_SIZE };
  columns.append(
    { ...unsized, prefix: '', sourceMtime: null, follow: false, linked: false },
    numbers.numberOf(member),
  );
  const headerLength = reservedHeaderLength(member);
  encodeReservedHeader((await acquire(0)).input, 0, member);
  const header = plan(0, null, headerLength);
  yield {
    ...header,
    members: columns.finish(),
    overflow: { path, fileOffset: 0, length: 0, size: UNKNOWN_SIZE, indexed: true },
    newGroups: numbers.takeAnnounced(),
    filled: {
      ...header.filled,
      firstHeaderOffset: 0,
      dataOffsets: Uint32Array.of(headerLength),
      stored: true,
    },
  };

  let sequence = 1;
  let done = 0;
  for (let ended = false; !ended; sequence++) {
    const { input } = await acquire(sequence);
    const length = await stream.readInto(input.subarray(0, chunkSize));
    ended = length < chunkSize || (await stream.readAhead(1)) === 0;
    const padded = paddedLength(length);
    input.fill(0, length, padded);
    const size = ended ? done + length : UNKNOWN_SIZE;
    const continuation = { path, fileOffset: done, length, size, indexed: true };
    done += length;
    if (ended) onEnd(done);
    yield plan(sequence, continuation, padded);
  }
  const { input } = await acquire(sequence);
  input.fill(0, 0, TAR_END_LENGTH);
  yield { ...plan(sequence, null, TAR_END_LENGTH), last: true };
}
