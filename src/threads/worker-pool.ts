/**
 * A pool of worker threads, and how its tasks fail. The threads run one script; each of its exports is a task made with
 * `workerTask`. Main thread.
 */
import type { Piscina } from 'piscina';
import { fromPlainError } from '../errors.ts';
import { Failure } from './failure.ts';
import { THREAD_LIMITS } from './memory.ts';
import { threadDied } from './thread-died.ts';
import { createThreadEnds, settleThreads, type ThreadEnds } from './thread-ends.ts';
import type { Outcome } from './worker-task.ts';

/** The exports of a worker's script, as in `typeof import('./worker.ts')`. */
type Tasks = Record<string, (task: never) => Promise<Outcome<unknown>>>;

type Input<Task extends Tasks[string]> = Parameters<Task>[0];
type Output<Task extends Tasks[string]> = Task extends (task: never) => Promise<Outcome<infer T>> ? T : never;

export class WorkerPool<Script extends Tasks> {
  private readonly pool: Piscina;
  /** Set when a thread has died or the caller's signal has fired: running work may then never end. */
  readonly failure = new Failure();
  private readonly running = new Set<Promise<unknown>>();
  private readonly threads: number;
  private readonly ends: ThreadEnds;
  private readonly detach: () => void;
  private stopped: Promise<void> | undefined;
  /** A worker has died, so not all of them will load. */
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

  /** Starts the workers of a script. They load while the caller continues, so start early. */
  static async start<Script extends Tasks>(
    script: URL,
    threads: number,
    signal: AbortSignal | undefined,
  ): Promise<WorkerPool<Script>> {
    signal?.throwIfAborted();
    const { Piscina: Pool } = await import('piscina');
    const workerData: ThreadEnds = createThreadEnds();
    const pool = new Pool({
      filename: script.href,
      minThreads: threads,
      maxThreads: threads,
      workerData,
      trackUnmanagedFds: false,
      resourceLimits: THREAD_LIMITS,
      // Nothing reads piscina's histograms of waiting times.
      recordTiming: false,
    });
    return new WorkerPool<Script>(pool, threads, workerData, signal);
  }

  /** Runs a task on a worker. Throws what the task threw, the reason that ended its thread, or the signal's reason. */
  async run<Name extends keyof Script & string>(
    name: Name,
    task: Input<Script[Name]>,
  ): Promise<Output<Script[Name]>> {
    const outcome = await this.failure.unless(this.begin(name, task));
    if ('error' in outcome) throw fromPlainError(outcome.error);
    return outcome.value as Output<Script[Name]>;
  }

  /**
   * Ends the workers, once. Waits for tasks that have begun, for a limited time, so that each file they have begun is
   * finished or removed. No other tasks begin.
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

  private async begin(name: string, task: unknown): Promise<Outcome<unknown>> {
    const running = this.pool.run(task, { name }) as Promise<Outcome<unknown>>;
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
