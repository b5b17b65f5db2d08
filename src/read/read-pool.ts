/**
 * The pool of reading workers, and what its tasks come to when they fail. Main thread.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Piscina } from 'piscina';
import { fromPlainError, ZnipError } from '../errors.ts';
import { deferred } from '../ring/deferred.ts';
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

/** How long tasks that have begun may take to end when the pool stops: most chunks take a tenth of that. */
const STOP_GRACE_MS = 2000;

/** A worker that dies while it loads wakes nobody. */
const LOAD_POLL_MS = 50;

export class ReadPool {
  private readonly pool: Piscina;
  private readonly failure = deferred<never>();
  private readonly running = new Set<Promise<unknown>>();
  private readonly threads: number;
  private readonly stopping: Int32Array;
  private readonly loaded: Int32Array;
  private readonly detach: () => void;
  private stopped: Promise<void> | undefined;
  /** A worker has died: not all of them will load. */
  private broken = false;

  private constructor(
    pool: Piscina,
    threads: number,
    { stopping, loaded }: ReadWorkerData,
    signal: AbortSignal | undefined,
  ) {
    this.pool = pool;
    this.threads = threads;
    this.stopping = stopping;
    this.loaded = loaded;
    this.failure.promise.catch(() => {});
    const onAbort = (): void => this.failure.reject(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
    this.detach = () => signal?.removeEventListener('abort', onAbort);
    pool.on('error', (error: unknown) => {
      this.broken = true;
      this.failure.reject(threadDied(error));
    });
  }

  /** Starts the workers. They load while the caller goes on: start early. */
  static async start(threads: number, signal: AbortSignal | undefined): Promise<ReadPool> {
    signal?.throwIfAborted();
    const { Piscina: Pool } = await import('piscina');
    const workerData: ReadWorkerData = {
      stopping: new Int32Array(new SharedArrayBuffer(4)),
      loaded: new Int32Array(new SharedArrayBuffer(4)),
    };
    const pool = new Pool({
      filename: new URL('./read-worker.js', import.meta.url).href,
      minThreads: threads,
      maxThreads: threads,
      workerData,
      trackUnmanagedFds: false,
      // Histograms of waiting times, which nobody reads.
      recordTiming: false,
    });
    return new ReadPool(pool, threads, workerData, signal);
  }

  /** Rejects when a thread has died or the caller's signal has fired: nothing that runs can be relied on. */
  get failed(): Promise<never> {
    return this.failure.promise;
  }

  /** Runs a task on a worker. Throws what the task threw, what ended its thread, or the signal's reason. */
  async run<Name extends keyof Tasks>(name: Name, task: Tasks[Name]): Promise<TaskResult> {
    const result = await Promise.race([this.start(name, task), this.failure.promise]);
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
    Atomics.store(this.stopping, 0, 1);
    if (this.running.size > 0) {
      const grace = new AbortController();
      const { signal } = grace;
      await Promise.race([
        Promise.allSettled(this.running),
        sleep(STOP_GRACE_MS, undefined, { signal }).catch(() => {}),
      ]);
      grace.abort();
    }
    await this.allLoaded();
    await this.pool.destroy();
  }

  /**
   * Waits, for a while, for workers that are still loading: ending a thread while it loads a module may end
   * the whole process (Node.js 20.20: "v8::Module::IsGraphAsync must be used on an instantiated module").
   */
  private async allLoaded(): Promise<void> {
    const deadline = performance.now() + STOP_GRACE_MS;
    for (;;) {
      const count = Atomics.load(this.loaded, 0);
      const left = deadline - performance.now();
      if (count >= this.threads || left <= 0 || this.broken) return;
      // Woken by a worker that has loaded its file, which counts itself before it notifies.
      await Atomics.waitAsync(this.loaded, 0, count, Math.min(left, LOAD_POLL_MS)).value;
    }
  }

  private async start<Name extends keyof Tasks>(name: Name, task: Tasks[Name]): Promise<TaskResult> {
    const running = this.pool.run(task, { name }) as Promise<TaskResult>;
    this.running.add(running);
    try {
      return await running;
    } catch (error) {
      const died = threadDied(error);
      this.failure.reject(died);
      throw died;
    } finally {
      this.running.delete(running);
    }
  }
}

function threadDied(cause: unknown): ZnipError {
  if (cause instanceof ZnipError) return cause;
  const reason = cause instanceof Error ? `: ${cause.message}` : '';
  return new ZnipError('thread-died', `a worker thread ended before its work was done${reason}`, {}, cause);
}
