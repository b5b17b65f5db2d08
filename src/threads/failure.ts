/**
 * What ends a run for everyone who waits in it: the first reason that is given counts.
 *
 * `Promise.race` with a promise that lives as long as the run would keep the result of every wait until the
 * run ends, because a pending promise keeps whoever waits for it, and a race keeps what came of it.
 */
export class Failure {
  private cause: { reason: unknown } | undefined;
  private readonly waiting = new Set<(reason: unknown) => void>();

  /** Ends what waits, and whatever is going to wait. Later reasons are no news. */
  fail(reason: unknown): void {
    if (this.cause !== undefined) return;
    this.cause = { reason };
    for (const reject of this.waiting) reject(reason);
    this.waiting.clear();
  }

  /** Resolves or rejects as `work` does, unless the run fails first: then with the reason of that. */
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
      // First of all, so that a failure of work that nobody waits for any more is not unhandled.
      void settle();
      this.onFail(reject);
    });
  }

  /** Calls `listener` with the reason when the run fails, or at once when it has. */
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
