/**
 * Lets long loops hear a signal: the event loop, which tells of one, has a turn now and then. Awaiting what is there
 * already gives it none.
 */
import { setImmediate } from 'node:timers/promises';

/** How long a loop goes on without a turn, in milliseconds, and how many looks at the clock: a turn takes microseconds. */
const MOST_MS = 10;
const MOST_LOOKS = 256;

export class Turns {
  private readonly signal: AbortSignal | undefined;
  private readonly every: number;
  private steps = 0;
  private last = performance.now();

  /** `every`: steps between two looks at the clock, more where a step is less than a microsecond. */
  constructor(signal: AbortSignal | undefined, every = 1) {
    this.signal = signal;
    this.every = every;
  }

  /** Counts a step. Whether it is time for `take`. */
  isDue(): boolean {
    this.steps += 1;
    if (this.steps % this.every !== 0) return false;
    return this.steps >= MOST_LOOKS * this.every || performance.now() - this.last >= MOST_MS;
  }

  /** Gives the event loop a turn. Throws the signal's reason when it has fired. */
  async take(): Promise<void> {
    await setImmediate();
    this.signal?.throwIfAborted();
    this.last = performance.now();
    this.steps = 0;
  }
}
