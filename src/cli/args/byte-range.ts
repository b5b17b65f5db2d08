/**
 * Ranges of bytes as HTTP writes them (RFC 9110 §14.1.2): `0-99`, `100-`, `-100`. Both ends count.
 */
import type { ByteRange } from '../../archive/member-reader.ts';
import { ZnipError } from '../../errors.ts';

/** Turns a range into one for a content of `size` bytes. */
export type RangeOf = (size: number) => ByteRange;

/** Throws `usage` if the text is not such a range. */
export function parseRange(text: string): RangeOf {
  const match = /^(\d{0,15})-(\d{0,15})$/.exec(text.trim());
  const [, first = '', last = ''] = match ?? [];
  if (match === null || (first === '' && last === '')) {
    throw new ZnipError(
      'usage',
      `'${text}' is not a range: write the first and the last byte as in 0-99, or 100- or -100`,
    );
  }
  if (first === '') return (size) => ({ start: Math.max(0, size - Number(last)) });
  const start = Number(first);
  if (last === '') return () => ({ start });
  const end = Number(last) + 1;
  if (end <= start) throw new ZnipError('usage', `the range '${text}' ends before it starts`);
  return () => ({ start, end });
}
