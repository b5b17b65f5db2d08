/**
 * BLAKE3 of a file on disk, read in pieces.
 */
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { codec } from '../codec/codec.ts';
import { toFsPath, type ByteString } from '../format/values/byte-string.ts';

const PIECE = 1024 * 1024;

let buffer: Uint8Array | undefined;

/**
 * Throws the file system's own errors. If a symlink took the file's place, it is not followed, and that is such an
 * error.
 */
export function hashFile(path: ByteString): Uint8Array {
  buffer ??= new Uint8Array(PIECE);
  // A FIFO that took the file's place must not block. It gives no bytes, and so another hash.
  const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
  const fd = openSync(toFsPath(path), flags);
  try {
    const hasher = codec().createHasher();
    for (;;) {
      const length = readSync(fd, buffer, 0, PIECE, null);
      if (length === 0) return hasher.digest();
      hasher.update(buffer.subarray(0, length));
    }
  } finally {
    closeSync(fd);
  }
}
