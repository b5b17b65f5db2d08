/**
 * Finds blocks in an archive that may be damaged: where a block header is expected and none is whole, goes
 * on to the next whole one, which its magic, its tag and its own checksum tell. The counterpart of
 * `block-stream.ts`, which stops. Implements docs/format.md, "Of a damaged archive".
 */
import { ZnipError } from '../errors.ts';
import {
  type BlockHeader,
  blockHeaderLength,
  decodeBlockHeader,
  equalBytes,
  type Hash,
  MAX_BLOCK_HEADER_LENGTH,
} from '../format/block-header.ts';
import { MAX_CHUNK_SIZE, PROLOGUE, SKIPPABLE_HEADER_LENGTH, TAG, ZSTD_MAGIC } from '../format/constants.ts';
import { findFrame, type Frame } from '../format/frame-table.ts';
import { readTag, SECTION_HEADER_LENGTH, skippableFrameLength } from '../format/skippable-frame.ts';
import { decodeFrameHeader, maxBlobLength, zstdFrameLength } from '../format/zstd-frame.ts';
import { type ArrivedBlock, isSkippableMagic, ZNIP_TAGS } from './block-stream.ts';
import type { FdStream } from '../stream/byte-stream.ts';

/** Bytes that are no block where blocks belong, and what they held of the tar stream. */
export interface Gap {
  /** Archive bytes `[start, end)`. */
  start: number;
  end: number;
  streamStart: number;
  /** Tar stream byte at which the next whole block goes on; undefined when there is none. */
  streamEnd: number | undefined;
  /** Number of the first block that is missing. */
  blob: number;
  /** What was found instead of a block. */
  cause: ZnipError;
}

export interface ScannedBlock extends ArrivedBlock {
  /** Archive byte at which its header starts, or should. */
  headerOffset: number;
  /** The header is damaged: what is known of the block is what the frame table says. */
  fromTable: boolean;
}

/** Bytes that are searched at once. */
const PIECE = 256 * 1024;

const TAG_BYTES = Buffer.from(TAG.blockHeader, 'latin1');

export class BlockScanner {
  private readonly stream: FdStream;
  private readonly hash: Hash;
  private readonly onGap: (gap: Gap) => void;
  private readonly frames: readonly Frame[];
  private number = 0;
  private streamOffset = 0;
  private sawLast = false;
  /** The bytes ended within a blob: there is nothing more, and that has been said. */
  private cut = false;

  /** `frames` is a frame table that can be believed: it finds blobs whose headers are damaged. */
  constructor(stream: FdStream, hash: Hash, onGap: (gap: Gap) => void, frames: readonly Frame[] = []) {
    this.stream = stream;
    this.hash = hash;
    this.onGap = onGap;
    this.frames = frames;
  }

  /** Whether the last block, the end of the tar stream, was there. */
  get complete(): boolean {
    return this.sawLast;
  }

  /** Takes the prologue, where it is; otherwise the search begins at once. Returns whether it is there. */
  async readPrologue(): Promise<boolean> {
    const start = await this.stream.peek(PROLOGUE.byteLength + MAX_BLOCK_HEADER_LENGTH);
    const whole = equalBytes(start.subarray(0, PROLOGUE.byteLength), PROLOGUE);
    const block = start.subarray(PROLOGUE.byteLength);
    const follows = !(this.decode(block, PROLOGUE.byteLength) instanceof ZnipError);
    if (whole || follows) await this.skip(PROLOGUE.byteLength);
    return whole;
  }

  /** The next whole block; its blob is to be read next. undefined behind the last one. */
  async next(): Promise<ScannedBlock | undefined> {
    if (this.sawLast || this.cut) return undefined;
    const offset = this.stream.position;
    let start: Buffer;
    for (;;) {
      start = await this.stream.peek(MAX_BLOCK_HEADER_LENGTH);
      if (start.byteLength === 0) return this.endOfBytes(offset);
      const foreign = await this.foreignFrameLength(start);
      if (foreign === 0) break;
      await this.skip(foreign);
    }
    const header = this.decode(start, this.stream.position);
    if (header instanceof ZnipError) {
      const tag = readTag(start);
      if (tag !== TAG.blockHeader && ZNIP_TAGS.has(tag)) return this.endOfBlocks(header);
      return this.resynchronise(this.stream.position, header);
    }
    if (header.streamOffset > this.streamOffset)
      this.reportGap(this.stream.position, this.stream.position, header);
    return this.accept(header, blockHeaderLength(start) ?? 0);
  }

