/**
 * BLAKE3 of a file on disk, read in pieces.
 */
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { codec } from '../codec/codec.ts';
import type { Turns } from '../threads/turns.ts';
import { toFsPath, type ByteString } from '../format/values/byte-string.ts';

const PIECE = 1024 * 1024;

let buffer: Uint8Array | undefined;

/**
 * Throws the file system's own errors. If a symlink took the file's place, it is not followed, and that is such an
 * error.
 */
export function hashFile(path: ByteString): Uint8Array {
  const pieces = hashed(path);
  for (;;) {
    const { done, value } = pieces.next();
    if (done === true) return value;
  }
}

/** The same for a long file, with turns of the event loop, so that signals are noticed. Throws the signal's reason, too. */
export async function hashLongFile(path: ByteString, turns: Turns): Promise<Uint8Array> {
  const pieces = hashed(path);
  try {
    for (;;) {
      const { done, value } = pieces.next();
      if (done === true) return value;
      if (turns.isDue()) await turns.take();
    }
  } finally {
    pieces.return(NOTHING);
  }
}

const NOTHING = new Uint8Array(0);

/** Stops after each piece. Returns the hash. */
function* hashed(path: ByteString): Generator<void, Uint8Array, undefined> {
  const room = (buffer ??= new Uint8Array(PIECE));
  // A FIFO that took the file's place must not block. It gives no bytes, and so another hash.
  const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
  const fd = openSync(toFsPath(path), flags);
  try {
    const hasher = codec().createHasher();
    for (;;) {
      const length = readSync(fd, room, 0, PIECE, null);
      if (length === 0) return hasher.digest();
      hasher.update(room.subarray(0, length));
      yield;
    }
  } finally {
    closeSync(fd);
  }
}
