/**
 * The error for a compressed stream that cannot be decoded, and the pieces of the stream that go to a decoder.
 */
import { ZnipError } from '../errors.ts';
import type { ByteStream } from './byte-stream.ts';

/** Bytes that a decoder gets at once. */
export const PIECE = 128 * 1024;

/** The next bytes of a stream; empty at its end. */
export async function nextPiece(stream: ByteStream, length = PIECE): Promise<Buffer> {
  const piece = Buffer.alloc(length);
  return piece.subarray(0, await stream.readInto(piece));
}

export function cutShort(stream: ByteStream, kind: string): ZnipError {
  return new ZnipError(
    'truncated',
    `${stream.name}: the ${kind} stream was cut short at byte ${stream.position}`,
  );
}

export function damagedStream(stream: ByteStream, kind: string, error: unknown): ZnipError {
  const isSaid =
    error instanceof ZnipError && (error.code !== 'damaged-block' || error.context.offset !== undefined);
  if (isSaid) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new ZnipError(
    'damaged-block',
    `${stream.name}: the ${kind} stream is damaged: ${reason}`,
    {},
    error,
  );
}
