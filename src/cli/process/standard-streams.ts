/**
 * The descriptors of a process: which of them are terminals, and whether its standard output is closed.
 */
import { constants, fstatSync, readFileSync, statSync } from 'node:fs';
import { ZnipError } from '../../errors.ts';

export const STDIN = 0;
export const STDOUT = 1;
export const STDERR = 2;

/** The reader of standard output went away. Not an error: the command ends with status 0. */
export class ClosedPipe extends Error {}

/**
 * Throws `io` if standard output was closed at the start, as with `>&-`. Node.js opens /dev/null in its place, so all
 * output would be lost although znip reports success. `bin/znip.cjs` looks before that, and its answer counts. If
 * Node.js was started without it, znip can only guess. A guess is good enough if `what` would be lost, because nobody
 * makes that to throw it away. It is not good enough for commands that only list.
 */
export function refuseClosedOutput(what?: string): void {
  const told = process.env['ZNIP_CLOSED_OUTPUT'];
  if (told === '' || (told === undefined && (what === undefined || !looksReopened()))) return;
  throw new ZnipError(
    'io',
    what === undefined
      ? 'cannot write to standard output: it is closed'
      : `standard output is closed, and ${what} would be lost: redirect it, for example to /dev/null`,
  );
}

/** Whether standard output is a /dev/null that is also open for reading: Node.js opens it so, but shells do not. */
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

/** Uses node:tty only for what may be a terminal, because it loads node:net and all streams. */
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
