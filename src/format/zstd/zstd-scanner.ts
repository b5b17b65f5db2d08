/**
 * Follows the frames and blocks of any zstd stream without decoding it. The decoder needs this, because it allocates
 * the window that a frame asks for, and memory for everything that one call decodes to. RFC 8878 §3.1.1.1 (frame
 * header), §3.1.1.2 (block header), §3.1.2 (skippable frames).
 */
import { type ForeignFile, ZnipError } from '../../errors.ts';
import { ANY_SKIPPABLE_MAGIC, SKIPPABLE_HEADER_LENGTH, TAG, ZSTD_MAGIC } from '../values/constants.ts';
import { isArchiveFrame } from './marks.ts';
import { readTag, viewOf } from './skippable-frame.ts';
import {
  BLOCK_HEADER_LENGTH,
  BLOCK_MAX,
  CONTENT_CHECKSUM_LENGTH,
  decodeBlockStart,
  decodeFrameHeader,
  type FrameHeader,
  hasContentChecksum,
  MAX_WINDOW_SIZE,
} from './zstd-frame.ts';

const MAGIC_LENGTH = 4;
/** Length of the tag at the start of what a skippable frame of znip holds. */
const TAG_LENGTH = TAG.blockHeader.length;
/** Magic and descriptor give the length of a frame header; this is the longest (RFC 8878 §3.1.1.1). */
const MAX_FRAME_HEADER_LENGTH = 18;
/** The shortest frame header, and an empty block: no frame has fewer bytes. */
const PROBE_LENGTH = 6;

/** What a frame states about its content, to compare with the decoded bytes. */
export interface FrameEnd {
  /** Content_Checksum, RFC 8878 §3.1.1: the low four bytes of XXH64; undefined if the frame has none. */
  checksum: number | undefined;
  /** Frame_Content_Size in bytes; undefined if the frame does not declare it. */
  contentSize: number | undefined;
}

export interface FrameScannerOptions {
  /** Called for skippable frames of znip, with their tags. */
  onArchiveFrame?: (tag: string) => void;
  /** The largest window that a frame may have, in bytes. Default: 128 MiB. */
  maxWindow?: number;
  /** What to do about a larger window, for the message. */
  hint?: string;
  /** What the stream is, if znip did not make it. */
  foreign?: ForeignFile;
  /** `advance` stops after each frame. */
  stopsAtEnds?: boolean;
}

export class FrameScanner {
  /** Bytes of a header that has not fully arrived. */
  private readonly header = new Uint8Array(MAX_FRAME_HEADER_LENGTH);
  private have = 0;
  private need = MAGIC_LENGTH;
  private expecting: 'magic' | 'skippable' | 'frame' | 'block' = 'magic';
  /** Bytes of the current block, checksum or skippable frame that need not be looked at. */
  private pass = 0;
  private hasChecksum = false;
  private contentSize: number | undefined;
  private blockMax = 0;
  /** How many bytes of the current checksum have not arrived, and those that have. */
  private checksumLeft = 0;
  private checksum = 0;
  private isLastBlock = false;
  private readonly options: FrameScannerOptions;
  /** The frame after which `advance` stopped. */
  ended: FrameEnd | undefined;

  constructor(options: FrameScannerOptions = {}) {
    this.options = options;
  }

  /** Whether the stream may end here: between frames. */
  get isBetweenFrames(): boolean {
    return this.expecting === 'magic' && this.have === 0 && this.pass === 0 && this.checksumLeft === 0;
  }

