/**
 * Cuts blocks off an archive that arrives as a stream. Implements docs/format.md, "Reading", one pass.
 */
import type { Hash } from '../format/block-header.ts';
import { type BlockHeader, decodeBlockHeader, MAX_BLOCK_HEADER_LENGTH } from '../format/block-header.ts';
import { ZnipError } from '../errors.ts';
import { PROLOGUE, SKIPPABLE_HEADER_LENGTH } from '../format/constants.ts';
import { skippableFrameLength } from '../format/skippable-frame.ts';
import { rawFrameLength } from '../format/zstd-frame.ts';
import type { ByteStream } from './stream-source.ts';

export interface ArrivedBlock {
  number: number;
  header: BlockHeader;
  /** Archive byte at which the blob starts. */
  blobOffset: number;
}

/** Longest blob that a chunk of this length may have: beyond, storing it would have been shorter. */
export function maxBlobLength(chunkLength: number): number {
  return rawFrameLength(chunkLength) + 1024;
}

export class BlockStream {
  private readonly stream: ByteStream;
  private readonly hash: Hash;
  private number = 0;
  private streamOffset = 0;

  constructor(stream: ByteStream, hash: Hash) {
    this.stream = stream;
    this.hash = hash;
  }

  async readPrologue(): Promise<void> {
    await this.readExactly(PROLOGUE.byteLength, 'the first bytes');
  }

  /** The next block's header; the blob is to be read next, with `readBlob`. */
  async next(): Promise<ArrivedBlock> {
    const offset = this.stream.position;
    const number = this.number++;
    const what = `the header of block ${number}`;
    const start = await this.readExactly(SKIPPABLE_HEADER_LENGTH, what);
    const length = skippableFrameLength(start);
    if (length > MAX_BLOCK_HEADER_LENGTH) {
      throw new ZnipError('damaged-block', `expected ${what} at byte ${offset}, found other bytes`, {
        offset,
      });
    }
    const rest = await this.readExactly(length - SKIPPABLE_HEADER_LENGTH, what);
    const header = decodeBlockHeader(Buffer.concat([start, rest]), this.hash, offset);
    if (header.streamOffset !== this.streamOffset) {
      throw new ZnipError(
        'inconsistent',
        `${what} at byte ${offset} is for stream byte ${header.streamOffset}, expected ${this.streamOffset}`,
        { offset, blob: number },
      );
    }
    if (header.blobLength === 0 || header.blobLength > maxBlobLength(header.chunkLength)) {
      throw new ZnipError(
        'inconsistent',
        `${what} at byte ${offset} states a blob of ${header.blobLength} bytes for a chunk of ${header.chunkLength}`,
        { offset, blob: number },
      );
    }
    this.streamOffset += header.chunkLength;
    return { number, header, blobOffset: this.stream.position };
  }

  async readBlob(block: ArrivedBlock, target: Uint8Array): Promise<void> {
    const read = await this.stream.readInto(target);
    if (read < target.byteLength) throw this.cut(`blob ${block.number}`);
  }

  private async readExactly(length: number, what: string): Promise<Buffer> {
    const bytes = Buffer.alloc(length);
    const read = await this.stream.readInto(bytes);
    if (read < length) throw this.cut(what);
    return bytes;
  }

  private cut(what: string): ZnipError {
    const { name, position } = this.stream;
    return new ZnipError('truncated', `${name} ends at byte ${position}, within ${what}`, {
      offset: position,
    });
  }
}
