/**
 * Writes out an archive that was built in a spool. Main thread.
 */
import { readSync } from 'node:fs';
import { ioError } from '../errors.ts';
import type { Sink } from './sink.ts';
import type { Spool } from './spool.ts';

const PIECE = 1024 * 1024;

/** Copies a whole spool to its destination. */
export async function copySpool({ fd, name }: Spool, sink: Sink): Promise<void> {
  const piece = new Uint8Array(PIECE);
  for (let offset = 0; ;) {
    let read: number;
    try {
      read = readSync(fd, piece, 0, PIECE, offset);
    } catch (error) {
      throw ioError('read', name, error);
    }
    if (read === 0) return;
    offset += read;
    await sink.write([piece.subarray(0, read)]);
  }
}
