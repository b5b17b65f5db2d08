/**
 * Exit statuses: the one place that decides them.
 */
import { ZnipError, type ZnipErrorCode } from '../../errors.ts';

export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  /** Done, but something was left out or is in doubt: inputs, members, or patterns that match nothing. */
  incomplete: 3,
  /** The archive is damaged, hostile or of an unknown version. */
  badArchive: 4,
  /** There is no archive with the name that a base has. */
  noArchive: 5,
} as const;

/** For the help of every command. */
export const EXIT_STATUS_HELP = `Exit status:
  0  done
  1  failed
  2  usage error
  3  done, but something was left out or is in doubt, or nothing matched
  4  the archive is damaged, hostile or of an unknown version
  5  pack: there is no archive with the name of --base
  128+n  ended by signal n`;

/** The rule behind them. The document states it in full. */
export const SILENCE_HELP = 'Silence means success: docs/exit-status.md.';

const STATUS: Partial<Record<ZnipErrorCode, number>> = {
  usage: EXIT.usage,
  'no-match': EXIT.incomplete,
  'no-archive': EXIT.noArchive,
  'not-an-archive': EXIT.badArchive,
  'root-mismatch': EXIT.badArchive,
  'unsupported-version': EXIT.badArchive,
  truncated: EXIT.badArchive,
  'damaged-footer': EXIT.badArchive,
  'damaged-manifest': EXIT.badArchive,
  'damaged-sub-index': EXIT.badArchive,
  'damaged-frame-table': EXIT.badArchive,
  'damaged-block': EXIT.badArchive,
  'damaged-member': EXIT.badArchive,
  inconsistent: EXIT.badArchive,
  'unsafe-path': EXIT.badArchive,
  'unsafe-link': EXIT.badArchive,
  limit: EXIT.badArchive,
};

export function exitStatusOf(error: unknown): number {
  return error instanceof ZnipError ? (STATUS[error.code] ?? EXIT.failed) : EXIT.failed;
}

/** The status of a run that comes to its end: done, or the worst thing that did not go as the user asked. */
export class Outcome {
  private worst: number = EXIT.done;

  get status(): number {
    return this.worst;
  }

  atLeast(status: number): void {
    this.worst = Math.max(this.worst, status);
  }
}
