/**
 * How much memory packing takes, by its settings.
 */
import { MiB } from '../format/values/constants.ts';
import { type MemoryPlan, planMemory } from '../threads/memory.ts';
import { slotLength } from '../threads/ring.ts';

/** Slots beyond one for each worker: the writer empties one, and the next plan waits in the other. */
const SPARE_SLOTS = 2;

/** zstd's tables for compression, by level. The first row whose level is at least the given one applies. */
const CONTEXTS: readonly (readonly [upTo: number, length: number])[] = [
  [4, 4 * MiB],
  [9, 16 * MiB],
  [12, 48 * MiB],
  [19, 96 * MiB],
];

/** Its tables are at most this many times as long as the chunk. */
const MAX_CONTEXT_RATIO = 8;

function contextLength(level: number, chunkSize: number): number {
  const [, length] = CONTEXTS.find(([upTo]) => level <= upTo) ?? [0, 0];
  return Math.min(length, MAX_CONTEXT_RATIO * chunkSize);
}

/** How many threads and slots packing gets, and how much is left for the index. Throws `usage`; see `planMemory`. */
export function planPackMemory(
  memory: number | undefined,
  threads: number,
  { chunkSize, level }: { chunkSize: number; level: number },
): MemoryPlan {
  const size = chunkSize < MiB ? `${chunkSize / 1024}K` : `${Math.round(chunkSize / MiB)}M`;
  return planMemory(memory, threads, {
    codec: contextLength(level, chunkSize),
    held: 0,
    slot: slotLength(chunkSize),
    spareSlots: SPARE_SLOTS,
    what: `packing in chunks of ${size} at level ${level}`,
  });
}
