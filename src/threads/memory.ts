/**
 * Shares out the memory that a run may take: how many workers and slots it gets, and what is left for what grows
 * with the number of members. The bytes of an archive depend on none of that.
 *
 * What things take are peaks of resident memory with Node.js 20, found with GNU time on trees of 100,000 and
 * 1,000,000 small files: most of it is the garbage that V8 leaves until it is worth collecting.
 */
import { ZnipError } from '../errors.ts';
import { MiB } from '../format/values/constants.ts';

/** The program with everything on the main thread, but for codec and slot. */
const ALONE = 140 * MiB;
/** What there is besides as soon as there are workers: their pool, a writer thread, messages. */
const POOL = 26 * MiB;
/** One worker, but for its codec. */
const WORKER = 30 * MiB;
/** What there is always for what grows with the number of members, unless the caller says how much memory. */
const LEAST_LEFT = 8 * MiB;

/**
 * Young garbage that V8 lets pile up in a thread. Its own 48 MB cost a run of two workers 80 MB more on a million
 * small files than 6 MB, which in turn cost 7 % of the CPU time of node_modules; 12 MB
 * cost no more than 24. V8 takes a third of it, rounded up to a power of two, for each half of the space.
 */
export const THREAD_LIMITS = { maxYoungGenerationSizeMb: 12 };

/** What a run needs, in bytes. */
export interface MemoryNeeds {
  /** The codec of one thread. */
  codec: number;
  /** What is held all the time. */
  held: number;
  /** A chunk on its way. */
  slot: number;
  /** Slots beyond one for each worker, where there is room for them. */
  spareSlots: number;
  /** What is done, for messages: `packing in chunks of 16M`. */
  what: string;
}

export interface MemoryPlan {
  /** Worker threads; 1 is the main thread alone. */
  threads: number;
  slots: number;
  /** Bytes left over. */
  left: number;
}

/** What threads and slots take. One thread has one slot, and no pool. */
function taken({ codec, held, slot }: MemoryNeeds, threads: number, slots: number): number {
  return ALONE + held + slots * slot + (threads === 1 ? codec : POOL + threads * (WORKER + codec));
}

/**
 * As many of `threads` workers, then of spare slots, as `memory` bytes have room for; all of them when that is
 * undefined. Throws `usage` when there is not even room for the main thread alone.
 */
export function planMemory(memory: number | undefined, threads: number, needs: MemoryNeeds): MemoryPlan {
  const all = threads === 1 ? 1 : threads + needs.spareSlots;
  if (memory === undefined) {
    return { threads, slots: all, left: LEAST_LEFT };
  }
  for (let workers = threads; workers >= 1; workers--) {
    const spares = workers === 1 ? 0 : needs.spareSlots;
    for (let slots = workers + spares; slots >= workers; slots--) {
      const left = memory - taken(needs, workers, slots);
      if (left >= 0) return { threads: workers, slots, left };
    }
  }
  const least = Math.ceil(taken(needs, 1, 1) / MiB);
  throw new ZnipError(
    'usage',
    `\`memory\` ${Math.floor(memory / MiB)}M is too little: ${needs.what} takes ${least}M at least`,
  );
}
