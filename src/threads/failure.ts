/**
 * The failure of a run, for everything that waits in it. The first reason counts.
 *
 * This does not use `Promise.race` with a promise that lives as long as the run. A pending promise keeps everything
 * that waits for it, and a race keeps its result. So the result of every wait would stay in memory until the run ends.
 */
export class Failure {
  private cause: { reason: unknown } | undefined;
  private readonly waiting = new Set<(reason: unknown) => void>();

  /** Ends everything that waits, and everything that will wait later. Later reasons are ignored. */
  fail(reason: unknown): void {
    if (this.cause !== undefined) return;
    this.cause = { reason };
    for (const reject of this.waiting) reject(reason);
    this.waiting.clear();
  }

  /** Resolves or rejects as `work` does. If the run fails first, rejects with the reason of the run. */
  unless<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const settle = async (): Promise<void> => {
        try {
          resolve(await work);
        } catch (error) {
          reject(error);
        } finally {
          this.waiting.delete(reject);
        }
      };
      // This comes first, so that no rejection of work goes unhandled when nothing waits for it any more.
      void settle();
      this.onFail(reject);
    });
  }

  /** Calls `listener` with the reason when the run fails, or at once if it has failed already. */
  onFail(listener: (reason: unknown) => void): void {
    if (this.cause === undefined) this.waiting.add(listener);
    else listener(this.cause.reason);
  }
}

/** Resolves or rejects as `work` does, unless the signal fires first: then with its reason, and `work` is not waited for. */
export async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  const aborted = new Failure();
  const onAbort = (): void => aborted.fail(signal.reason);
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await aborted.unless(work);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
