/**
 * Parses option values that several commands share. Errors say what is expected.
 */
import { ZnipError } from '../../errors.ts';

export interface CommonOptions {
  verbose?: boolean;
  json?: boolean;
}

const SIZE_UNITS: Record<string, number> = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };

/** A size such as `512`, `64K`, `16M`, `1.5GiB`, with binary units as in tar and zstd. */
export function parseSize(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?$/i.exec(text.trim());
  const unit = SIZE_UNITS[match?.[2]?.toLowerCase() ?? ''];
  if (match === null || unit === undefined) {
    throw new ZnipError(
      'usage',
      `'${text}' is not a size: write bytes or a number with K, M, G or T, as in 16M`,
    );
  }
  return Math.round(Number(match[1]) * unit);
}

/** A whole number from `min` to `max`. */
export function parseWholeNumber(name: string, min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < min || value > max) {
      throw new ZnipError('usage', `${name} takes a whole number from ${min} to ${max}, not '${text}'`);
    }
    return value;
  };
}

/** A BLAKE3 hash: 64 hexadecimal digits. */
export function parseRootHash(text: string): string {
  const hash = text.trim();
  if (!/^[0-9a-f]{64}$/i.test(hash)) {
    throw new ZnipError('usage', `'${text}' is not a root hash: it has 64 hexadecimal digits`);
  }
  return hash.toLowerCase();
}

export function collect(text: string, before: string[] | undefined): string[] {
  return [...(before ?? []), text];
}
