/**
 * The pool of reading workers, and what its tasks come to when they fail. Main thread.
 */
import type { Piscina } from 'piscina';
import { fromPlainError } from '../errors.ts';
import { Failure } from '../ring/failure.ts';
import { THREAD_LIMITS } from '../ring/memory.ts';
import { threadDied } from '../ring/thread-died.ts';
import { createThreadEnds, settleThreads, type ThreadEnds } from '../ring/thread-ends.ts';
import type {
  DecodeTask,
  ExtractTask,
  InspectTask,
  ReadWorkerData,
  TaskResult,
  WriteTask,
} from './worker.ts';

interface Tasks {
  decode: DecodeTask;
  write: WriteTask;
  extract: ExtractTask;
  inspect: InspectTask;
}

export class ReadPool {
  private readonly pool: Piscina;
  /** A thread has died or the caller's signal has fired: nothing that runs can be relied on. */
  readonly failure = new Failure();
  private readonly running = new Set<Promise<unknown>>();
  private readonly threads: number;
  private readonly ends: ThreadEnds;
  private readonly detach: () => void;
  private stopped: Promise<void> | undefined;
  /** A worker has died: not all of them will load. */
  private broken = false;

  private constructor(pool: Piscina, threads: number, ends: ThreadEnds, signal: AbortSignal | undefined) {
    this.pool = pool;
    this.threads = threads;
    this.ends = ends;
    const onAbort = (): void => this.failure.fail(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
    this.detach = () => signal?.removeEventListener('abort', onAbort);
    pool.on('error', (error: unknown) => {
      this.broken = true;
      this.failure.fail(threadDied('a worker thread', error));
    });
  }

  /** Starts the workers. They load while the caller goes on: start early. */
  static async start(threads: number, signal: AbortSignal | undefined): Promise<ReadPool> {
    signal?.throwIfAborted();
    const { Piscina: Pool } = await import('piscina');
    const workerData: ReadWorkerData = createThreadEnds();
    const pool = new Pool({
      filename: new URL('./read-worker.cjs', import.meta.url).href,
      minThreads: threads,
      maxThreads: threads,
      workerData,
      trackUnmanagedFds: false,
      resourceLimits: THREAD_LIMITS,
      // Histograms of waiting times, which nobody reads.
      recordTiming: false,
    });
    return new ReadPool(pool, threads, workerData, signal);
  }

  /** Runs a task on a worker. Throws what the task threw, what ended its thread, or the signal's reason. */
  async run<Name extends keyof Tasks>(name: Name, task: Tasks[Name]): Promise<TaskResult> {
    const result = await this.failure.unless(this.start(name, task));
    if (result.error !== undefined) throw fromPlainError(result.error);
    return result;
  }

  /**
   * Ends the workers, once. Tasks that have begun are waited for, for a while, so that each file that they have
   * begun is finished or removed; others are not begun any more.
   */
  stop(): Promise<void> {
    this.stopped ??= this.end();
    return this.stopped;
  }

  private async end(): Promise<void> {
    this.detach();
    await settleThreads(this.ends, this.threads, this.running, () => this.broken);
    await this.pool.destroy();
  }

  private async start<Name extends keyof Tasks>(name: Name, task: Tasks[Name]): Promise<TaskResult> {
    const running = this.pool.run(task, { name }) as Promise<TaskResult>;
    this.running.add(running);
    try {
      return await running;
    } catch (error) {
      const died = threadDied('a worker thread', error);
      this.failure.fail(died);
      throw died;
    } finally {
      this.running.delete(running);
    }
  }
}
