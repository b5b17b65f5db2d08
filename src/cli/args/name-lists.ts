/**
 * Lists that commands read: names from -T, patterns from --exclude-from.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { errnoOf, ioError, ZnipError } from '../../errors.ts';

const PIECE = 1 << 20;
const RETRY_MS = 5;

/** Reads all of a file or a pipe, or of standard input if it is called `-`. */
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
      // Another program made standard input non-blocking, and no bytes have arrived yet.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS);
    }
  }
}

/** The names in a list, as bytes: one on each line, or with a NUL after each. Empty names are ignored. */
export function* splitNames(list: Buffer, nul: boolean): Generator<Buffer, void, undefined> {
  const separator = nul ? 0 : 0x0a;
  for (let start = 0; start < list.byteLength;) {
    const found = list.indexOf(separator, start);
    const end = found < 0 ? list.byteLength : found;
    if (end > start) yield list.subarray(start, end);
    start = end + 1;
  }
}

/** Reads a list of names. If it has NULs that are not expected, it is refused, so that it is not misread. */
export function readNameList(file: string, nul: boolean, stdin: number): Buffer {
  const list = readAll(file, stdin);
  if (!nul && list.includes(0)) {
    throw new ZnipError('usage', `the names in '${file}' are separated by NUL: use -0`);
  }
  return list;
}

/**
 * The patterns in a file, one on each line, as GNU tar reads them. It ignores blanks at the end of a line, the mark
 * that some editors put at the start of a file, empty lines, and lines that begin with `#`. Throws `usage` for a line
 * that begins with `!`: elsewhere this means an exception, but here it would be taken as a name.
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
      `'${exception}' in '${file}' begins with !, which means an exception in a .gitignore: to pack such names anyway, use --include; for a .gitignore, use --gitignore; for a name that begins with !, write \\!`,
    );
  }
  return patterns;
}

/** The line without blanks at its end. A blank after a backslash stays. */
function trimmed(line: string): string {
  const text = line.trimEnd();
  const backslashes = /\\*$/.exec(text)?.[0].length ?? 0;
  return backslashes % 2 === 1 && /^[ \t]/.test(line.slice(text.length))
    ? `${text}${line.charAt(text.length)}`
    : text;
}
