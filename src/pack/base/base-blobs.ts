/**
 * The blobs of an older archive, the base, by the fingerprints of their chunks: a chunk that the base also has is not
 * compressed again. On workers, or on the main thread if there are none.
 */
import type { Codec } from '../../codec/codec.ts';
import { ZnipError } from '../../errors.ts';
import { equalBytes } from '../../format/values/bytes.ts';
import { CHECKSUM_LENGTH } from '../../format/values/constants.ts';
import { checkFrame, rawFrameLength } from '../../format/zstd/zstd-frame.ts';
import { readFully } from '../../io/source.ts';
import type { Slot } from '../../threads/ring.ts';
import type { StoredBlob } from '../plan/chunk-plan.ts';

/** Where the blobs are. Row i of every column is blob i. Plain values, which threads get as they are. */
export interface BaseBlobs {
  /** Open for reading. */
  fd: number;
  /** Of each chunk, one after the other. */
  fingerprints: Uint8Array;
  offsets: Float64Array;
  lengths: Float64Array;
  /** BLAKE3 of each blob, one after the other. */
  checksums: Uint8Array;
  /** 1: a frame of raw blocks. */
  stored: Uint8Array;
}

/** A blob that is in the slot's output, or, if `length` is 0, is the stored form of the slot's input. */
export interface TakenBlob {
  length: number;
  checksum: Uint8Array;
}

export class BaseReader {
  /** Blobs that were wanted but do not have their hash. */
  damaged = 0;
  private readonly blobs: BaseBlobs;
  private readonly codec: Codec;
  private readonly rows = new Map<string, number>();

  constructor(blobs: BaseBlobs, codec: Codec) {
    this.blobs = blobs;
    this.codec = codec;
    const { fingerprints, offsets } = blobs;
    offsets.forEach((_, row) => this.rows.set(keyAt(fingerprints, row), row));
  }

  /**
   * Takes over the blob of a chunk of `chunkLength` bytes; undefined if the base has none that is whole. If it is a stored
   * one, the slot's input holds the chunk afterwards, whatever was there.
   */
  async take(fingerprint: Uint8Array, chunkLength: number, slot: Slot): Promise<TakenBlob | undefined> {
    const row = this.rows.get(keyAt(fingerprint, 0));
    if (row === undefined) return undefined;
    const { fd, offsets, lengths, checksums, stored } = this.blobs;
    const blob: StoredBlob = {
      fd,
      offset: offsets[row] ?? 0,
      length: lengths[row] ?? 0,
      checksum: checksums.subarray(row * CHECKSUM_LENGTH, (row + 1) * CHECKSUM_LENGTH),
      stored: stored[row] === 1,
    };
    try {
      return await takeBlob(blob, 'the base', chunkLength, slot, this.codec);
    } catch (error) {
      // The file may also have become shorter, or cannot be read any more.
      if (!(error instanceof ZnipError)) throw error;
      this.damaged += 1;
      return undefined;
    }
  }
}

/**
 * Reads a blob of another archive into the slot, and checks its hash and its frame: somebody else may have made it, and it may
 * hold what no archive may. undefined if the slot has no room for it. Throws `damaged-block` and `truncated`.
 */
export async function takeBlob(
  { fd, offset, length, checksum, stored }: StoredBlob,
  name: string,
  chunkLength: number,
  slot: Slot,
  codec: Codec,
): Promise<TakenBlob | undefined> {
  // A writer of another kind may have written frames that are longer than they need be.
  if (length > (stored ? rawFrameLength(chunkLength) : slot.output.byteLength)) return undefined;
  const target = stored ? Buffer.allocUnsafe(length) : slot.output.subarray(0, length);
  readFully(fd, name, target, offset);
  if (!equalBytes(codec.hash(target), checksum)) {
    throw new ZnipError(
      'damaged-block',
      `'${name}': the blob at byte ${offset} is damaged: it does not have the hash that the archive states`,
      { path: name, offset },
    );
  }
  if (stored) await codec.decompress(target, slot.input.subarray(0, chunkLength));
  else checkFrame(target, chunkLength);
  return { length: stored ? 0 : length, checksum };
}

function keyAt(hashes: Uint8Array, row: number): string {
  const { buffer, byteOffset } = hashes;
  return Buffer.from(buffer, byteOffset + row * CHECKSUM_LENGTH, CHECKSUM_LENGTH).toString('latin1');
}
