/**
 * Lists that commands read: names from -T, patterns from --exclude-from.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { errnoOf, ioError, ZnipError } from '../../errors.ts';

const PIECE = 1 << 20;
const RETRY_MS = 5;

/** All of a file, a pipe, or, as `-`, standard input. */
function readAll(file: string, stdin: number): Buffer {
  const pieces: Buffer[] = [];
  try {
    const fd = file === '-' ? stdin : openSync(file, 'r');
    try {
      for (;;) {
        const piece = Buffer.allocUnsafe(PIECE);
        const length = readOrWait(fd, piece);
        if (length === 0) break;
        pieces.push(piece.subarray(0, length));
      }
    } finally {
      if (fd !== stdin) closeSync(fd);
    }
  } catch (error) {
    throw ioError('read', file === '-' ? 'standard input' : file, error);
  }
  return Buffer.concat(pieces);
}

function readOrWait(fd: number, piece: Buffer): number {
  for (;;) {
    try {
      return readSync(fd, piece);
    } catch (error) {
      if (errnoOf(error) !== 'EAGAIN') throw error;
      // Somebody made standard input non-blocking, and nothing is there yet.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS);
    }
  }
}

/** The names in a list, as their bytes: one on a line, or with a NUL after each. Empty ones do not count. */
export function* splitNames(list: Buffer, nul: boolean): Generator<Buffer, void, undefined> {
  const separator = nul ? 0 : 0x0a;
  for (let start = 0; start < list.byteLength;) {
    const found = list.indexOf(separator, start);
    const end = found < 0 ? list.byteLength : found;
    if (end > start) yield list.subarray(start, end);
    start = end + 1;
  }
}

/** Reads a list of names. A list with NULs that are not expected is refused, not misread. */
export function readNameList(file: string, nul: boolean, stdin: number): Buffer {
  const list = readAll(file, stdin);
  if (!nul && list.includes(0)) {
    throw new ZnipError('usage', `the names in '${file}' are separated by NUL: use -0`);
  }
  return list;
}

/**
 * The patterns in a file, one on a line, as GNU tar reads them: blanks at the end of a line do not count, nor does the
 * mark that some editors put at the start of a file. Blank lines and those that begin with `#` do not count. Throws
 * `usage` for a line with `!`, which means an exception to others, and would be taken for a name here.
 */
export function readPatterns(file: string, stdin: number): string[] {
  const lines = readAll(file, stdin)
    .toString('utf8')
    .replace(/^\ufeff/, '')
    .split('\n');
  const patterns = lines.map(trimmed).filter((line) => line !== '' && !line.startsWith('#'));
  const exception = patterns.find((line) => line.startsWith('!'));
  if (exception !== undefined) {
    throw new ZnipError(
      'usage',
      `'${exception}' in '${file}' begins with !, as exceptions in a .gitignore do: use --include for what to take in all the same, --gitignore for such a file, or write \\! for a name that begins so`,
    );
  }
  return patterns;
}

/** Without blanks at its end, but for one with a backslash before it. */
function trimmed(line: string): string {
  const text = line.trimEnd();
  const backslashes = /\\*$/.exec(text)?.[0].length ?? 0;
  return backslashes % 2 === 1 && /^[ \t]/.test(line.slice(text.length))
    ? `${text}${line.charAt(text.length)}`
    : text;
}
