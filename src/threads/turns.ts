/**
 * Lets long loops notice a signal. A signal is reported by the event loop, so these loops give it a turn now and then.
 * Awaiting a value that is already there gives it no turn.
 */
import { setImmediate } from 'node:timers/promises';
import { milliseconds } from './clock.ts';

/**
 * The longest that a loop runs without a turn, in milliseconds and in looks at the clock. A turn takes microseconds.
 */
const MOST_MS = 10;
const MOST_LOOKS = 256;

export class Turns {
  private readonly signal: AbortSignal | undefined;
  private readonly every: number;
  private steps = 0;
  private last = milliseconds();

  /** `every`: steps between two looks at the clock; larger if a step takes less than a microsecond. */
  constructor(signal: AbortSignal | undefined, every = 1) {
    this.signal = signal;
    this.every = every;
  }

  /** Counts a step. Returns whether it is time for `take`. */
  isDue(): boolean {
    this.steps += 1;
    if (this.steps % this.every !== 0) return false;
    return this.steps >= MOST_LOOKS * this.every || milliseconds() - this.last >= MOST_MS;
  }

  /** Gives the event loop a turn. Throws the signal's reason if it has fired. */
  async take(): Promise<void> {
    await setImmediate();
    this.signal?.throwIfAborted();
    this.last = milliseconds();
    this.steps = 0;
  }
}
