/**
 * What a worker of a `WorkerPool` does around each of its tasks. Runs on a worker.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { workerData } from 'node:worker_threads';
import { type PlainError, toPlainError, ZnipError } from '../errors.ts';
import { isStopping, noteLoaded, type ThreadEnds } from './thread-ends.ts';

/** The result of a task. Piscina would clone an error and drop its code, so errors go back as plain values. */
export type Outcome<T> = { value: T } | { error: PlainError };

/** Called by the worker's script, once, when all its imports are loaded. */
export function workerIsLoaded(): void {
  noteLoaded(workerData as ThreadEnds);
}

/** A task that piscina can call. It does nothing if the run has ended. */
export function workerTask<Input, T>(
  work: (input: Input) => T | Promise<T>,
): (input: Input) => Promise<Outcome<T>> {
  return async (input) => {
    try {
      // Buffers from native code are freed in turns of the event loop. Piscina's wait for a task gives it no turn.
      await turn();
      if (isStopping(workerData as ThreadEnds)) throw new ZnipError('aborted', 'the run has ended');
      return { value: await work(input) };
    } catch (error) {
      return { error: toPlainError(error) };
    }
  };
}
