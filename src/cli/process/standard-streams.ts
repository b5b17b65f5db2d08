/**
 * Standard output and error. Output is written synchronously and in order; a reader that went away ends
 * the command quietly, as it does for cat.
 */
import { closeSync, constants, fstatSync, openSync, readFileSync, statSync } from 'node:fs';
import { ZnipError, errnoOf, ioError, systemReason } from '../../errors.ts';
import { writeFully } from '../../posix/write.ts';

export const STDIN = 0;
export const STDOUT = 1;
export const STDERR = 2;

/** The reader of standard output went away. Not an error: the command ends with status 0. */
export class ClosedPipe extends Error {}

/**
 * Throws `io` where standard output is closed, as by `>&-`. Node.js opens /dev/null in its place, where all would be lost with
 * success; `bin/znip.cjs` looks before that, and what it says counts. Where Node.js was started without it, nobody knows any
 * more: a guess is enough for `what`, which nobody asks for to throw it away, but not for what only lists.
 */
export function refuseClosedOutput(what?: string): void {
  const told = process.env['ZNIP_CLOSED_OUTPUT'];
  if (told === '' || (told === undefined && (what === undefined || !looksReopened()))) return;
  throw new ZnipError(
    'io',
    what === undefined
      ? 'cannot write to standard output: it is closed'
      : `standard output is closed, and ${what} would be lost: redirect it, to /dev/null too`,
  );
}

/** Whether standard output is a /dev/null that is open for reading, too, as Node.js opens it and shells do not. */
function looksReopened(): boolean {
  try {
    if (fstatSync(STDOUT).rdev !== statSync('/dev/null').rdev) return false;
    const info = readFileSync(`/proc/self/fdinfo/${STDOUT}`, 'latin1');
    const flags = Number.parseInt(/^flags:\s*([0-7]+)/m.exec(info)?.[1] ?? '', 8);
    return (flags & ACCESS_MODE) === constants.O_RDWR;
  } catch {
    // Not Linux.
    return false;
  }
}

/** O_ACCMODE of POSIX, fcntl.h. */
const ACCESS_MODE = 3;

/** Writes to standard output; throws ClosedPipe when nobody reads it any more, `io` when it is closed or full. */
export function writeOutput(data: string | Uint8Array): void {
  refuseClosedOutput();
  try {
    writeFully(STDOUT, typeof data === 'string' ? Buffer.from(data, 'utf8') : data);
  } catch (error) {
    if (errnoOf(error) === 'EPIPE') throw new ClosedPipe();
    const errno = errnoOf(error);
    const context = errno === undefined ? {} : { errno };
    throw new ZnipError('io', `cannot write to standard output: ${systemReason(error)}`, context, error);
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

/** Asks node:tty, which loads node:net and all streams, only about what may be a terminal. */
export function isTerminal(fd: number): boolean {
  return mayBeTerminal(fd) && process.getBuiltinModule('node:tty').isatty(fd);
}

function mayBeTerminal(fd: number): boolean {
  try {
    const stats = fstatSync(fd);
    return stats.isCharacterDevice() && stats.rdev !== statSync('/dev/null').rdev;
  } catch {
    return false;
  }
}

/** Throws `usage` rather than write binary data to a terminal, `io` where standard output is closed. `instead` says what the user can do. */
export function refuseTerminal(
  fd: number,
  what: string,
  force: boolean,
  instead = '-o FILE, a pipe, or --force',
): void {
  if (fd === STDOUT) refuseClosedOutput(what);
  if (!force && isTerminal(fd)) {
    throw new ZnipError('usage', `${what} is not written to a terminal: use ${instead}`);
  }
}

/** A file to be read in one pass, or standard input for `-`, which a terminal is not read as. */
export interface OpenedInput {
  fd: number;
  /** For messages. */
  name: string;
  close: () => void;
}

/** Throws `usage` for a terminal or a directory, `io` for what cannot be opened. */
export function openForReading(path: string, what = 'an archive'): OpenedInput {
  if (path === '-') {
    if (isTerminal(STDIN)) {
      throw new ZnipError('usage', `${what} is not read from a terminal: name a file, or pipe one in`);
    }
    return { fd: STDIN, name: 'standard input', close() {} };
  }
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (error) {
    throw ioError('open', path, error);
  }
  if (fstatSync(fd).isDirectory()) {
    closeSync(fd);
    throw new ZnipError('usage', `'${path}' is a directory: expected a file`, { path });
  }
  return { fd, name: `'${path}'`, close: () => closeSync(fd) };
}
