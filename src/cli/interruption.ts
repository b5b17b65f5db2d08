/**
 * SIGINT, SIGTERM and SIGHUP: the work is stopped, temporary files go, and the status is 128+n.
 */
import { constants } from 'node:os';
import { ZnipError } from '../errors.ts';

/** What an interrupted command throws. */
export class Interruption extends ZnipError {
  readonly signalNumber: number;

  constructor(signal: 'SIGINT' | 'SIGTERM' | 'SIGHUP') {
    super('aborted', `ended by ${signal}`);
    this.signalNumber = constants.signals[signal];
  }
}

/** A signal for the library that fires on the first SIGINT, SIGTERM or SIGHUP; the second ends znip at once. */
export function interruption(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      process.once(signal, () => process.exit(128 + constants.signals[signal]));
      controller.abort(new Interruption(signal));
    });
  }
  return controller.signal;
}
