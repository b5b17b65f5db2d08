/**
 * Compares what a block header says about its chunk with the tar stream in it, because a reader that starts there has
 * only the header. Implements docs/format.md, "Block header" and "From a stream", steps 4 and 5.
 */
import { ZnipError } from '../errors.ts';
import type { BlockHeader, Continuation } from '../format/block-header.ts';
import { toText } from '../format/values/byte-string.ts';

/** What was found in the tar stream of one chunk. */
export interface ChunkFacts {
  /** The member that the chunk before left unfinished. */
  continued: Continuation | undefined;
  /** Chunk byte at which the first tar header starts. */
  firstHeader: number | undefined;
  /** Bytes that belong to members or to the end of the tar stream. */
  consumed: number;
  /** The end of the tar stream is in the chunk. */
  ended: boolean;
}

/** Throws `inconsistent` if a block's header does not describe its chunk. `offset` is that of the blob. */
export function checkBlock(
  header: BlockHeader,
  chunk: Uint8Array,
  facts: ChunkFacts,
  blob: number,
  offset: number,
): void {
  const fault = faultOf(header, chunk, facts);
  if (fault === undefined) return;
  throw new ZnipError('inconsistent', `block ${blob}, whose blob is at byte ${offset}, ${fault}`, {
    blob,
    offset,
  });
}

function faultOf(header: BlockHeader, chunk: Uint8Array, facts: ChunkFacts): string | undefined {
  const { continued, firstHeader } = facts;
  if (facts.consumed !== chunk.byteLength || facts.ended !== header.last) {
    return 'does not end where its members end';
  }
  if (header.last && chunk.some((byte) => byte !== 0)) return 'is the last but holds more than zeros';
  if (header.firstHeaderOffset !== firstHeader) {
    return `says that its first tar header is at ${header.firstHeaderOffset ?? 'none'}, found ${firstHeader ?? 'none'}`;
  }
  const stated = header.continuation;
  if (stated?.path !== continued?.path) {
    return `says that it goes on with ${nameOf(stated)}, found ${nameOf(continued)}`;
  }
  if (stated?.memberOffset !== continued?.memberOffset || stated?.memberSize !== continued?.memberSize) {
    return `goes on with ${nameOf(stated)} at ${stated?.memberOffset} of ${stated?.memberSize} bytes, found ${continued?.memberOffset} of ${continued?.memberSize}`;
  }
  return undefined;
}

function nameOf(continuation: Continuation | undefined): string {
  return continuation === undefined ? 'no member' : `member '${toText(continuation.path)}'`;
}
