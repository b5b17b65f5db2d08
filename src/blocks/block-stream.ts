/**
 * Cuts blocks off an archive that arrives as a stream. Implements docs/format.md, "Reading", one pass.
 */
import { ZnipError } from '../errors.ts';
import { type BlockHeader, decodeBlockHeader, MAX_BLOCK_HEADER_LENGTH } from '../format/block-header.ts';
import { type Hash } from '../format/values/bytes.ts';
import { ANY_SKIPPABLE_MAGIC, PROLOGUE, SKIPPABLE_HEADER_LENGTH, TAG } from '../format/values/constants.ts';
import { readTag, skippableFrameLength } from '../format/zstd/skippable-frame.ts';
import { maxBlobLength } from '../format/zstd/zstd-frame.ts';
import type { ByteStream } from '../io/byte-stream.ts';

export interface ArrivedBlock {
  number: number;
  header: BlockHeader;
  /** Archive byte at which the blob starts. */
  blobOffset: number;
}

export const ZNIP_TAGS: ReadonlySet<string> = new Set(Object.values(TAG));

/** Whether these bytes begin like a skippable frame, of znip or of others. */
export function isSkippableMagic(start: Buffer): boolean {
  return (start.readUInt32LE(0) & 0xfffffff0) >>> 0 === ANY_SKIPPABLE_MAGIC;
}

const SKIP_PIECE = 64 * 1024;

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

  /** The next block's header. Its blob must be read next, with `readBlob`. */
  async next(): Promise<ArrivedBlock> {
    const number = this.number++;
    const what = `the header of block ${number}`;
    const { frame, offset } = await this.readBlockHeader(what);
    const header = decodeBlockHeader(frame, this.hash, offset);
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

  /** The frame of the next block header. Skips foreign skippable frames between blocks. */
  private async readBlockHeader(what: string): Promise<{ frame: Buffer; offset: number }> {
    for (;;) {
      const offset = this.stream.position;
      const header = await this.readExactly(SKIPPABLE_HEADER_LENGTH, what);
      // Foreign frames may be shorter than the tag of znip's.
      const tagLength = Math.min(TAG.blockHeader.length, skippableFrameLength(header) - header.byteLength);
      const start = Buffer.concat([header, await this.readExactly(tagLength, what)]);
      const length = skippableFrameLength(start);
      const tag = readTag(start);
      if (tag === TAG.blockHeader && length <= MAX_BLOCK_HEADER_LENGTH) {
        const rest = await this.readExactly(length - start.byteLength, what);
        return { frame: Buffer.concat([start, rest]), offset };
      }
      if (!isSkippableMagic(start) || ZNIP_TAGS.has(tag)) {
        throw new ZnipError('damaged-block', `expected ${what} at byte ${offset}, found other bytes`, {
          offset,
        });
      }
      await this.skip(length - start.byteLength, what);
    }
  }

  private async skip(length: number, what: string): Promise<void> {
    for (let left = length; left > 0; left -= SKIP_PIECE) {
      await this.readExactly(Math.min(left, SKIP_PIECE), what);
    }
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