  /**
   * Reads the blob of the block that came last. Returns why it is not there as a whole; then the next call of
   * `next` goes on where the next block begins, if bytes of this one are missing.
   */
  async readBlob(block: ArrivedBlock, target: Uint8Array): Promise<ZnipError | undefined> {
    const read = await this.stream.readInto(target);
    const { number, blobOffset } = block;
    if (read === target.byteLength && (await this.isBoundary())) return undefined;
    // Not what comes behind a blob: either that is damaged, or this blob is shorter than it should be.
    const bytes = Buffer.concat([
      Buffer.from(target.buffer, target.byteOffset, read),
      await this.stream.peek(MAX_BLOCK_HEADER_LENGTH),
    ]);
    const found = this.findHeader(
      bytes,
      0,
      blobOffset,
      ({ streamOffset }) => streamOffset === this.streamOffset,
    );
    const next = found !== undefined && found.at < read ? found : undefined;
    if (next === undefined && read === target.byteLength) return undefined;
    const have = next?.at ?? read;
    this.cut = next === undefined;
    if (next !== undefined) this.stream.unread(bytes.subarray(next.at, read));
    return new ZnipError(
      next === undefined ? 'truncated' : 'damaged-block',
      `blob ${number} at byte ${blobOffset} has ${have} of ${target.byteLength} bytes: it was cut short`,
      { blob: number, offset: blobOffset },
    );
  }

  /** A header that is whole, and of which nothing contradicts what came before. */
  private decode(start: Buffer, offset: number): BlockHeader | ZnipError {
    const blob = this.number;
    const length = start.byteLength >= SKIPPABLE_HEADER_LENGTH + 4 ? blockHeaderLength(start) : undefined;
    if (length === undefined || length > start.byteLength) {
      const cut = start.byteLength < SKIPPABLE_HEADER_LENGTH + 4 || length !== undefined;
      return new ZnipError(
        cut ? 'truncated' : 'damaged-block',
        cut
          ? `the archive ends at byte ${offset + start.byteLength}, within the header of block ${blob}`
          : `expected the header of block ${blob} at byte ${offset}, found other bytes`,
        { offset, blob },
      );
    }
    try {
      const header = decodeBlockHeader(start.subarray(0, length), this.hash, offset);
      const why =
        header.streamOffset < this.streamOffset
          ? `is for stream byte ${header.streamOffset}, expected ${this.streamOffset}`
          : header.blobLength === 0 || header.blobLength > maxBlobLength(header.chunkLength)
            ? `states a blob of ${header.blobLength} bytes for a chunk of ${header.chunkLength}`
            : undefined;
      if (why === undefined) return header;
      return new ZnipError('damaged-block', `the header of block ${blob} at byte ${offset} ${why}`, {
        offset,
        blob,
      });
    } catch (error) {
      if (!(error instanceof ZnipError)) throw error;
      return new ZnipError(error.code, error.message, { offset, blob }, error);
    }
  }

  private async accept(header: BlockHeader, headerLength: number, fromTable = false): Promise<ScannedBlock> {
    const headerOffset = this.stream.position;
    await this.skip(headerLength);
    this.streamOffset = header.streamOffset + header.chunkLength;
    this.sawLast = header.last;
    return {
      number: this.number++,
      header,
      headerOffset,
      blobOffset: headerOffset + headerLength,
      fromTable,
    };
  }

