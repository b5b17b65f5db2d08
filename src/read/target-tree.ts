/**
 * The tree that a run writes, as one thread reaches into it: every name by its directory, which is held
 * open, so that neither a symlink nor a directory that somebody swaps meanwhile leads out of the target.
 */
import { openSync } from 'node:fs';
import { errnoOf, ioError, ZnipError } from '../errors.ts';
import { toFsPath, toText, type ByteString } from '../format/byte-string.ts';
import { HeldDirectories, nameOfDescriptor } from '../posix/held-directories.ts';
import { libc, pathArgument } from '../posix/libc.ts';
import { setLinkTime, setTimeAt } from '../posix/times.ts';
import type { WriteSettings } from './write-settings.ts';

export class TargetTree {
  readonly settings: WriteSettings;
  private readonly held: HeldDirectories | undefined;

  constructor(settings: WriteSettings) {
    this.settings = settings;
    this.held = settings.root === undefined ? undefined : new HeldDirectories(settings.root);
  }

  /**
   * What Node's fs takes for the member `path`; its directory must be there. Valid until another directory
   * is asked for. Throws `unsafe-link` where the way to it leads through a symlink.
   */
  name(path: ByteString): string | Buffer {
    return toFsPath(this.byteName(path));
  }

  /** Opens the member `path`, as open(2) does. Throws Node.js's error. */
  open(path: ByteString, flags: number, mode = 0): number {
    const system = libc();
    if (system !== null && this.held !== undefined) {
      const slash = path.lastIndexOf('/');
      const directory = this.parent(path, slash);
      const fd = system.openat(directory, pathArgument(path.slice(slash + 1)), flags | O_CLOEXEC, mode);
      if (fd >= 0) return fd;
    }
    return openSync(this.name(path), flags, mode);
  }

  /** Sets the modification time of the member itself, also when it is a symlink. Throws Node.js's error. */
  setTime(path: ByteString, mtime: bigint): void {
    if (this.held !== undefined) {
      const slash = path.lastIndexOf('/');
      if (setTimeAt(this.parent(path, slash), path.slice(slash + 1), mtime)) return;
    }
    setLinkTime(this.byteName(path), mtime);
  }

  /** The member `path` in messages. */
  text(path: ByteString): string {
    return toText(`${this.settings.target}${path}`);
  }

  /** Lets go of the directories. The tree can be used again. */
  release(): void {
    this.held?.close();
  }

  private byteName(path: ByteString): ByteString {
    if (this.held === undefined) return `${this.settings.target}${path}`;
    const slash = path.lastIndexOf('/');
    return `${nameOfDescriptor(this.parent(path, slash))}${path.slice(slash + 1)}`;
  }

  private parent(path: ByteString, slash: number): number {
    const directory = slash < 0 ? '' : path.slice(0, slash);
    try {
      return this.held?.descriptor(directory) ?? -1;
    } catch (error) {
      const errno = errnoOf(error);
      if (errno !== 'ENOTDIR' && errno !== 'ELOOP') throw ioError('enter', this.text(directory), error);
      const shown = this.text(directory);
      throw new ZnipError(
        'unsafe-link',
        `'${shown}' is no longer the directory that was there: something else changes the target; nothing is written through it`,
        { path: shown },
        error,
      );
    }
  }
}

/** Close on exec, as Node.js opens files (Linux, fcntl.h). */
const O_CLOEXEC = 0x80000;
