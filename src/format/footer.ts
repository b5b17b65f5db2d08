/**
 * The footer: the end of the file, of fixed size. A reader finds everything else through it. Implements docs/format.md,
 * "Footer".
 */
import { ZnipError } from '../errors.ts';
import { type Hash, equalBytes } from './values/bytes.ts';
import {
  CHECKSUM_LENGTH,
  FOOTER_MAGIC,
  FORMAT_MAJOR,
  FORMAT_MINOR,
  SHORT_CHECKSUM_LENGTH,
  TAG,
} from './values/constants.ts';
import { readUint64, writeUint64 } from './values/integers.ts';
import {
  checkMajor,
  readTag,
  skippableFrameLength,
  viewOf,
  writeSkippableHeader,
} from './zstd/skippable-frame.ts';

export const FOOTER_LENGTH = 88;

const CHECKSUM_OFFSET = 72;
const MAGIC_OFFSET = 80;

export interface Footer {
  manifestOffset: number;
  manifestLength: number;
  /** Bytes of the whole archive, footer included. */
  archiveLength: number;
  /** BLAKE3 of the manifest's stored bytes: the archive's root hash. */
  rootHash: Uint8Array;
}

export function encodeFooter(footer: Footer, hash: Hash): Uint8Array {
  const frame = Buffer.alloc(FOOTER_LENGTH);
  const view = viewOf(frame);
  writeSkippableHeader(frame);
  // 8: tag
  frame.write(TAG.footer, 8, 'latin1');
  // 12: major version, 13: minor version, 14: flags (none defined)
  frame[12] = FORMAT_MAJOR;
  frame[13] = FORMAT_MINOR;
  // 16: manifest offset, 24: manifest length, 32: archive length
  writeUint64(view, 16, footer.manifestOffset);
  writeUint64(view, 24, footer.manifestLength);
  writeUint64(view, 32, footer.archiveLength);
  // 40: root hash
  frame.set(footer.rootHash, 40);
  // 72: checksum of bytes 0 to 71
  frame.set(hash(frame.subarray(0, CHECKSUM_OFFSET)).subarray(0, SHORT_CHECKSUM_LENGTH), CHECKSUM_OFFSET);
  // 80: magic
  frame.set(FOOTER_MAGIC, MAGIC_OFFSET);
  return frame;
}

/** Whether these bytes, the last of a file, are the end of an archive. */
export function endsWithMagic(tail: Uint8Array): boolean {
  return tail.byteLength >= 8 && equalBytes(tail.subarray(-8), FOOTER_MAGIC);
}

/** Decodes the footer from the last FOOTER_LENGTH bytes of an archive of `byteLength` bytes. */
export function decodeFooter(frame: Uint8Array, byteLength: number, hash: Hash): Footer {
  const damaged = (why: string): ZnipError =>
    new ZnipError('damaged-footer', `the archive's footer is damaged: ${why}`, {
      offset: byteLength - FOOTER_LENGTH,
    });
  if (frame.byteLength !== FOOTER_LENGTH)
    throw damaged(`it has ${frame.byteLength} of ${FOOTER_LENGTH} bytes`);
  if (readTag(frame) !== TAG.footer) throw damaged('it does not begin as a footer does');
  if (!endsWithMagic(frame)) throw damaged('it does not end as a footer does');
  checkMajor(frame[12] ?? 0, frame[13] ?? 0);
  if (skippableFrameLength(frame) !== FOOTER_LENGTH) throw damaged('its length is wrong');
  const checksum = hash(frame.subarray(0, CHECKSUM_OFFSET)).subarray(0, SHORT_CHECKSUM_LENGTH);
  if (!equalBytes(checksum, frame.subarray(CHECKSUM_OFFSET, MAGIC_OFFSET))) {
    throw damaged('its checksum does not match');
  }
  const view = viewOf(frame);
  const manifestOffset = readUint64(view, 16, 'manifest offset', 'damaged-footer');
  const manifestLength = readUint64(view, 24, 'manifest length', 'damaged-footer');
  const archiveLength = readUint64(view, 32, 'archive length', 'damaged-footer');
  if (archiveLength !== byteLength) {
    throw damaged(`it ends an archive of ${archiveLength} bytes, but the file has ${byteLength}`);
  }
  if (manifestOffset + manifestLength !== byteLength - FOOTER_LENGTH) {
    throw damaged(`the manifest, ${manifestLength} bytes at ${manifestOffset}, does not end where it begins`);
  }
  return {
    manifestOffset,
    manifestLength,
    archiveLength,
    rootHash: Uint8Array.from(frame.subarray(40, 40 + CHECKSUM_LENGTH)),
  };
}
