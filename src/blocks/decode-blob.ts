/**
 * Turns one blob into its verified chunk. Any thread. Implements docs/format.md, "Block".
 */
import type { Codec } from '../codec/codec.ts';
import { ZnipError } from '../errors.ts';
import type { Frame } from '../format/tables/frame-table.ts';
import { toText, type ByteString } from '../format/values/byte-string.ts';
import { equalBytes } from '../format/values/bytes.ts';

/** Checks the blob's hash, and then decompresses it into `chunk`, which has the chunk's length. */
export async function decodeBlob(
  stored: Uint8Array,
  chunk: Uint8Array,
  frame: Pick<Frame, 'blobOffset' | 'checksum'>,
  blob: number,
  codec: Codec,
): Promise<void> {
  const context = { blob, offset: frame.blobOffset };
  const where = `blob ${blob} at byte ${frame.blobOffset}`;
  if (!equalBytes(codec.hash(stored), frame.checksum)) {
    throw new ZnipError(
      'damaged-block',
      `${where} is damaged: it does not have the hash that the archive states`,
      context,
    );
  }
  try {
    await codec.decompress(stored, chunk);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ZnipError('damaged-block', `${where} is damaged: ${reason}`, context, error);
  }
}

export function damagedMember(path: ByteString): ZnipError {
  const member = toText(path);
  return new ZnipError(
    'damaged-member',
    `member '${member}' is damaged: its content does not have the hash that the archive states`,
    { member },
  );
}
