/**
 * Directories that are reached component by component and held open by descriptor. So no symlink is followed on the
 * way, and a person who renames or replaces a directory meanwhile cannot lead writes elsewhere.
 *
 * Linux gives a descriptor a name, `/proc/self/fd/N`. It replaces openat(2) and similar calls, because the calls of
 * Node.js know only paths.
 */
import { closeSync, constants, openSync } from 'node:fs';
import { core } from '../core/core.ts';
import { toFsPath, type ByteString } from '../format/values/byte-string.ts';
import { fstat, stat } from './stat.ts';

/** Only names a place in the tree, so even a directory that may not be listed can be held (Linux, fcntl.h). */
export const O_PATH = 0x200000;

/**
 * The most descriptors held at once, without the root's. In a deeper path, the ones nearest the root are closed and
 * opened again later.
 */
const MAX_HELD = 16;

const GIVEN_UP = -1;

/**
 * Opens a directory to hold it, and follows symlinks: it is the root, which the user named. undefined if it cannot be
 * held.
 */
export function holdDirectory(path: ByteString): number | undefined {
  if (process.platform !== 'linux') return undefined;
  const fd = openSync(toFsPath(path), O_PATH | constants.O_DIRECTORY);
  try {
    // /proc may not be mounted, or may be that of another process.
    if (stat(`/proc/self/fd/${fd}`).ino === fstat(fd).ino) return fd;
  } catch {
    // It is not there.
  }
  closeSync(fd);
  return undefined;
}

/** The name under which the kernel finds what a held directory holds. */
export function nameOfDescriptor(fd: number): ByteString {
  return `/proc/self/fd/${fd}/`;
}

/** The name under which the kernel finds an open file itself, whatever happened to its own names. */
export function nameOfOpen(fd: number): string {
  return `/proc/self/fd/${fd}`;
}

/**
 * Opens the file with this name in a held directory, as open(2) does. The name was read from that directory. Throws
 * Node.js's error.
 */
export function openIn(directory: number, name: ByteString, flags: number, mode = 0): number {
  const fd = core()?.openAt(directory, name, flags, mode) ?? -1;
  return fd >= 0 ? fd : openSync(toFsPath(`${nameOfDescriptor(directory)}${name}`), flags, mode);
}

export class HeldDirectories {
  private readonly root: number;
  /** Whether symlinks on the way are followed. */
  private readonly follow: boolean;
  private readonly most: number;
  /** The directory that was asked for last; undefined if it could not be reached. */
  private path: ByteString | undefined = '';
  /** The part of the path to it that is open. */
  private names: ByteString[] = [];
  private descriptors: number[] = [];

  /** `root`: from `holdDirectory`; it stays open. `most`: how many are held at once, without the root. */
  constructor(root: number, follow = false, most = MAX_HELD) {
    this.root = root;
    this.follow = follow;
    this.most = most;
  }

  /**
   * Descriptor of a directory below the root; '' means the root itself. Valid until the next call. Throws Node.js's
   * error: ENOTDIR if a component is a symlink or not a directory, ENOENT if it is missing.
   */
  descriptor(path: ByteString): number {
    if (path !== this.path) this.move(path);
    return this.descriptors.at(-1) ?? this.root;
  }

  close(): void {
    this.path = '';
    this.leave(0);
  }

  private move(path: ByteString): void {
    this.path = undefined;
    const names = path === '' ? [] : path.split('/');
    let shared = 0;
    while (shared < names.length && names[shared] === this.names[shared]) shared++;
    this.leave(shared);
    let level = shared;
    while (level > 0 && this.descriptors[level - 1] === GIVEN_UP) level--;
    this.descriptors.length = level;
    this.names.length = level;
    for (; level < names.length; level++) {
      const name = names[level] ?? '';
      const flags = O_PATH | constants.O_DIRECTORY | (this.follow ? 0 : constants.O_NOFOLLOW);
      this.descriptors.push(openIn(this.descriptors[level - 1] ?? this.root, name, flags));
      this.names.push(name);
      this.giveUp(level - this.most);
    }
    this.path = path;
  }

  /** Closes the levels from `depth` on. */
  private leave(depth: number): void {
    for (let level = this.descriptors.length - 1; level >= depth; level--) this.giveUp(level);
    this.descriptors.length = Math.min(this.descriptors.length, depth);
    this.names.length = this.descriptors.length;
  }

  private giveUp(level: number): void {
    const fd = this.descriptors[level] ?? GIVEN_UP;
    if (fd === GIVEN_UP) return;
    closeSync(fd);
    this.descriptors[level] = GIVEN_UP;
  }
}
