/**
 * Which blocks of a damaged archive are whole, and which members continue through whole blocks. This must be known
 * before the first of these blocks is written again. Main thread.
 */
import { inspectChunk } from '../blocks/inspect-chunk.ts';
import type { WalkedBlock } from '../blocks/walk-blocks.ts';
import { codec } from '../codec/codec.ts';
import { paddedLength } from '../format/tar/tar-header.ts';
import { TarReader } from '../format/tar/tar-reader.ts';

/** A block whose chunk is verified and whose tar headers were read. */
export interface WholeBlock {
  number: number;
  blobOffset: number;
  blobLength: number;
  chunkLength: number;
  streamOffset: number;
  checksum: Uint8Array;
  /** Chunk byte of the first header. */
  start: number;
  /** The member in which the chunk ends is whole in the next blocks. */
  tailWhole: boolean;
}

/** The member in which the last block ended. */
interface SurveyedMember {
  block: WholeBlock;
  size: number;
  done: number;
  /** Where the tar stream continues. */
  streamOffset: number;
}

export class Survey {
  readonly blocks: WholeBlock[] = [];
  /** A tar header states an owner, so the index recorded owners, too. */
  hasOwners = false;
  private open: SurveyedMember | undefined;

  take(walked: WalkedBlock): void {
    const { header, number, blobOffset } = walked.block;
    const { streamOffset, chunkLength, blobLength, checksum } = header;
    if (walked.damage !== undefined || header.last) return;
    const start = this.startOf(walked);
    // If a block is lost and the next block's own header is lost too, the start of its headers is not known.
    if (start === undefined) return;
    const inspected =
      walked.inspected ?? inspectChunk(walked.chunk, start, streamOffset, new TarReader(), codec());
    const whole: WholeBlock = {
      number,
      blobOffset,
      blobLength,
      chunkLength,
      streamOffset,
      checksum,
      start,
      tailWhole: false,
    };
    this.blocks.push(whole);
    this.goOn(whole);
    const { members, unfinished } = inspected;
    this.hasOwners ||= members.uids.some((uid) => uid > 0) || members.gids.some((gid) => gid > 0);
    if (unfinished === null) return;
    const { size, done } = unfinished;
    this.open = { block: whole, size, done, streamOffset: streamOffset + chunkLength };
  }

  /** Chunk byte of the first header, from the block header or from the block before. */
  private startOf({ block }: WalkedBlock): number | undefined {
    const { continuation, firstHeaderOffset, chunkLength, streamOffset } = block.header;
    if (!block.fromTable) return continuation === undefined ? 0 : (firstHeaderOffset ?? chunkLength);
    const before = this.blocks[this.blocks.length - 1];
    const end = before === undefined ? 0 : before.streamOffset + before.chunkLength;
    if (end !== streamOffset) return undefined;
    const { open } = this;
    return open === undefined ? 0 : Math.min(paddedLength(open.size - open.done), chunkLength);
  }

  private goOn({ streamOffset, chunkLength, start }: WholeBlock): void {
    const { open } = this;
    if (open === undefined) return;
    const length = Math.min(open.size - open.done, chunkLength);
    if (open.streamOffset !== streamOffset || Math.min(paddedLength(length), chunkLength) !== start) {
      this.open = undefined;
      return;
    }
    open.done += length;
    open.streamOffset += chunkLength;
    if (open.done < open.size) return;
    open.block.tailWhole = true;
    this.open = undefined;
  }
}
