/**
 * What it means for the tree that a stream failed: said behind what is wrong with the stream.
 */
import { ZnipError } from '../errors.ts';
import { toText, type ByteString } from '../format/values/byte-string.ts';
import { isDamage } from '../rules/lost.ts';

/** What has arrived when a stream fails. */
export interface Arrival {
  /** Every block has arrived: only the index may be missing. */
  allBlocks: boolean;
  members: number;
  /** Members that have arrived whole. */
  whole: number;
  /** The file that the stream was in the middle of. */
  unfinished: ByteString | undefined;
}

/** Of a stream that znip did not make: there is no index, and maybe no hash. */
export function explainForeign(failure: unknown, { whole, unfinished }: Arrival): unknown {
  if (!isDamage(failure)) return failure;
  const { code, message, context } = failure;
  const arrived =
    code === 'truncated'
      ? `the ${whole} members that arrived whole are unpacked`
      : `${whole} members that came before it are unpacked, and what is of the damaged part may be wrong`;
  const partial =
    unfinished === undefined ? '' : `; '${toText(unfinished)}' had not arrived whole and is left out`;
  const why = `${message}; ${arrived}${partial}; there is no index that tells what is missing`;
  return new ZnipError(code, why, context, failure);
}

/** Of an archive. */
export function explain(failure: unknown, { allBlocks, members, whole, unfinished }: Arrival): unknown {
  if (!(failure instanceof ZnipError) || failure.code !== 'truncated') return failure;
  const { message, context } = failure;
  const partial =
    unfinished === undefined ? '' : ` '${toText(unfinished)}' had not arrived whole and is left out;`;
  const meaning = allBlocks
    ? `all ${members} members are unpacked, but the index cannot confirm them`
    : `the ${whole} members that arrived whole are unpacked;${partial} what else is missing is not known, because the index did not arrive`;
  return new ZnipError('truncated', `${message}; ${meaning}`, context, failure);
}
