/**
 * The parts of RFC 8878 that znip reads and writes itself: frame headers, and frames of raw blocks.
 * Implements docs/format.md, "Blobs".
 */
import { ZnipError } from '../errors.ts';
import { ZSTD_MAGIC } from './constants.ts';
import { viewOf } from './skippable-frame.ts';

/** Block_Maximum_Size, RFC 8878 §3.1.1.2.4. */
const RAW_BLOCK_MAX = 128 * 1024;

/** Magic, descriptor, four bytes of content size: the header of the frames of raw blocks. */
const RAW_FRAME_HEADER_LENGTH = 9;

/** Length of the frame that `writeRawFrame` makes of this many bytes. */
export function rawFrameLength(contentLength: number): number {
  return RAW_FRAME_HEADER_LENGTH + 3 * Math.max(1, Math.ceil(contentLength / RAW_BLOCK_MAX)) + contentLength;
}

/**
 * The pieces of a zstd frame that stores `content` as it is: headers between slices of `content`, so
 * that it goes to the file without a copy. Content of up to 4 GiB.
 */
export function rawFramePieces(content: Uint8Array): Uint8Array[] {
  const header = new Uint8Array(RAW_FRAME_HEADER_LENGTH);
  const view = viewOf(header);
  view.setUint32(0, ZSTD_MAGIC, true);
  // Frame_Header_Descriptor: Frame_Content_Size_flag 2 (4 bytes), Single_Segment_flag; no checksum, no dictionary.
  header[4] = 0xa0;
  view.setUint32(5, content.byteLength, true);
  const pieces: Uint8Array[] = [header];
  let offset = 0;
  do {
    const length = Math.min(RAW_BLOCK_MAX, content.byteLength - offset);
    const last = offset + length === content.byteLength ? 1 : 0;
    // Block_Header: Last_Block (1 bit), Block_Type 0 = raw (2 bits), Block_Size (21 bits); little-endian.
    const blockHeader = (length << 3) | last;
    pieces.push(Uint8Array.of(blockHeader & 0xff, (blockHeader >> 8) & 0xff, blockHeader >> 16));
    if (length > 0) pieces.push(content.subarray(offset, offset + length));
    offset += length;
  } while (offset < content.byteLength);
  return pieces;
}

function damaged(why: string): ZnipError {
  return new ZnipError('damaged-block', `not a zstd frame: ${why}`);
}

export interface FrameHeader {
  /** Bytes from the magic to the first block header. */
  headerLength: number;
  /** Frame_Content_Size in bytes; undefined when the frame does not declare it. */
  contentSize: number | undefined;
  /** Smallest memory that a decoder needs for the window, in bytes. */
  windowSize: number;
  hasDictionary: boolean;
}

/** Decodes a frame header, RFC 8878 §3.1.1.1. Throws `damaged-block` when the bytes are no zstd frame. */
export function decodeFrameHeader(frame: Uint8Array): FrameHeader {
  if (frame.byteLength < 6) throw damaged(`${frame.byteLength} bytes are too few`);
  const view = viewOf(frame);
  if (view.getUint32(0, true) !== ZSTD_MAGIC) throw damaged('wrong magic number');
  const descriptor = view.getUint8(4);
  if ((descriptor & 0x08) !== 0) throw damaged('its reserved bit is set');
  const singleSegment = (descriptor & 0x20) !== 0;
  const sizeFlag = descriptor >> 6;
  const sizeLength = sizeFlag === 0 ? (singleSegment ? 1 : 0) : 1 << sizeFlag;
  const dictionaryLength = [0, 1, 2, 4][descriptor & 3] ?? 0;
  let offset = 5;
  let windowSize = 0;
  if (!singleSegment) {
    const byte = view.getUint8(offset++);
    const base = 2 ** (10 + (byte >> 3));
    windowSize = base + (base / 8) * (byte & 7);
  }
  const headerLength = offset + dictionaryLength + sizeLength;
  if (frame.byteLength < headerLength) throw damaged('its header is cut short');
  let hasDictionary = false;
  for (let i = 0; i < dictionaryLength; i++) hasDictionary ||= view.getUint8(offset + i) !== 0;
  offset += dictionaryLength;
  let contentSize: number | undefined;
  if (sizeLength === 1) contentSize = view.getUint8(offset);
  else if (sizeLength === 2) contentSize = view.getUint16(offset, true) + 256;
  else if (sizeLength === 4) contentSize = view.getUint32(offset, true);
  else if (sizeLength === 8) contentSize = Number(view.getBigUint64(offset, true));
  if (singleSegment) windowSize = contentSize ?? 0;
  return { headerLength, contentSize, windowSize, hasDictionary };
}

