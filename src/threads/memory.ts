/**
 * Divides the memory that a run may take: how many workers and slots there are, and how much is left for what grows
 * with the number of members. The bytes of an archive do not depend on it.
 *
 * The sizes are peaks of resident memory with Node.js 20, measured with GNU time on trees of 100,000 and 1,000,000
 * small files. Most of it is garbage that V8 leaves until it is worth collecting.
 */
import { ZnipError } from '../errors.ts';
import { MiB } from '../format/values/constants.ts';

/** The program with everything on the main thread, without codec and slot. */
const ALONE = 140 * MiB;
/** What is added as soon as there are workers: their pool, a writer thread, messages. */
const POOL = 26 * MiB;
/** One worker, without its codec. */
const WORKER = 30 * MiB;
/**
 * What is always left for what grows with the number of members, if the caller does not say how much memory there is.
 */
const LEAST_LEFT = 8 * MiB;

/**
 * Young garbage that V8 lets grow in a thread. V8's default of 48 MB costs a run of two workers 80 MB more than 6 MB,
 * on a million small files. But 6 MB cost 7 % of the CPU time of node_modules, and 12 MB cost no more than 24. V8 takes
 * a third of the value, rounded up to a power of two, for each half of the space.
 */
export const THREAD_LIMITS = { maxYoungGenerationSizeMb: 12 };

/** What a run needs, in bytes. */
export interface MemoryNeeds {
  /** The codec of one thread. */
  codec: number;
  /** Memory that is held all the time. */
  held: number;
  /** A chunk on its way. */
  slot: number;
  /** Slots beyond one for each worker, if there is room for them. */
  spareSlots: number;
  /** What the run does, for messages: `packing in chunks of 16M`. */
  what: string;
}

export interface MemoryPlan {
  /** Worker threads; 1 means the main thread alone. */
  threads: number;
  slots: number;
  /** Bytes that are left. */
  left: number;
}

/** What threads and slots take. One thread has one slot and no pool. */
function taken({ codec, held, slot }: MemoryNeeds, threads: number, slots: number): number {
  return ALONE + held + slots * slot + (threads === 1 ? codec : POOL + threads * (WORKER + codec));
}

/**
 * As many of `threads` workers, and then of spare slots, as fit into `memory` bytes; all of them if `memory` is
 * undefined. Throws `usage` if not even the main thread alone fits.
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
