/**
 * Finds where an archive continues after damage. The work grows only with the archive's length, whatever is in it: each
 * byte is looked at once for headers (`headers-ahead.ts`) and walked once as a frame. Implements docs/format.md, "Of a
 * damaged archive". Main thread.
 */
import { ZnipError } from '../errors.ts';
import { MAX_BLOCK_HEADER_LENGTH, MIN_BLOCK_HEADER_LENGTH } from '../format/block-header.ts';
import { type Hash } from '../format/values/bytes.ts';
import { MAX_CHUNK_SIZE, SKIPPABLE_HEADER_LENGTH, TAG, ZSTD_MAGIC } from '../format/values/constants.ts';
import { readTag, SECTION_HEADER_LENGTH } from '../format/zstd/skippable-frame.ts';
import { decodeFrameHeader, maxBlobLength, zstdFrameLength } from '../format/zstd/zstd-frame.ts';
import type { StreamWindow } from '../io/stream-window.ts';
import type { Turns } from '../threads/turns.ts';
import { ZNIP_TAGS } from './block-stream.ts';
import { HeadersAhead } from './headers-ahead.ts';

/** Bytes that are searched at once. */
const PIECE = 256 * 1024;

export class BlockSearch {
  readonly headers: HeadersAhead;
  /** Bytes of frames that were walked. For the tests. */
  walked = 0;
  private readonly window: StreamWindow;
  private readonly turns: Turns;
  /**
   * Frames are walked to find their ends, but none that lies within another. They have been walked up to this archive
   * byte.
   */
  private walkedTo = 0;

  constructor(window: StreamWindow, hash: Hash, turns: Turns) {
    this.headers = new HeadersAhead(hash);
    this.window = window;
    this.turns = turns;
  }

  /** The next bytes. Afterwards, all headers in them are known, except one that continues after them. */
  async lookAhead(length: number): Promise<Buffer> {
    const bytes = await this.window.peek(length);
    this.headers.look(bytes, this.window.position, bytes.byteLength < length);
    return bytes;
  }

  /**
   * The next header, if only this one is damaged. The blob's own frame gives the length of its chunk, so the next
   * block's place in the tar stream is known. A header of an archive within this one does not fit. `sections` if the
   * blob is the last one: then the sections come next.
   */
  async behindBlob(streamOffset: number): Promise<number | 'sections' | undefined> {
    const start = await this.window.peek(2 * MAX_BLOCK_HEADER_LENGTH);
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
    const expected = streamOffset + chunkLength;
    const { position } = this.window;
    const bytes = await this.lookAhead(at + maxBlobLength(chunkLength) + MAX_BLOCK_HEADER_LENGTH);
    // Before the blob: the header itself, after bytes that somebody inserted.
    const shifted = this.headers.nextFor(streamOffset, position + 1);
    if (shifted !== undefined && shifted + MIN_BLOCK_HEADER_LENGTH <= position + at) return shifted;
    const found = this.headers.nextFor(expected, position + 1);
    if (found !== undefined && found < position + bytes.byteLength) return found;
    const end = at + this.frameLength(bytes.subarray(at), position + at);
    const tag = readTag(bytes.subarray(end));
    if (tag === TAG.blockHeader || !ZNIP_TAGS.has(tag)) return undefined;
    await this.window.skip(end);
    return 'sections';
  }

  /**
   * Length of the zstd frame at the start of these bytes; 0 if it is damaged, or begins within a frame that was walked.
   */
  private frameLength(bytes: Buffer, position: number): number {
    if (position < this.walkedTo) return 0;
    let length = 0;
    try {
      length = zstdFrameLength(bytes);
    } catch (error) {
      if (!(error instanceof ZnipError)) throw error;
    }
    const walked = length || bytes.byteLength;
    this.walked += walked;
    this.walkedTo = position + walked;
    return length;
  }

  /** The next header of any kind. Keeps the bytes from where sections may begin, in case they do. */
  async anywhere(streamOffset: number): Promise<number | undefined> {
    for (let from = 1; ; from = 0) {
      if (this.turns.isDue()) await this.turns.take();
      const bytes = await this.lookAhead(PIECE);
      const found = this.headers.next(this.window.position + from, streamOffset);
      if (found !== undefined) return found;
      if (bytes.byteLength < PIECE) {
        const section = findSection(bytes, from);
        await this.window.skip(section ?? bytes.byteLength);
        return undefined;
      }
      // A header may begin within the last bytes of this piece.
      await this.window.skip(PIECE - MAX_BLOCK_HEADER_LENGTH);
    }
  }
}

/** Where the first section, or something that looks like one, begins in the last bytes of a stream. */
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
