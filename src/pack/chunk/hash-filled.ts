/**
 * Hashes the contents in a chunk that the main thread has filled. Runs on a worker, or on the main thread if there are
 * none.
 */
import type { Codec } from '../../codec/codec.ts';
import { CHECKSUM_LENGTH } from '../../format/values/constants.ts';
import { KIND } from '../../format/values/entry.ts';
import type { Slot } from '../../threads/ring.ts';
import type { FilledChunkPlan } from '../plan/chunk-plan.ts';
import { AttributeNotes } from '../walk/attribute-notes.ts';
import { writeMemberResult } from './chunk-record.ts';
import type { Filled } from './fill.ts';

export function hashFilled(plan: FilledChunkPlan, slot: Slot, codec: Codec): Filled {
  const { members, overflow, filled, known } = plan;
  // A content that continues in the next chunk is hashed by the writer, which sees all its parts in order.
  const unfinished = overflow === null ? -1 : members.count - 1;
  for (let row = 0; row < members.count; row++) {
    const dataOffset = filled.dataOffsets[row] ?? 0;
    const size = members.sizes[row] ?? 0;
    if (known !== undefined) {
      const checksum = known.checksums.subarray(row * CHECKSUM_LENGTH, (row + 1) * CHECKSUM_LENGTH);
      writeMemberResult(slot.members, row, { changed: known.changed[row] === 1, dataOffset, size, checksum });
      continue;
    }
    const whole = members.kinds[row] === KIND.file && row !== unfinished;
    const checksum = whole ? codec.hash(slot.input.subarray(dataOffset, dataOffset + size)) : undefined;
    writeMemberResult(slot.members, row, { changed: false, dataOffset, size, checksum });
  }
  return { ...filled, continuationChanged: false, warnings: [], attributes: new AttributeNotes() };
}
