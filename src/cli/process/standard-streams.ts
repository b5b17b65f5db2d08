/**
 * The descriptors of a process: which of them are terminals, and whether somebody has closed its standard output.
 */
import { constants, fstatSync, readFileSync, statSync } from 'node:fs';
import { ZnipError } from '../../errors.ts';

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
