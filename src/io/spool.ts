/**
 * A place for data that cannot yet go to its destination: an archive of which some bytes are written again later, parts
 * of an index, or an archive from a pipe whose end must be read first. It is a temporary file without a name, so
 * nothing of it is left, whatever happens.
 */
import { closeSync, openSync, readSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ioError, isExhaustion, systemReason, toZnipError, ZnipError } from '../errors.ts';
import { uninterrupted } from '../posix/uninterrupted.ts';
import { uniquePart } from '../posix/unique-name.ts';

export interface Spool {
  fd: number;
  /** For messages. */
  name: string;
  directory: string;
  close(): void;
}

/** Throws `io` if there is no room for one in `TMPDIR`. */
export function openSpool(): Spool {
  const directory = tmpdir();
  const path = join(directory, `znip-${uniquePart()}.tmp`);
  try {
    const fd = openSync(path, 'wx+', 0o600);
    unlinkSync(path);
    return { fd, name: `a temporary file in ${directory}`, directory, close: () => closeSync(fd) };
  } catch (error) {
    throw spoolError(directory, error);
  }
}

/** The error for a spool without enough room, which says what to do. */
export function spoolError(directory: string, error: unknown): ZnipError {
  if (isExhaustion(error)) return toZnipError(error);
  const { code, context } = ioError('write', directory, error);
  const reason = systemReason(error);
  return new ZnipError(
    code,
    `cannot write a temporary file in '${directory}': ${reason}; set TMPDIR to a directory with more room`,
    context,
    error,
  );
}

/** Reads what was written to a spool at `offset`. */
export function readSpool({ fd, name }: Spool, offset: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  try {
    for (let done = 0; done < length;) {
      const read = uninterrupted(() => readSync(fd, bytes, done, length - done, offset + done));
      if (read === 0) throw new Error('it ends early');
      done += read;
    }
  } catch (error) {
    throw ioError('read', name, error);
  }
  return bytes;
}
