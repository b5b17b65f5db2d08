/**
 * Directories reached component by component and held by descriptor, so that no symlink is followed on the
 * way and whoever renames or replaces one meanwhile cannot lead what is written elsewhere.
 *
 * Linux gives a descriptor a name, `/proc/self/fd/N`, which stands in for openat(2) and its kin in calls of
 * Node.js that know only paths.
 */
import { closeSync, constants, openSync } from 'node:fs';
import { toFsPath, type ByteString } from '../format/values/byte-string.ts';
import { isLibcLoaded, libc, pathArgument } from './libc.ts';
import { fstat, stat } from './stat.ts';

/** Names a place in the tree and no more: a directory that may not be listed can be held too (Linux, fcntl.h). */
export const O_PATH = 0x200000;

/** Descriptors held at once, the root's not counted. The shallowest of a deeper path are given up and opened again. */
const MAX_HELD = 16;

const GIVEN_UP = -1;

/** Opens a directory to be held, following symlinks: the root, which the user named. undefined where it cannot be held. */
export function holdDirectory(path: ByteString): number | undefined {
  if (process.platform !== 'linux') return undefined;
  const fd = openSync(toFsPath(path), O_PATH | constants.O_DIRECTORY);
  try {
    // Where /proc is not mounted, or another process's.
    if (stat(`/proc/self/fd/${fd}`).ino === fstat(fd).ino) return fd;
  } catch {
    // Not there.
  }
  closeSync(fd);
  return undefined;
}

/** The name below which the kernel finds what a held directory holds. */
export function nameOfDescriptor(fd: number): ByteString {
  return `/proc/self/fd/${fd}/`;
}

/** The name under which the kernel finds an open file itself, whatever became of its own names. */
export function nameOfOpen(fd: number): string {
  return `/proc/self/fd/${fd}`;
}

/** Close on exec, as Node.js opens files (Linux, fcntl.h). */
export const O_CLOEXEC = 0x80000;

/** Opens what a held directory has under a name that was read from it, as open(2) does. Throws Node.js's error. */
export function openIn(directory: number, name: ByteString, flags: number): number {
  // Loading libc takes as long as what it saves on a few thousand files.
  const system = isLibcLoaded() ? libc() : null;
  const fd = system?.openat(directory, pathArgument(name), flags | O_CLOEXEC, 0) ?? -1;
  return fd >= 0 ? fd : openSync(toFsPath(`${nameOfDescriptor(directory)}${name}`), flags);
}

export class HeldDirectories {
  private readonly root: number;
  /** Whether symlinks on the way are followed. */
  private readonly follow: boolean;
  private readonly most: number;
  /** The directory asked for last; undefined when it could not be reached. */
  private path: ByteString | undefined = '';
  /** The way to it, as far as it is open. */
  private names: ByteString[] = [];
  private descriptors: number[] = [];

  /** `root`: from `holdDirectory`. Stays open. `most`: held at once, the root not counted. */
  constructor(root: number, follow = false, most = MAX_HELD) {
    this.root = root;
    this.follow = follow;
    this.most = most;
  }

  /**
   * Descriptor of a directory below the root, '' for the root itself; valid until the next call. Throws
   * Node.js's error: ENOTDIR where a component is a symlink or no directory, ENOENT where there is none.
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
      const above = nameOfDescriptor(this.descriptors[level - 1] ?? this.root);
      const flags = O_PATH | constants.O_DIRECTORY | (this.follow ? 0 : constants.O_NOFOLLOW);
      this.descriptors.push(openSync(toFsPath(`${above}${name}`), flags));
      this.names.push(name);
      this.giveUp(level - this.most);
    }
    this.path = path;
  }

  /** Leaves the levels from `depth` on. */
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
