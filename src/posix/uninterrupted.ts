/**
 * System calls that a signal interrupts.
 */
import { errnoOf } from '../errors.ts';

/** Makes a system call again as long as a signal interrupts it: Node.js does so for all but read(2) and close(2). */
export function uninterrupted<T>(call: () => T): T {
  for (;;) {
    try {
      return call();
    } catch (error) {
      if (errnoOf(error) !== 'EINTR') throw error;
    }
  }
}
