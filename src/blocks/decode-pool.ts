/**
 * The pool of threads that decode. Main thread.
 */
import { WorkerPool } from '../threads/worker-pool.ts';
import type * as script from './decode-worker.ts';

export type DecodePool = WorkerPool<typeof script>;

export function startDecodePool(threads: number, signal: AbortSignal | undefined): Promise<DecodePool> {
  return WorkerPool.start(new URL('./decode-worker.cjs', import.meta.url), threads, signal);
}
