/**
 * What became of a call: its value, or the code of the ZnipError that it threw. Any other exception is
 * thrown on, so that a test which meets one fails.
 */
import { ZnipError, type ZnipErrorCode } from '../../src/errors.ts';

export type Outcome<T> = { value: T } | { code: ZnipErrorCode; message: string };

export function outcomeOf<T>(call: () => T): Outcome<T> {
  try {
    return { value: call() };
  } catch (error) {
    if (error instanceof ZnipError) return { code: error.code, message: error.message };
    throw error;
  }
}

/** The code that a call is refused with; 'accepted' when it is not. */
export function codeOf(call: () => unknown): ZnipErrorCode | 'accepted' {
  const outcome = outcomeOf(call);
  return 'code' in outcome ? outcome.code : 'accepted';
}

/** The same of a call that may be asynchronous. */
export async function codeOfAsync(call: () => unknown): Promise<ZnipErrorCode | 'accepted'> {
  try {
    await call();
    return 'accepted';
  } catch (error) {
    if (error instanceof ZnipError) return error.code;
    throw error;
  }
}
