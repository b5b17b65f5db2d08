/**
 * A place for an archive that has to be written over here and there before it can go where it is to go: a
 * temporary file without a name, so that nothing of it is left whatever happens.
 */
import { randomBytes } from 'node:crypto';
import { closeSync, openSync, readSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ioError } from '../errors.ts';
import type { Sink } from './sink.ts';

export interface Spool {
  fd: number;
  name: string;
  close(): void;
}

/** Throws `io` when there is no room for one in `TMPDIR`. */
export function openSpool(): Spool {
  const directory = tmpdir();
  const path = join(directory, `znip-${randomBytes(6).toString('hex')}.tmp`);
  try {
    const fd = openSync(path, 'wx+', 0o600);
    unlinkSync(path);
    return { fd, name: `a temporary file in ${directory}`, close: () => closeSync(fd) };
  } catch (error) {
    throw ioError('write a temporary file in', directory, error);
  }
}

const PIECE = 1024 * 1024;

/** Copies all of a spool to where it is to go. */
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
