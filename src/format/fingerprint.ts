/**
 * The fingerprint of a chunk: a hash that is the same for the same bytes, and is cheap to make while packing and without
 * the contents, because each content is represented by its own hash. Implements docs/format.md, "Fingerprints".
 */
import { CHECKSUM_LENGTH } from './values/constants.ts';

/** Bytes before the rows, and of a row: chunk byte and length of a content, and its BLAKE3. */
const HEAD_LENGTH = 8;
const ROW_LENGTH = 8 + CHECKSUM_LENGTH;

/** What is hashed before the bytes of a chunk: where its contents are, and their hashes. */
export class FingerprintHead {
  private readonly bytes: Buffer;
  private count = 0;

  /** `most`: so many contents may be added. */
  constructor(most: number) {
    this.bytes = Buffer.allocUnsafe(HEAD_LENGTH + most * ROW_LENGTH);
  }

  /** A whole content in the chunk, behind those before; one without bytes adds nothing. `checksum` is row `row` of `checksums`. */
  add(offset: number, length: number, checksums: Uint8Array, row: number): void {
    if (length === 0) return;
    const at = HEAD_LENGTH + this.count * ROW_LENGTH;
    this.count += 1;
    this.bytes.writeUInt32LE(offset, at);
    this.bytes.writeUInt32LE(length, at + 4);
    const from = row * CHECKSUM_LENGTH;
    for (let k = 0; k < CHECKSUM_LENGTH; k++) this.bytes[at + 8 + k] = checksums[from + k] ?? 0;
  }

  finish(chunkLength: number): Uint8Array {
    this.bytes.writeUInt32LE(this.count, 0);
    this.bytes.writeUInt32LE(chunkLength, 4);
    return this.bytes.subarray(0, HEAD_LENGTH + this.count * ROW_LENGTH);
  }
}

/** Hashes the head, and then the bytes of the chunk that are not in its contents. */
export function hashOutsideContents(
  chunk: Uint8Array,
  head: Uint8Array,
  hasher: { update(bytes: Uint8Array): void; digest(): Uint8Array },
): Uint8Array {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  hasher.update(head);
  let end = 0;
  for (let at = HEAD_LENGTH; at < head.byteLength; at += ROW_LENGTH) {
    const start = view.getUint32(at, true);
    hasher.update(chunk.subarray(end, start));
    end = start + view.getUint32(at + 4, true);
  }
  hasher.update(chunk.subarray(end));
  return hasher.digest();
}
