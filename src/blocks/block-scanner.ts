/**
 * Finds blocks in an archive that may be damaged. If a block header is expected and there is no whole one, it goes on
 * to the next whole header, which it recognises by its magic, its tag and its own checksum. The counterpart of
 * `block-stream.ts`, which stops there. Implements docs/format.md, "Of a damaged archive".
 */
import { ZnipError } from '../errors.ts';
import {
  type BlockHeader,
  blockHeaderLength,
  decodeBlockHeader,
  MAX_BLOCK_HEADER_LENGTH,
} from '../format/block-header.ts';
import { findFrame, type Frame } from '../format/tables/frame-table.ts';
import { type Hash } from '../format/values/bytes.ts';
import { equalBytes } from '../format/values/bytes.ts';
import { PROLOGUE, SKIPPABLE_HEADER_LENGTH, TAG } from '../format/values/constants.ts';
import { readTag, skippableFrameLength } from '../format/zstd/skippable-frame.ts';
import { maxBlobLength } from '../format/zstd/zstd-frame.ts';
import type { ByteStream } from '../io/byte-stream.ts';
import { StreamWindow } from '../io/stream-window.ts';
import { Turns } from '../threads/turns.ts';
import { BlockSearch } from './block-search.ts';
import { type ArrivedBlock, isSkippableMagic, ZNIP_TAGS } from './block-stream.ts';
import { hasPossibleBlob } from './headers-ahead.ts';

/** Bytes that are not a block, at a place for blocks, and the part of the tar stream that is lost there. */
export interface Gap {
  /** Archive bytes `[start, end)`. */
  start: number;
  end: number;
  streamStart: number;
  /** Tar stream byte at which the next whole block continues; undefined if there is none. */
  streamEnd: number | undefined;
  /** Number of the first missing block. */
  blob: number;
  /** What was found instead of a block. */
  cause: ZnipError;
}

export interface ScannedBlock extends ArrivedBlock {
  /** Archive byte at which its header starts, or should. */
  headerOffset: number;
  /** The header is damaged. Everything that is known about the block comes from the frame table. */
  fromTable: boolean;
}

/** The longest foreign frame that is skipped. */
const LONGEST_FOREIGN = 256 * 1024;

/**
 * If at most this many bytes have been read ahead, a blob goes directly to its place. More are there only after damage.
 */
const FEW_AHEAD = 2 * MAX_BLOCK_HEADER_LENGTH;

export interface ScanOptions {
  /** A frame table that has been checked. It finds blobs whose headers are damaged. */
  frames?: readonly Frame[];
  signal?: AbortSignal | undefined;
}

export class BlockScanner {
  readonly window: StreamWindow;
  readonly search: BlockSearch;
  private readonly hash: Hash;
  private readonly onGap: (gap: Gap) => void;
  private readonly frames: readonly Frame[];
  private readonly turns: Turns;
  private number = 0;
  private streamOffset = 0;
  private sawLast = false;
  /** The last blob was incomplete, or far more has been read ahead than a header. */
  private isBehindDamage = false;
  /** The bytes ended within a blob: nothing follows, and that has been reported. */
  private cut = false;
  constructor(stream: ByteStream, hash: Hash, onGap: (gap: Gap) => void, options: ScanOptions = {}) {
    this.window = new StreamWindow(stream);
    this.turns = new Turns(options.signal);
    this.search = new BlockSearch(this.window, hash, this.turns);
    this.hash = hash;
    this.onGap = onGap;
    this.frames = options.frames ?? [];
  }

  /** Whether the last block, the end of the tar stream, was there. */
  get complete(): boolean {
    return this.sawLast;
  }

  /** Reads the prologue, if it is there; otherwise the search begins at once. Returns whether it is there. */
  async readPrologue(): Promise<boolean> {
    const start = await this.window.peek(PROLOGUE.byteLength + MAX_BLOCK_HEADER_LENGTH);
    const whole = equalBytes(start.subarray(0, PROLOGUE.byteLength), PROLOGUE);
    const block = start.subarray(PROLOGUE.byteLength);
    const follows = !(this.decode(block, PROLOGUE.byteLength) instanceof ZnipError);
    if (whole || follows) await this.window.skip(PROLOGUE.byteLength);
    return whole;
  }

  /**
   * The next whole block; its blob must be read next. undefined after the last one: then the stream is at what follows
   * the blocks.
   */
  async next(): Promise<ScannedBlock | undefined> {
    if (this.turns.isDue()) await this.turns.take();
    const block = this.sawLast || this.cut ? undefined : await this.findNext();
    if (block === undefined) this.window.release();
    return block;
  }

