/**
 * 64-bit integers between bytes and JavaScript numbers. This is the one place that decides what is exact.
 */
import { ZnipError, type ZnipErrorCode } from '../../errors.ts';

const MAX_SAFE = BigInt(Number.MAX_SAFE_INTEGER);

/** A 64-bit value as a number. Throws `code` if a double cannot hold it exactly (2^53 and above, negative). */
export function toSafeNumber(value: bigint, what: string, code: ZnipErrorCode = 'limit'): number {
  if (value < 0n || value > MAX_SAFE) {
    throw new ZnipError(code, `${what} is ${value}; expected a number from 0 to ${MAX_SAFE}`);
  }
  return Number(value);
}

/** No archive is so long that a 64-bit value becomes unsafe, so the structure that holds one is damaged. */
export function readUint64(view: DataView, offset: number, what: string, code: ZnipErrorCode): number {
  return toSafeNumber(view.getBigUint64(offset, true), what, code);
}

export function writeUint64(view: DataView, offset: number, value: number): void {
  view.setBigUint64(offset, BigInt(value), true);
}

/** Rounds up to the next multiple of `granule`. */
export function roundUp(value: number, granule: number): number {
  return Math.ceil(value / granule) * granule;
}
