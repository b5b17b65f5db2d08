/**
 * Standard output and error. Output is written synchronously and in order; a reader that went away ends
 * the command quietly, as it does for cat and tar.
 */
import { fstatSync } from 'node:fs';
import { isatty } from 'node:tty';
import { ZnipError, errnoOf } from '../errors.ts';
import { writeFully } from '../pack/sink.ts';

export const STDIN = 0;
export const STDOUT = 1;
export const STDERR = 2;

/** The reader of standard output went away. Not an error: the command ends with status 0. */
export class ClosedPipe extends Error {}

/** Writes to standard output; throws ClosedPipe when nobody reads it any more. */
export function writeOutput(data: string | Uint8Array): void {
  try {
    writeFully(STDOUT, typeof data === 'string' ? Buffer.from(data, 'utf8') : data);
  } catch (error) {
    if (errnoOf(error) === 'EPIPE') throw new ClosedPipe();
    throw new ZnipError('io', 'cannot write to standard output', {}, error);
  }
}

/** Writes a line to standard error; where nobody reads it, it is lost. */
export function writeMessage(line: string): void {
  try {
    writeFully(STDERR, Buffer.from(`${line}\n`, 'utf8'));
  } catch {
    // Nobody can be told that nobody can be told.
  }
}

export function isTerminal(fd: number): boolean {
  return isatty(fd);
}

/** Throws `usage` rather than write binary data to a terminal. `instead` says what the user can do. */
export function refuseTerminal(
  fd: number,
  what: string,
  force: boolean,
  instead = '-o FILE, a pipe, or --force',
): void {
  if (!force && isTerminal(fd)) {
    throw new ZnipError('usage', `${what} is not written to a terminal: use ${instead}`);
  }
}

/** Whether the descriptor is open at all: `znip … >&-` closes it. */
export function isOpen(fd: number): boolean {
  try {
    fstatSync(fd);
    return true;
  } catch {
    return false;
  }
}
