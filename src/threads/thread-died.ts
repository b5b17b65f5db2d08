/**
 * The error for a thread that ended before its work was done, or that could not be started.
 */
import { exhaustionOf, ZnipError } from '../errors.ts';

/** `which`: as in `a worker thread`. */
export function threadDied(which: string, cause?: unknown): ZnipError {
  if (cause instanceof ZnipError) return cause;
  const exhausted = exhaustionOf(cause);
  if (exhausted !== undefined) {
    return new ZnipError('thread-died', `${which} could not be started or go on: ${exhausted}`, {}, cause);
  }
  const reason = cause instanceof Error ? `: ${cause.message}` : '';
  return new ZnipError('thread-died', `${which} ended before its work was done${reason}`, {}, cause);
}
