/**
 * The parts of RFC 8878 that znip reads and writes itself: frame headers, and frames of raw blocks. Implements
 * docs/format.md, "Blobs".
 */
import { ZnipError } from '../../errors.ts';
import { MAX_BLOB_EXCESS, MAX_CHUNK_SIZE, ZSTD_MAGIC } from '../values/constants.ts';
import { viewOf } from './skippable-frame.ts';

/** Block_Maximum_Size, RFC 8878 §3.1.1.2.4, of all frames except those with a smaller window. */
export const BLOCK_MAX = 128 * 1024;

/** Magic, descriptor, four bytes of content size: the header of the frames of raw blocks. */
const RAW_FRAME_HEADER_LENGTH = 9;

/** Single_Segment_flag of the Frame_Header_Descriptor: the content is the window. */
const SINGLE_SEGMENT = 0x20;

/** The largest window that decoders accept by default. No chunk is longer than it. */
export const MAX_WINDOW_SIZE = MAX_CHUNK_SIZE;

/** Length of the frame that `writeRawFrame` makes of this many bytes. */
export function rawFrameLength(contentLength: number): number {
  return RAW_FRAME_HEADER_LENGTH + 3 * Math.max(1, Math.ceil(contentLength / BLOCK_MAX)) + contentLength;
}

/**
 * The longest blob that a chunk of this length may have. Storing the chunk would be shorter, but other compressors may
 * not store.
 */
export function maxBlobLength(chunkLength: number): number {
  return rawFrameLength(chunkLength) + MAX_BLOB_EXCESS;
}

/**
 * The pieces of a zstd frame that stores `content` unchanged: headers between slices of `content`, so it goes to the
 * file without a copy. For content of up to 4 GiB.
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
    const length = Math.min(BLOCK_MAX, content.byteLength - offset);
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
  /** The smallest window memory that a decoder needs, in bytes. */
  windowSize: number;
  hasDictionary: boolean;
}

