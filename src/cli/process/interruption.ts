/**
 * SIGINT, SIGTERM and SIGHUP: the work stops, temporary files are removed, and the status is 128+n. A signal that was
 * ignored when znip started stays ignored, because nohup(1) and a shell's `&` rely on that.
 */
import { constants } from 'node:os';
import { ZnipError } from '../../errors.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

type EndingSignal = (typeof SIGNALS)[number];

/** What an interrupted command throws. */
export class Interruption extends ZnipError {
  readonly signalNumber: number;

  constructor(signal: EndingSignal) {
    super('aborted', `ended by ${signal}`);
    this.signalNumber = constants.signals[signal];
  }
}

/** A signal for the library. It fires on the first SIGINT, SIGTERM or SIGHUP; the second one ends znip at once. */
export function interruption(): AbortSignal {
  const controller = new AbortController();
  for (const signal of SIGNALS) {
    if (isIgnored(signal)) continue;
    process.once(signal, () => {
      process.once(signal, () => process.exit(128 + constants.signals[signal]));
      controller.abort(new Interruption(signal));
    });
  }
  return controller.signal;
}

/**
 * Keeps ignoring the signals that were ignored when znip started. When Node.js starts, it resets every signal to its
 * default and no longer knows which were ignored, so `bin/znip.cjs` asks the kernel before that. This is called first
 * of all, because by default a signal ends the process.
 */
export function ignoreWhatWasIgnored(): void {
  for (const signal of SIGNALS) if (isIgnored(signal)) process.on(signal, () => {});
}

/** The signals in the mask from /proc/self/status (proc(5), SigIgn): bit n - 1 is signal n. Empty without /proc. */
function isIgnored(signal: EndingSignal): boolean {
  const mask = process.env['ZNIP_IGNORED_SIGNALS'] ?? '';
  if (!/^[0-9a-f]{1,32}$/.test(mask)) return false;
  return ((BigInt(`0x${mask}`) >> BigInt(constants.signals[signal] - 1)) & 1n) === 1n;
}