  private async findNext(): Promise<ScannedBlock | undefined> {
    const offset = this.window.position;
    for (;;) {
      const first = await this.window.peek(SKIPPABLE_HEADER_LENGTH + 4);
      if (first.byteLength === 0) return this.endOfBytes(offset);
      const foreign = await this.foreignFrameLength(first);
      if (foreign === 0) break;
      await this.window.skip(foreign);
    }
    const start = await this.window.peek(MAX_BLOCK_HEADER_LENGTH);
    const header = this.decode(start, this.window.position);
    if (header instanceof ZnipError) {
      const tag = readTag(start);
      if (tag !== TAG.blockHeader && ZNIP_TAGS.has(tag)) return this.endOfBlocks(header);
      return this.resynchronise(this.window.position, header);
    }
    if (header.streamOffset > this.streamOffset)
      this.reportGap(this.window.position, this.window.position, header);
    return this.accept(header, blockHeaderLength(start) ?? 0);
  }

  /**
   * Reads the blob of the block that came last. Returns why the blob is not complete. If bytes of it are missing, the
   * next call of `next` continues where the next block begins.
   */
  async readBlob(block: ArrivedBlock, target: Uint8Array): Promise<ZnipError | undefined> {
    const { window } = this;
    const { number, blobOffset } = block;
    const { byteLength } = target;
    // Bytes that have been read ahead are looked at in place. Otherwise, n missing blobs would be read n times.
    const isAhead = this.isBehindDamage || window.held > FEW_AHEAD;
    const read = isAhead
      ? Math.min((await window.peek(byteLength)).byteLength, byteLength)
      : await window.readInto(target);
    if (read === byteLength && (await this.isBoundary(isAhead ? byteLength : 0))) {
      if (isAhead) await window.readInto(target);
      this.isBehindDamage = window.held > FEW_AHEAD;
      return undefined;
    }
    this.isBehindDamage = true;
    if (!isAhead) window.unread(target.subarray(0, read));
    // It is not what follows a blob: either that is damaged, or this blob is shorter than it should be.
    await this.search.lookAhead(read + MAX_BLOCK_HEADER_LENGTH);
    const found = this.search.headers.nextFor(this.streamOffset, blobOffset);
    const have = found === undefined ? read : Math.min(found - blobOffset, read);
    await window.readInto(target.subarray(0, have));
    if (have === byteLength) return undefined;
    this.cut = have === read;
    return new ZnipError(
      this.cut ? 'truncated' : 'damaged-block',
      `blob ${number} at byte ${blobOffset} has ${have} of ${byteLength} bytes: it was cut short`,
      { blob: number, offset: blobOffset },
    );
  }

  /** Goes to the header at this archive byte. It has been looked at before. */
  private async goTo(position: number): Promise<{ header: BlockHeader; length: number } | undefined> {
    await this.window.skip(position - this.window.position);
    const start = await this.window.peek(MAX_BLOCK_HEADER_LENGTH);
    const header = this.decode(start, position);
    return header instanceof ZnipError ? undefined : { header, length: blockHeaderLength(start) ?? 0 };
  }

  /** A whole header that does not contradict what came before. */
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
          : !hasPossibleBlob(header)
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
    const headerOffset = this.window.position;
    await this.window.skip(headerLength);
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
    // The number of lost blocks is not known; they count as one.
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

  /** Goes on to the next whole header after `offset`. */
  private async resynchronise(offset: number, cause: ZnipError): Promise<ScannedBlock | undefined> {
    const known = await this.fromFrameTable(offset, cause);
    if (known !== undefined) return known;
    const at =
      (await this.search.behindBlob(this.streamOffset)) ?? (await this.search.anywhere(this.streamOffset));
    const found = at === undefined || at === 'sections' ? undefined : await this.goTo(at);
    this.reportGap(offset, this.window.position, found?.header, cause);
    return found === undefined ? undefined : this.accept(found.header, found.length);
  }

  /** The block whose header is damaged, if the frame table knows its blob. */
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

  /** Length of a foreign skippable frame at the start of these bytes; 0 if there is none. */
  private async foreignFrameLength(start: Buffer): Promise<number> {
    if (start.byteLength < SKIPPABLE_HEADER_LENGTH + 4 || !isSkippableMagic(start)) return 0;
    if (ZNIP_TAGS.has(readTag(start))) return 0;
    const length = skippableFrameLength(start);
    if (length > LONGEST_FOREIGN) return 0;
    // A block header with a damaged tag looks the same. But a blob follows it, not another skippable frame.
    const behind = (await this.window.peek(length + SKIPPABLE_HEADER_LENGTH)).subarray(length);
    return behind.byteLength === SKIPPABLE_HEADER_LENGTH && isSkippableMagic(behind) ? length : 0;
  }

  /** Whether the bytes this far ahead may be what follows a blob. */
  private async isBoundary(ahead: number): Promise<boolean> {
    const start = (await this.window.peek(ahead + SKIPPABLE_HEADER_LENGTH)).subarray(ahead);
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
    const { position } = this.window;
    this.reportGap(position, position, undefined, cause);
  }
}