  private reportGap(start: number, end: number, next: BlockHeader | undefined, cause?: ZnipError): void {
    const { number: blob, streamOffset: streamStart } = this;
    const streamEnd = next?.streamOffset;
    // How many blocks there were is not known: they count as one.
    if (streamEnd !== streamStart) this.number += 1;
    this.onGap({
      start,
      end,
      streamStart,
      streamEnd,
      blob,
      cause:
        cause ??
        new ZnipError('damaged-block', `block ${blob} is missing at byte ${start}`, { offset: start, blob }),
    });
  }

  /** Goes on to the next whole header behind `offset`. */
  private async resynchronise(offset: number, cause: ZnipError): Promise<ScannedBlock | undefined> {
    const known = await this.fromFrameTable(offset, cause);
    if (known !== undefined) return known;
    const found = (await this.findBehindBlob()) ?? (await this.findAnywhere());
    if (found === undefined || found === 'sections') {
      this.reportGap(offset, this.stream.position, undefined, cause);
      return undefined;
    }
    this.reportGap(offset, this.stream.position, found.header, cause);
    return this.accept(found.header, found.length);
  }

  /** The block whose header is damaged, where the frame table knows its blob. */
  private async fromFrameTable(offset: number, cause: ZnipError): Promise<ScannedBlock | undefined> {
    const at = findFrame(this.frames, this.streamOffset);
    const frame = this.frames[at];
    if (frame === undefined || frame.streamOffset !== this.streamOffset) return undefined;
    const headerLength = frame.blobOffset - offset;
    if (headerLength <= 0 || headerLength > MAX_BLOCK_HEADER_LENGTH) return undefined;
    if (frame.blobLength > maxBlobLength(frame.streamLength)) return undefined;
    const { number: blob, streamOffset } = this;
    this.onGap({
      start: offset,
      end: frame.blobOffset,
      streamStart: streamOffset,
      streamEnd: streamOffset,
      blob,
      cause,
    });
    return this.accept(
      {
        stored: frame.stored,
        last: at === this.frames.length - 1,
        blobLength: frame.blobLength,
        chunkLength: frame.streamLength,
        streamOffset: frame.streamOffset,
        firstHeaderOffset: undefined,
        continuation: undefined,
        checksum: frame.checksum,
      },
      headerLength,
      true,
    );
  }

  /**
   * The next header when only this one is damaged: the blob's own frame tells how long its chunk is, so the
   * next block's place in the tar stream is known. A header of an archive within this one does not pass.
   * `sections` when the blob is the last.
   */
  private async findBehindBlob(): Promise<FoundHeader | 'sections' | undefined> {
    const start = await this.stream.peek(2 * MAX_BLOCK_HEADER_LENGTH);
    const magic = Buffer.alloc(4);
    magic.writeUInt32LE(ZSTD_MAGIC);
    const at = start.indexOf(magic);
    if (at < 0) return undefined;
    let chunkLength: number | undefined;
    try {
      chunkLength = decodeFrameHeader(start.subarray(at)).contentSize;
    } catch (error) {
      if (!(error instanceof ZnipError)) throw error;
    }
    if (chunkLength === undefined || chunkLength === 0 || chunkLength > MAX_CHUNK_SIZE) return undefined;
    const expected = this.streamOffset + chunkLength;
    const window = await this.stream.peek(at + maxBlobLength(chunkLength) + MAX_BLOCK_HEADER_LENGTH);
    // Before the blob: the header itself, behind bytes that somebody put there.
    const shifted = this.findHeader(
      window.subarray(0, at),
      1,
      this.stream.position,
      ({ streamOffset }) => streamOffset === this.streamOffset,
    );
    const found =
      shifted ??
      this.findHeader(window, 1, this.stream.position, ({ streamOffset }) => streamOffset === expected);
    if (found !== undefined) {
      await this.skip(found.at);
      return found;
    }
    const end = at + frameLength(window.subarray(at));
    const tag = readTag(window.subarray(end));
    if (tag === TAG.blockHeader || !ZNIP_TAGS.has(tag)) return undefined;
    await this.skip(end);
    return 'sections';
  }