  /**
   * Continues with the bytes that follow. Returns how many of them hold at most `maxHeaders` headers, of frames or of
   * blocks; each decodes to 128 KiB at most. Throws `damaged-block` if the bytes are not zstd, and `limit` for a window
   * that is too large.
   */
  advance(bytes: Uint8Array, maxHeaders: number): number {
    let at = 0;
    let headers = 0;
    this.ended = undefined;
    while (at < bytes.byteLength) {
      if (this.pass > 0) {
        const passed = Math.min(this.pass, bytes.byteLength - at);
        this.pass -= passed;
        at += passed;
      } else if (this.checksumLeft > 0) {
        this.checksum = ((this.checksum >>> 8) | ((bytes[at++] ?? 0) << 24)) >>> 0;
        this.checksumLeft -= 1;
      } else {
        if (headers === maxHeaders) return at;
        this.header[this.have++] = bytes[at++] ?? 0;
        if (this.have === this.need && this.take()) headers += 1;
      }
      if (this.isLastBlock && this.pass === 0 && this.checksumLeft === 0) {
        this.isLastBlock = false;
        if (this.options.stopsAtEnds !== true) continue;
        const { contentSize } = this;
        this.ended = { checksum: this.hasChecksum ? this.checksum : undefined, contentSize };
        return at;
      }
    }
    return at;
  }

  /** A header has arrived, or enough of it to know its length. Returns whether it is complete. */
  private take(): boolean {
    const header = this.header.subarray(0, this.have);
    if (this.expecting === 'magic') {
      const magic = viewOf(header).getUint32(0, true);
      const skippable = (magic & 0xfffffff0) >>> 0 === ANY_SKIPPABLE_MAGIC;
      if (!skippable && magic !== ZSTD_MAGIC) throw new ZnipError('damaged-block', 'not a zstd frame');
      this.expecting = skippable ? 'skippable' : 'frame';
      this.need = skippable ? SKIPPABLE_HEADER_LENGTH : PROBE_LENGTH;
      return false;
    }
    if (this.expecting === 'frame') return this.takeFrameHeader(header);
    if (this.expecting === 'skippable') {
      const length = viewOf(header).getUint32(4, true);
      if (header.byteLength === SKIPPABLE_HEADER_LENGTH && length >= TAG_LENGTH) {
        this.need = SKIPPABLE_HEADER_LENGTH + TAG_LENGTH;
        return false;
      }
      if (isArchiveFrame(header)) this.options.onArchiveFrame?.(readTag(header));
      this.pass = length - (header.byteLength - SKIPPABLE_HEADER_LENGTH);
      this.expect('magic', MAGIC_LENGTH);
      return true;
    }
    const { size, storedLength, last } = decodeBlockStart(header, 0);
    if (size > this.blockMax) throw new ZnipError('damaged-block', `a zstd block of ${size} bytes`);
    this.pass = storedLength;
    this.isLastBlock = last;
    this.checksumLeft = last && this.hasChecksum ? CONTENT_CHECKSUM_LENGTH : 0;
    this.expect(last ? 'magic' : 'block', last ? MAGIC_LENGTH : BLOCK_HEADER_LENGTH);
    return true;
  }

  private takeFrameHeader(header: Uint8Array): boolean {
    // The missing bytes may be anything: the header's length depends only on its descriptor.
    const { headerLength } = decodeFrameHeader(this.header);
    if (header.byteLength < headerLength) {
      this.need = headerLength;
      return false;
    }
    const { windowSize, contentSize, hasDictionary } = this.checkWindow(decodeFrameHeader(header));
    if (hasDictionary) throw new ZnipError('damaged-block', 'a zstd frame needs a dictionary');
    this.contentSize = contentSize;
    this.blockMax = Math.min(BLOCK_MAX, windowSize);
    this.hasChecksum = hasContentChecksum(header);
    this.expect('block', BLOCK_HEADER_LENGTH);
    return true;
  }

  private checkWindow(header: FrameHeader): FrameHeader {
    const { maxWindow = MAX_WINDOW_SIZE, hint = 'decompress it first', foreign } = this.options;
    const { windowSize } = header;
    if (windowSize <= maxWindow) return header;
    throw new ZnipError(
      'limit',
      `a zstd frame needs a window of ${windowSize} bytes, expected at most ${maxWindow}: ${hint}`,
      foreign === undefined ? {} : { foreign },
    );
  }

  private expect(what: 'magic' | 'block', length: number): void {
    this.expecting = what;
    this.need = length;
    this.have = 0;
  }
}