/** Decodes a frame header, RFC 8878 §3.1.1.1. Throws `damaged-block` if the bytes are not a zstd frame. */
export function decodeFrameHeader(frame: Uint8Array): FrameHeader {
  if (frame.byteLength < 6) throw damaged(`${frame.byteLength} bytes are too few`);
  const view = viewOf(frame);
  if (view.getUint32(0, true) !== ZSTD_MAGIC) throw damaged('wrong magic number');
  const descriptor = view.getUint8(4);
  if ((descriptor & 0x08) !== 0) throw damaged('its reserved bit is set');
  const singleSegment = (descriptor & SINGLE_SEGMENT) !== 0;
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
 * A frame header that declares the content size. It replaces the header of a frame that does not. `windowDescriptor` is
 * that of the original (RFC 8878 §3.1.1.1.2). For content below 4 GiB.
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

/** What the block headers of a frame say; the blocks themselves are not decoded. */
interface FrameLayout extends FrameHeader {
  /** Stored bytes of the whole frame. */
  length: number;
  /** Bytes in the raw and run-length blocks. The others would have to be decoded first. */
  plainLength: number;
}

/** Walks the block headers of the frame at the start of `bytes`. Throws `damaged-block`. */
function walkFrame(bytes: Uint8Array): FrameLayout {
  const header = decodeFrameHeader(bytes);
  const blockMax = Math.min(BLOCK_MAX, header.windowSize);
  let offset = header.headerLength;
  let plainLength = 0;
  for (let last = false; !last;) {
    if (offset + BLOCK_HEADER_LENGTH > bytes.byteLength) throw unfinished();
    const block = decodeBlockStart(bytes, offset);
    // A streaming decoder refuses such a block; others may accept it.
    if (block.size > blockMax) throw damagedBlocks(`has a block of ${block.size} bytes`);
    if (block.isPlain) plainLength += block.size;
    offset += BLOCK_HEADER_LENGTH + block.storedLength;
    last = block.last;
  }
  const length = offset + (hasContentChecksum(bytes) ? CONTENT_CHECKSUM_LENGTH : 0);
  if (length > bytes.byteLength) throw unfinished();
  return { ...header, length, plainLength };
}

function unfinished(): ZnipError {
  return new ZnipError('damaged-block', 'the zstd frame does not end where it should');
}

function damagedBlocks(why: string): ZnipError {
  return new ZnipError('damaged-block', `the zstd frame ${why}`);
}

export const BLOCK_HEADER_LENGTH = 3;

/** Length of the Content_Checksum that a frame may end with. */
export const CONTENT_CHECKSUM_LENGTH = 4;

export interface BlockStart {
  /** Block_Size: stored bytes of raw and compressed blocks, decompressed ones of run-length blocks. */
  size: number;
  /** Bytes that follow the block's header. */
  storedLength: number;
  /** Raw or run-length: it decompresses to `size` bytes. */
  isPlain: boolean;
  last: boolean;
}

/** Decodes the Block_Header at `offset`, RFC 8878 §3.1.1.2. Throws `damaged-block` for the reserved type. */
export function decodeBlockStart(bytes: Uint8Array, offset: number): BlockStart {
  const header = (bytes[offset] ?? 0) | ((bytes[offset + 1] ?? 0) << 8) | ((bytes[offset + 2] ?? 0) << 16);
  const type = (header >> 1) & 3;
  if (type === 3) throw damagedBlocks('has a block of reserved type');
  const size = header >> 3;
  // A run-length block (type 1) stores one byte, whatever its size says.
  return { size, storedLength: type === 1 ? 1 : size, isPlain: type !== 2, last: (header & 1) === 1 };
}

/** Content_Checksum_flag of a frame; needs only the first five bytes. */
export function hasContentChecksum(frame: Uint8Array): boolean {
  return ((frame[4] ?? 0) & 0x04) !== 0;
}

/**
 * Length of the zstd frame at the start of `bytes`, found by walking its block headers. Throws `damaged-block` if it
 * does not end within `bytes`.
 */
export function zstdFrameLength(bytes: Uint8Array): number {
  return walkFrame(bytes).length;
}

/**
 * Refuses bytes that are not a valid blob. A blob is exactly one zstd frame that declares `contentLength` bytes of
 * content and needs no dictionary and no window above 128 MiB. Decoders accept more (several frames in a row, skippable
 * ones between them), and some allocate whatever a frame declares. Throws `damaged-block`.
 */
export function checkFrame(frame: Uint8Array, contentLength: number): void {
  const { contentSize, hasDictionary, windowSize } = decodeFrameHeader(frame);
  if (contentSize !== contentLength) {
    throw damagedBlocks(`declares ${contentSize ?? 'no'} bytes, expected ${contentLength}`);
  }
  if (hasDictionary) throw damagedBlocks('needs a dictionary');
  if (windowSize > MAX_WINDOW_SIZE) {
    throw damagedBlocks(`needs a window of ${windowSize} bytes, expected at most ${MAX_WINDOW_SIZE}`);
  }
  // Unused_bit: encoders write 0 (RFC 8878 §3.1.1.1.1.3). So 1 is damage, although decoders ignore it.
  if (((frame[4] ?? 0) & 0x10) !== 0) throw damagedBlocks('has an unused bit set');
  const { length, plainLength } = walkFrame(frame);
  if (length !== frame.byteLength) {
    throw damagedBlocks(`has ${length} bytes, expected ${frame.byteLength}`);
  }
  if (plainLength > contentLength) {
    throw damagedBlocks(`holds ${plainLength} bytes or more, expected ${contentLength}`);
  }
}

/**
 * Returns the frame with a new header that makes the whole content its window; returns the frame itself if its window
 * is no smaller.
 *
 * A streaming decoder has a buffer as long as the window, and writes round in it as long as blocks come. It compares
 * with the declared content only at the end. If the window holds the content, that buffer is full at the declared
 * length, so the decoder stops there. For frames that `checkFrame` has passed, with content of up to 128 MiB.
 */
export function asSingleSegment(frame: Uint8Array): Uint8Array {
  const { headerLength, contentSize = 0, windowSize } = decodeFrameHeader(frame);
  if (windowSize >= contentSize) return frame;
  const whole = new Uint8Array(RAW_FRAME_HEADER_LENGTH + frame.byteLength - headerLength);
  const view = viewOf(whole);
  view.setUint32(0, ZSTD_MAGIC, true);
  // Frame_Content_Size_flag 2 (4 bytes), Single_Segment_flag, Content_Checksum_flag unchanged.
  whole[4] = 0x80 | SINGLE_SEGMENT | ((frame[4] ?? 0) & 0x04);
  view.setUint32(5, contentSize, true);
  whole.set(frame.subarray(headerLength), RAW_FRAME_HEADER_LENGTH);
  return whole;
}
