/**
 * A place for what cannot go where it is to go yet: an archive that has to be written over here and there, parts
 * of an index, an archive that arrives and of which the end is to be read first. A temporary file without a name, so that nothing of it is left whatever happens.
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

/** Throws `io` when there is no room for one in `TMPDIR`. */
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

/** What to do when there is no room for a spool, or no more. */
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
