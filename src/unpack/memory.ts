/**
 * How much memory unpacking takes.
 */
import { MiB } from '../format/values/constants.ts';
import { type MemoryPlan, planMemory } from '../threads/memory.ts';

const CODEC = 2 * MiB;

/** Bytes for the name and entry of each member of the index: all are checked before anything is written. */
const MEMBER = 300;

export interface ReadNeeds {
  /** Bytes of the longest chunk, and of the longest blob. */
  chunkLength: number;
  blobLength: number;
  /** Members that must be held in memory, as far as that is known. */
  members: number;
  spareSlots: number;
}

/** How many threads and slots unpacking gets. Throws `usage`; see `planMemory`. */
export function planReadMemory(
  memory: number | undefined,
  threads: number,
  { chunkLength, blobLength, members, spareSlots }: ReadNeeds,
): MemoryPlan {
  const count = members === 0 ? '' : `${members} members `;
  return planMemory(memory, threads, {
    codec: CODEC,
    held: members * MEMBER,
    slot: chunkLength + blobLength,
    spareSlots,
    what: `unpacking ${count}in chunks of ${Math.ceil(chunkLength / MiB)}M`,
  });
}
