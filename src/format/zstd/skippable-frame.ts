/**
 * Skippable frames (RFC 8878 §3.1.2): how znip puts its own structures into a zstd stream.
 * Implements docs/format.md, "Skippable frames" and "Sections".
 */
import { ZnipError, type ZnipErrorCode } from '../../errors.ts';
import { FORMAT_MAJOR, FORMAT_MINOR, SKIPPABLE_HEADER_LENGTH, SKIPPABLE_MAGIC } from '../values/constants.ts';
import { readUint64, writeUint64 } from '../values/integers.ts';

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Writes the magic and payload length of a skippable frame at the start of `frame`, which is the whole frame. */
export function writeSkippableHeader(frame: Uint8Array): void {
  const view = viewOf(frame);
  // 0: Magic_Number, 4: Frame_Size (of the payload)
  view.setUint32(0, SKIPPABLE_MAGIC, true);
  view.setUint32(4, frame.byteLength - SKIPPABLE_HEADER_LENGTH, true);
}

/** The four characters that say what a skippable frame of znip holds; '' if it is not one. */
export function readTag(frame: Uint8Array): string {
  if (frame.byteLength < SKIPPABLE_HEADER_LENGTH + 4) return '';
  if (viewOf(frame).getUint32(0, true) !== SKIPPABLE_MAGIC) return '';
  return String.fromCharCode(...frame.subarray(SKIPPABLE_HEADER_LENGTH, SKIPPABLE_HEADER_LENGTH + 4));
}

/** Length in bytes of the skippable frame that starts at `bytes[0]`; needs only its first 8 bytes. */
export function skippableFrameLength(bytes: Uint8Array): number {
  return SKIPPABLE_HEADER_LENGTH + viewOf(bytes).getUint32(4, true);
}

/** Bytes before the zstd frame in a section: skippable header, tag, version, flags, table length. */
export const SECTION_HEADER_LENGTH = SKIPPABLE_HEADER_LENGTH + 16;

/**
 * A section: one skippable frame with an Arrow IPC stream, compressed as a whole. `compressed` is one zstd frame;
 * `tableLength` is the length of the Arrow stream in it.
 */
export function encodeSection(tag: string, compressed: Uint8Array, tableLength: number): Uint8Array {
  const frame = new Uint8Array(SECTION_HEADER_LENGTH + compressed.byteLength);
  writeSkippableHeader(frame);
  const view = viewOf(frame);
  // 8: tag
  for (let i = 0; i < 4; i++) frame[8 + i] = tag.charCodeAt(i);
  // 12: major version, 13: minor version, 14: flags (2 bytes, none defined)
  frame[12] = FORMAT_MAJOR;
  frame[13] = FORMAT_MINOR;
  // 16: table length
  writeUint64(view, 16, tableLength);
  // 24: zstd frame
  frame.set(compressed, SECTION_HEADER_LENGTH);
  return frame;
}

export interface Section {
  /** One zstd frame. */
  compressed: Uint8Array;
  /** Length of the Arrow IPC stream, in bytes: what the frame must decompress to. */
  tableLength: number;
}

/**
 * Takes a section apart. `frame` is all its stored bytes. Throws `code` if the bytes are not a section with this tag,
 * and `unsupported-version` for another major version.
 */
export function decodeSection(frame: Uint8Array, tag: string, code: ZnipErrorCode): Section {
  const found = readTag(frame);
  if (found !== tag || frame.byteLength < SECTION_HEADER_LENGTH) {
    throw new ZnipError(code, `expected a ${tag} section, found ${found === '' ? 'other bytes' : found}`);
  }
  if (skippableFrameLength(frame) !== frame.byteLength) {
    throw new ZnipError(
      code,
      `${tag} section: its frame says ${skippableFrameLength(frame)} bytes, the index says ${frame.byteLength}`,
    );
  }
  checkMajor(frame[12] ?? 0, frame[13] ?? 0);
  return {
    compressed: frame.subarray(SECTION_HEADER_LENGTH),
    tableLength: readUint64(viewOf(frame), 16, `${tag} table length`, code),
  };
}

/** Refuses a major version that is not ours, by number. Minor versions never matter to a reader. */
export function checkMajor(major: number, minor: number): void {
  if (major !== FORMAT_MAJOR) {
    throw new ZnipError(
      'unsupported-version',
      `the archive is of format version ${major}.${minor}; this znip reads up to ${FORMAT_MAJOR}.x: use a newer znip`,
    );
  }
}
