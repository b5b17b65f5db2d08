/**
 * SIGINT, SIGTERM and SIGHUP: the work is stopped, temporary files go, and the status is 128+n. A signal that was
 * ignored when znip started stays ignored, as nohup(1) and a shell's `&` want it.
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

/** A signal for the library that fires on the first SIGINT, SIGTERM or SIGHUP; the second ends znip at once. */
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
 * Goes on ignoring what was ignored when znip started. Node.js gives every signal its default when it starts, and no
 * longer knows: `bin/znip.cjs` asks the kernel before that. Called first of all, because the default is to end.
 */
export function ignoreWhatWasIgnored(): void {
  for (const signal of SIGNALS) if (isIgnored(signal)) process.on(signal, () => {});
}

/** By the mask of /proc/self/status (proc(5), SigIgn): bit n - 1 is signal n. Empty where there is no /proc. */
function isIgnored(signal: EndingSignal): boolean {
  const mask = process.env['ZNIP_IGNORED_SIGNALS'] ?? '';
  if (!/^[0-9a-f]{1,32}$/.test(mask)) return false;
  return ((BigInt(`0x${mask}`) >> BigInt(constants.signals[signal] - 1)) & 1n) === 1n;
}