  /** The next header at all. Bytes from where sections may begin are kept, in case that they do. */
  private async findAnywhere(): Promise<FoundHeader | undefined> {
    for (let from = 1; ; from = 0) {
      const window = await this.stream.peek(PIECE);
      const found = this.findHeader(window, from, this.stream.position, () => true);
      if (found !== undefined) {
        await this.skip(found.at);
        return found;
      }
      if (window.byteLength < PIECE) {
        const section = findSection(window, from);
        await this.skip(section ?? window.byteLength);
        return undefined;
      }
      // A header may begin within the last bytes of this piece.
      await this.skip(PIECE - MAX_BLOCK_HEADER_LENGTH);
    }
  }

  private findHeader(
    bytes: Buffer,
    from: number,
    offset: number,
    matches: (header: BlockHeader) => boolean,
  ): FoundHeader | undefined {
    for (let at = from; ;) {
      const tag = bytes.indexOf(TAG_BYTES, at + SKIPPABLE_HEADER_LENGTH);
      if (tag < 0) return undefined;
      at = tag - SKIPPABLE_HEADER_LENGTH;
      const header = this.decode(bytes.subarray(at, at + MAX_BLOCK_HEADER_LENGTH), offset + at);
      if (!(header instanceof ZnipError) && matches(header)) {
        return { at, header, length: blockHeaderLength(bytes.subarray(at)) ?? 0 };
      }
      at += 1;
    }
  }

  /** Length of a skippable frame of others at the start of these bytes; 0 when there is none. */
  private async foreignFrameLength(start: Buffer): Promise<number> {
    if (start.byteLength < SKIPPABLE_HEADER_LENGTH + 4 || !isSkippableMagic(start)) return 0;
    if (ZNIP_TAGS.has(readTag(start))) return 0;
    const length = skippableFrameLength(start);
    if (length > PIECE) return 0;
    // A block header with a damaged tag looks the same; but a blob follows it, not another skippable frame.
    const behind = (await this.stream.peek(length + SKIPPABLE_HEADER_LENGTH)).subarray(length);
    return behind.byteLength === SKIPPABLE_HEADER_LENGTH && isSkippableMagic(behind) ? length : 0;
  }

  private async isBoundary(): Promise<boolean> {
    const start = await this.stream.peek(SKIPPABLE_HEADER_LENGTH);
    return (
      start.byteLength === 0 || (start.byteLength === SKIPPABLE_HEADER_LENGTH && isSkippableMagic(start))
    );
  }

  private endOfBytes(offset: number): undefined {
    const { number: blob } = this;
    const why = `the archive ends at byte ${offset}, before its last block`;
    this.reportGap(offset, offset, undefined, new ZnipError('truncated', why, { offset, blob }));
  }

  /** Sections begin, but the last block was not there. */
  private endOfBlocks(cause: ZnipError): undefined {
    const { position } = this.stream;
    this.reportGap(position, position, undefined, cause);
  }

  private async skip(length: number): Promise<void> {
    const sink = Buffer.alloc(Math.min(length, PIECE));
    for (let left = length; left > 0;) {
      const read = await this.stream.readInto(sink.subarray(0, Math.min(left, sink.byteLength)));
      if (read === 0) return;
      left -= read;
    }
  }
}

interface FoundHeader {
  at: number;
  header: BlockHeader;
  length: number;
}

/** Length of the zstd frame at the start of these bytes; 0 when it is damaged. */
function frameLength(bytes: Buffer): number {
  try {
    return zstdFrameLength(bytes);
  } catch (error) {
    if (error instanceof ZnipError) return 0;
    throw error;
  }
}

/** Where the first section, or what looks like one, begins in the last bytes of a stream. */
function findSection(bytes: Buffer, from: number): number | undefined {
  let first: number | undefined;
  for (const tag of [TAG.subIndex, TAG.frameTable, TAG.manifest]) {
    const at = bytes.indexOf(tag, from + SKIPPABLE_HEADER_LENGTH, 'latin1') - SKIPPABLE_HEADER_LENGTH;
    if (at < 0 || readTag(bytes.subarray(at)) !== tag) continue;
    if (at + SECTION_HEADER_LENGTH > bytes.byteLength) continue;
    first = Math.min(first ?? at, at);
  }
  return first;
}
