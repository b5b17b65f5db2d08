/**
 * The index at the end of a stream. It is read after all blocks, opened like that of a file, and compared with the
 * blocks. Implements docs/format.md, "From a stream". Main thread.
 */
import { type ArrivedBlock, isSkippableMagic } from '../blocks/block-stream.ts';
import { codec } from '../codec/codec.ts';
import { ZnipError } from '../errors.ts';
import { decodeFooter, FOOTER_LENGTH } from '../format/footer.ts';
import type { Frame } from '../format/tables/frame-table.ts';
import { equalBytes } from '../format/values/bytes.ts';
import { FOOTER_MAGIC, SKIPPABLE_HEADER_LENGTH, TAG } from '../format/values/constants.ts';
import { readTag, skippableFrameLength } from '../format/zstd/skippable-frame.ts';
import type { ByteStream } from '../io/byte-stream.ts';
import type { ByteSource } from '../io/source.ts';
import { openArchive } from './archive.ts';

/**
 * The longest index that is accepted from a stream, because it must be held in memory: a start, an amount for each byte
 * of tar stream (where a member has a header of 512), and at most 2 GiB. Real members need less than 100 bytes.
 */
const INDEX_START = 64 * 1024 * 1024;

const MAX_INDEX_RATIO = 2;

const MAX_INDEX_LENGTH = 2 * 1024 * 1024 * 1024 - 1;

const PIECE = 256 * 1024;

/**
 * Reads the rest of a stream, which is the index for this many bytes of tar stream. Throws `limit` as soon as it is
 * longer than any index.
 */
export async function readRest(stream: ByteStream, tarLength: number): Promise<Buffer> {
  const most = Math.min(MAX_INDEX_LENGTH, INDEX_START + MAX_INDEX_RATIO * tarLength);
  const pieces: Buffer[] = [];
  let length = 0;
  for (;;) {
    const piece = Buffer.allocUnsafe(PIECE);
    const read = await stream.readInto(piece);
    pieces.push(piece.subarray(0, read));
    length += read;
    if (length > most) {
      throw new ZnipError(
        'limit',
        `the index of ${stream.name} goes on for more than ${most} bytes, for a tar stream of ${tarLength}`,
      );
    }
    if (read < PIECE) return Buffer.concat(pieces);
  }
}

/** The end of an archive, in the form of an archive of which only the end is there. */
export class TailSource implements ByteSource {
  readonly name: string;
  readonly byteLength: number;
  readonly fd = undefined;
  readonly start: number;
  readonly tail: Buffer;

  constructor(name: string, start: number, tail: Buffer) {
    this.name = name;
    this.start = start;
    this.tail = tail;
    this.byteLength = start + tail.byteLength;
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    const at = offset - this.start;
    if (at < 0 || at + length > this.tail.byteLength) {
      throw new ZnipError(
        'inconsistent',
        `the index of ${this.name} points outside itself, at byte ${offset}`,
      );
    }
    return this.tail.subarray(at, at + length);
  }

  close(): void {}
}

/** The frame table must describe the blocks that came, because later readers will use it. */
export function checkArrivedFrames(blocks: readonly ArrivedBlock[], frames: readonly Frame[]): void {
  for (const { header, number, blobOffset } of blocks) {
    const frame = frames[number];
    const agrees =
      frame !== undefined &&
      frame.streamOffset === header.streamOffset &&
      frame.streamLength === header.chunkLength &&
      frame.blobOffset === blobOffset &&
      frame.blobLength === header.blobLength &&
      frame.stored === header.stored &&
      equalBytes(frame.checksum, header.checksum);
    if (agrees) continue;
    throw new ZnipError('inconsistent', `the frame table does not describe block ${number} as it came`, {
      blob: number,
      offset: blobOffset,
    });
  }
  if (frames.length !== blocks.length) {
    throw new ZnipError('inconsistent', `the frame table has ${frames.length} blobs, ${blocks.length} came`);
  }
}

/** Reads the rest of the stream, and compares its frame table with the blocks that came. Throws as above. */
export async function confirmFrames(stream: ByteStream, blocks: readonly ArrivedBlock[]): Promise<void> {
  const start = stream.position;
  const tail = await readRest(stream, tarLengthOf(blocks));
  const archive = await openTail(new TailSource(stream.name, start, tail));
  checkArrivedFrames(blocks, await archive.frames());
}

/** After the blocks there are only skippable frames: no block, and nothing that zstd would decode. */
export function refuseStrayFrames({ name, start, tail }: TailSource): void {
  for (let at = 0; at < tail.byteLength;) {
    const left = tail.byteLength - at;
    const frame = tail.subarray(at, at + SKIPPABLE_HEADER_LENGTH + TAG.blockHeader.length);
    const isFrame =
      left >= SKIPPABLE_HEADER_LENGTH && isSkippableMagic(frame) && skippableFrameLength(frame) <= left;
    if (!isFrame || readTag(frame) === TAG.blockHeader) {
      throw new ZnipError(
        'inconsistent',
        `${name} has ${isFrame ? 'a block' : 'bytes that are no section'} behind its last block, at byte ${start + at}`,
        { offset: start + at },
      );
    }
    at += skippableFrameLength(frame);
  }
}

export async function openTail(source: TailSource): ReturnType<typeof openArchive> {
  try {
    return await openArchive(source);
  } catch (error) {
    if (error instanceof ZnipError && error.code === 'not-an-archive') {
      throw new ZnipError(
        'truncated',
        `${source.name} ends at byte ${source.byteLength}, within the index`,
        {},
        error,
      );
    }
    throw error;
  }
}

/** The end of an archive, without anything that was appended to it. */
export function cutBehindFooter(tail: Buffer, start: number): Buffer {
  for (let end = tail.byteLength; ;) {
    const magic = end < FOOTER_LENGTH ? -1 : tail.lastIndexOf(FOOTER_MAGIC, end - FOOTER_MAGIC.byteLength);
    if (magic < 0) return tail;
    end = magic + FOOTER_MAGIC.byteLength;
    try {
      decodeFooter(tail.subarray(Math.max(0, end - FOOTER_LENGTH), end), start + end, codec().hash);
      return tail.subarray(0, end);
    } catch (error) {
      if (!(error instanceof ZnipError)) throw error;
    }
    end -= 1;
  }
}

export function tarLengthOf(blocks: readonly ArrivedBlock[]): number {
  const last = blocks[blocks.length - 1]?.header;
  return last === undefined ? 0 : last.streamOffset + last.chunkLength;
}
