/**
 * What a fuzz target is, and what every one of them has to hold: only znip's own errors.
 */
import { ZnipError, type ZnipErrorCode } from '../../src/errors.ts';
import type { Random } from './random.ts';

export interface Target {
  name: string;
  /** How long it is tried before it is the next one's turn, in milliseconds. */
  sliceMs: number;
  /** CPU time that one input may take, in milliseconds: some hundred times what most take. Default: 2,000. */
  budgetMs?: number;
  /** Makes one input and tries it. Throws when a property does not hold. */
  run: (random: Random, scratch: string) => void | Promise<void>;
}

/** Codes that no input may cause: they stand for defects, or for a machine that fails. */
const NEVER: ReadonlySet<ZnipErrorCode> = new Set([
  'internal',
  'thread-died',
  'codec-unavailable',
  'aborted',
]);

/** What the call gives, or undefined when it is refused as it should be. */
export async function accepted<T>(call: () => T | Promise<T>): Promise<T | undefined> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof ZnipError && !NEVER.has(error.code) && error.message !== '') return undefined;
    throw error;
  }
}

export class PropertyError extends Error {}

export function holds(condition: boolean, what: string): asserts condition {
  if (!condition) throw new PropertyError(what);
}
