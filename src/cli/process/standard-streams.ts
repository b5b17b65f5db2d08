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
 * Throws `io` where standard output is closed, as by `>&-`. Node.js puts /dev/null in its place, where all would be lost
 * with success; `bin/znip.cjs` looks before that.
 */
export function refuseClosedOutput(): void {
  if ((process.env['ZNIP_CLOSED_OUTPUT'] ?? '') === '') return;
  throw new ZnipError('io', 'cannot write to standard output: it is closed');
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

/**
 * Throws `io` where standard output is closed, as by `>&-`: `what` would be lost. Node.js opens /dev/null in the place of
 * a descriptor that is closed, for reading and writing. A parent may have done so, too, but nobody asks for an archive to
 * throw it away: what only lists is not asked.
 */
export function requireOutput(what: string): void {
  let flags: number;
  try {
    if (fstatSync(STDOUT).rdev !== statSync('/dev/null').rdev) return;
    const info = readFileSync(`/proc/self/fdinfo/${STDOUT}`, 'latin1');
    flags = Number.parseInt(/^flags:\s*([0-7]+)/m.exec(info)?.[1] ?? '', 8);
  } catch {
    // Not Linux.
    return;
  }
  if ((flags & ACCESS_MODE) !== constants.O_RDWR) return;
  throw new ZnipError(
    'io',
    `standard output is closed, and ${what} would be lost: redirect it, or name a file, with -o /dev/null too`,
  );
}

/** O_ACCMODE of POSIX, fcntl.h. */
const ACCESS_MODE = 3;
