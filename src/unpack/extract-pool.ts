/**
 * The pool of threads that decode and write. Main thread.
 */
import { WorkerPool } from '../threads/worker-pool.ts';
import type * as script from './extract-worker.ts';

export type ExtractPool = WorkerPool<typeof script>;

export function startExtractPool(threads: number, signal: AbortSignal | undefined): Promise<ExtractPool> {
  return WorkerPool.start(new URL('./extract-worker.cjs', import.meta.url), threads, signal);
}
