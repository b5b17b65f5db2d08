/**
 * 64-bit integers between bytes and JavaScript numbers: the one place that decides what is exact.
 */
import { ZnipError } from '../errors.ts';

const MAX_SAFE = BigInt(Number.MAX_SAFE_INTEGER);

/** A 64-bit value as a number. Throws where a double cannot hold it exactly (2^53 and above, negative). */
export function toSafeNumber(value: bigint, what: string): number {
  if (value < 0n || value > MAX_SAFE) {
    throw new ZnipError('limit', `${what} is ${value}; expected a number from 0 to ${MAX_SAFE}`);
  }
  return Number(value);
}

export function readUint64(view: DataView, offset: number, what: string): number {
  return toSafeNumber(view.getBigUint64(offset, true), what);
}

export function writeUint64(view: DataView, offset: number, value: number): void {
  view.setBigUint64(offset, BigInt(value), true);
}

/** Rounds up to the next multiple of `granule`. */
export function roundUp(value: number, granule: number): number {
  return Math.ceil(value / granule) * granule;
}
