/** How many worker threads a run gets. */
import { availableParallelism } from 'node:os';
import { ZnipError } from '../errors.ts';

const MAX_THREADS = 256;

/** Checks a thread count, 1 to 256; undefined means one for each core. Throws `usage`. */
export function resolveThreads(threads: number | undefined): number {
  if (threads === undefined) return Math.min(MAX_THREADS, availableParallelism());
  if (!Number.isInteger(threads) || threads < 1 || threads > MAX_THREADS) {
    throw new ZnipError(
      'usage',
      `thread count ${threads} is out of range: it must be from 1 to ${MAX_THREADS}`,
    );
  }
  return threads;
}

/** For less content than this, starting threads takes longer than the work. */
export const INLINE_BYTES = 8 * 1024 * 1024;
