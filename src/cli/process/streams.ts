/**
 * What a run reads and writes. Output is written synchronously and in order. If the reader goes away, the command ends
 * without a message, as cat does.
 */
import { closeSync, fstatSync, openSync } from 'node:fs';
import { ZnipError, errnoOf, ioError, systemReason } from '../../errors.ts';
import { writeFully } from '../../posix/write.ts';
import { ClosedPipe, isTerminal, refuseClosedOutput, STDOUT } from './standard-streams.ts';
import type { World } from './world.ts';

/** A file to read in one pass, or standard input for `-`. A terminal is refused. */
export interface OpenedInput {
  fd: number;
  /** Its name in messages. */
  name: string;
  close: () => void;
}

export class Streams {
  readonly stdin: number;
  readonly stdout: number;
  private readonly stderr: number;

  constructor({ stdin, stdout, stderr }: World) {
    this.stdin = stdin;
    this.stdout = stdout;
    this.stderr = stderr;
  }

  get inputIsTerminal(): boolean {
    return isTerminal(this.stdin);
  }

  get outputIsTerminal(): boolean {
    return isTerminal(this.stdout);
  }

  get errorIsTerminal(): boolean {
    return isTerminal(this.stderr);
  }

  /** Writes to standard output. Throws ClosedPipe if nobody reads it any more, `io` if it is closed or full. */
  write(data: string | Uint8Array): void {
    this.refuseClosed();
    try {
      writeFully(this.stdout, typeof data === 'string' ? Buffer.from(data, 'utf8') : data);
    } catch (error) {
      const errno = errnoOf(error);
      if (errno === 'EPIPE') throw new ClosedPipe();
      const context = errno === undefined ? {} : { errno };
      throw new ZnipError('io', `cannot write to standard output: ${systemReason(error)}`, context, error);
    }
  }

  /** Writes a line to standard error. If nobody reads it, it is lost. */
  message(line: string): void {
    try {
      writeFully(this.stderr, Buffer.from(`${line}\n`, 'utf8'));
    } catch {
      // If standard error does not work, there is no way to say so.
    }
  }

  /**
   * Throws `usage` if binary data would go to a terminal, and `io` if standard output is closed. `instead` says what
   * the user can do.
   */
  refuseTerminal(what: string, force: boolean, instead = '-o FILE, a pipe, or --force'): void {
    this.refuseClosed(what);
    if (!force && this.outputIsTerminal) {
      throw new ZnipError('usage', `${what} is not written to a terminal: use ${instead}`);
    }
  }

  /**
   * Throws if this process was started with its standard output closed. Descriptors that were opened later are not
   * checked.
   */
  private refuseClosed(what?: string): void {
    if (this.stdout === STDOUT) refuseClosedOutput(what);
  }

  /** Throws `usage` for a terminal or a directory, `io` for what cannot be opened. */
  openForReading(path: string, what = 'an archive'): OpenedInput {
    if (path === '-') {
      if (this.inputIsTerminal) {
        throw new ZnipError('usage', `${what} is not read from a terminal: name a file, or pipe one in`);
      }
      return { fd: this.stdin, name: 'standard input', close() {} };
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
}
