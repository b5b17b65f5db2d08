/**
 * The pool of reading workers, and what its tasks come to when they fail. Main thread.
 */
import type { Piscina } from 'piscina';
import { fromPlainError, ZnipError } from '../errors.ts';
import type { DecodeTask, ExtractTask, TaskResult, WriteTask } from './worker.ts';

interface Tasks {
  decode: DecodeTask;
  write: WriteTask;
  extract: ExtractTask;
}

export class ReadPool {
  private readonly pool: Piscina;
  private readonly failure = new AbortController();
  private readonly detach: () => void;

  private constructor(pool: Piscina, signal: AbortSignal | undefined) {
    this.pool = pool;
    const onAbort = (): void => this.failure.abort(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
    this.detach = () => signal?.removeEventListener('abort', onAbort);
    pool.on('error', (error: unknown) => this.failure.abort(threadDied(error)));
  }

  /** Starts the workers. They load while the caller goes on: start early. */
  static async start(threads: number, signal: AbortSignal | undefined): Promise<ReadPool> {
    signal?.throwIfAborted();
    const { Piscina: Pool } = await import('piscina');
    const pool = new Pool({
      filename: new URL('./read-worker.js', import.meta.url).href,
      minThreads: threads,
      maxThreads: threads,
      trackUnmanagedFds: false,
      // Histograms of waiting times, which nobody reads.
      recordTiming: false,
    });
    return new ReadPool(pool, signal);
  }

  /** Runs a task on a worker. Throws what the task threw, what ended its thread, or the abort's reason. */
  async run<Name extends keyof Tasks>(name: Name, task: Tasks[Name]): Promise<TaskResult> {
    let result: TaskResult;
    try {
      result = (await this.pool.run(task, { name, signal: this.failure.signal })) as TaskResult;
    } catch (error) {
      throw this.failure.signal.aborted ? this.failure.signal.reason : threadDied(error);
    }
    if (result.error !== undefined) throw fromPlainError(result.error);
    return result;
  }

  async stop(): Promise<void> {
    this.detach();
    await this.pool.destroy();
  }
}

function threadDied(cause: unknown): ZnipError {
  if (cause instanceof ZnipError) return cause;
  const reason = cause instanceof Error ? `: ${cause.message}` : '';
  return new ZnipError('thread-died', `a worker thread ended before its work was done${reason}`, {}, cause);
}