/** Bytes that `declareContentSize` puts before the blocks. */
export const DECLARED_HEADER_LENGTH = 10;

/**
 * A frame header that declares the content size, to stand in for that of a frame which does not.
 * `windowDescriptor` is the original's (RFC 8878 §3.1.1.1.2). For content below 4 GiB.
 */
export function declareContentSize(windowDescriptor: number, contentSize: number): Uint8Array {
  const header = new Uint8Array(DECLARED_HEADER_LENGTH);
  const view = viewOf(header);
  view.setUint32(0, ZSTD_MAGIC, true);
  // Frame_Content_Size_flag 2 (4 bytes); window descriptor present.
  header[4] = 0x80;
  header[5] = windowDescriptor;
  view.setUint32(6, contentSize, true);
  return header;
}

/**
 * Length of the zstd frame at the start of `bytes`, by walking its block headers.
 * Throws `damaged-block` when it does not end within `bytes`.
 */
export function zstdFrameLength(bytes: Uint8Array): number {
  const { headerLength } = decodeFrameHeader(bytes);
  const hasChecksum = ((bytes[4] ?? 0) & 0x04) !== 0;
  let offset = headerLength;
  for (;;) {
    if (offset + 3 > bytes.byteLength) {
      throw new ZnipError('damaged-block', 'the zstd frame does not end where it should');
    }
    const blockHeader =
      (bytes[offset] ?? 0) | ((bytes[offset + 1] ?? 0) << 8) | ((bytes[offset + 2] ?? 0) << 16);
    const type = (blockHeader >> 1) & 3;
    if (type === 3) throw new ZnipError('damaged-block', 'the zstd frame has a block of reserved type');
    // An RLE block (type 1) stores one byte whatever its size says.
    offset += 3 + (type === 1 ? 1 : blockHeader >> 3);
    if ((blockHeader & 1) === 1) break;
  }
  const length = offset + (hasChecksum ? 4 : 0);
  if (length > bytes.byteLength) {
    throw new ZnipError('damaged-block', 'the zstd frame does not end where it should');
  }
  return length;
}

/**
 * Refuses bytes that are not what a blob must be: exactly one zstd frame, which declares that it holds
 * `contentLength` bytes and needs no dictionary. Decoders take more than that (frames in a row, skippable
 * ones between them), and some allocate what a frame declares. Throws `damaged-block`.
 */
export function checkFrame(frame: Uint8Array, contentLength: number): void {
  const { contentSize, hasDictionary } = decodeFrameHeader(frame);
  if (contentSize !== contentLength) {
    throw new ZnipError(
      'damaged-block',
      `the zstd frame declares ${contentSize ?? 'no'} bytes, expected ${contentLength}`,
    );
  }
  if (hasDictionary) throw new ZnipError('damaged-block', 'the zstd frame needs a dictionary');
  // Unused_bit: encoders write 0 (RFC 8878 §3.1.1.1.1.3), so that 1 is damage, although decoders ignore it.
  if (((frame[4] ?? 0) & 0x10) !== 0)
    throw new ZnipError('damaged-block', 'an unused bit of the zstd frame is set');
  const length = zstdFrameLength(frame);
  if (length !== frame.byteLength) {
    throw new ZnipError('damaged-block', `the zstd frame has ${length} bytes, expected ${frame.byteLength}`);
  }
}
