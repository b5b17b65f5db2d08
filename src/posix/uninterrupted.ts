/**
 * System calls that a signal interrupts.
 */
import { errnoOf } from '../errors.ts';

/**
 * Repeats a system call as long as a signal interrupts it. Node.js does this for all calls except read(2) and close(2).
 */
export function uninterrupted<T>(call: () => T): T {
  for (;;) {
    try {
      return call();
    } catch (error) {
      if (errnoOf(error) !== 'EINTR') throw error;
    }
  }
}
