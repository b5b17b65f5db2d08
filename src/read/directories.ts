/**
 * The directories of the target: made as members need them, never through a symlink. Main thread.
 */
import { closeSync, constants, fchmodSync, fchownSync, lstatSync, mkdirSync } from 'node:fs';
import { errnoOf, ioError, ZnipError } from '../errors.ts';
import type { ByteString } from '../format/byte-string.ts';
import { setFileTime } from '../posix/times.ts';
import type { TargetTree } from './target-tree.ts';
import { type Owner, permissionBits } from './write-file.ts';

export interface DirectoryEntry {
  mode: number;
  mtime: bigint;
  owner: Owner | null;
}

const OPEN_FLAGS = constants.O_RDONLY | (constants.O_DIRECTORY ?? 0) | (constants.O_NOFOLLOW ?? 0);

export class Directories {
  private readonly tree: TargetTree;
  /** Directories below the target that are known to be directories and not links to some. */
  private readonly known = new Set<ByteString>(['']);
  /** Those that the archive has entries for, in archive order. */
  private readonly entries = new Map<ByteString, DirectoryEntry>();
  /** Those that this run has made: true with the mode that the archive has. */
  private readonly made = new Map<ByteString, boolean>();
  private lastParent: ByteString = '';

  constructor(tree: TargetTree) {
    this.tree = tree;
  }

  /** Takes note of a directory of the archive. It is made when `ensure` or `finish` comes to it. */
  announce(path: ByteString, entry: DirectoryEntry): void {
    this.entries.set(path, entry);
  }

  /** Makes the directory that `path` is in, and all above it. */
  ensureParent(path: ByteString): void {
    const slash = path.lastIndexOf('/');
    const parent = slash < 0 ? '' : path.slice(0, slash);
    if (parent === this.lastParent) return;
    this.ensure(parent);
    this.lastParent = parent;
  }

  /** Makes a directory and all above it. Throws `exists` where something else stands. */
  ensure(path: ByteString): void {
    if (this.known.has(path)) return;
    const slash = path.lastIndexOf('/');
    if (slash > 0) this.ensure(path.slice(0, slash));
    const name = this.tree.name(path);
    const entry = this.entries.get(path);
    // Writable while it is filled; `finish` sets what the archive says.
    const mode = entry === undefined ? 0o777 : (entry.mode & 0o777) | 0o700;
    try {
      mkdirSync(name, mode);
      this.made.set(path, entry !== undefined);
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw ioError('create the directory', this.tree.text(path), error);
      requireDirectory(name, this.tree.text(path));
    }
    this.known.add(path);
  }

  /**
   * Makes the directories that nothing needed so far, then sets modes and times, deepest last made first. A directory
   * that was there before keeps its own, as a file does, unless what exists is to be replaced.
   */
  finish(): void {
    for (const path of this.entries.keys()) this.ensure(path);
    const { tree } = this;
    for (const [path, { mode, mtime, owner }] of [...this.entries].reverse()) {
      const asRecorded = this.made.get(path);
      if (asRecorded === undefined && tree.settings.existing !== 'overwrite') continue;
      try {
        const fd = tree.open(path, OPEN_FLAGS);
        try {
          // The owner first: chown(2) takes set-user-id and its like away.
          if (owner !== null) fchownSync(fd, owner.uid, owner.gid);
          const wanted = permissionBits(mode, owner);
          const made = ((mode & 0o777) | 0o700) & ~tree.settings.umask;
          if (wanted !== made || asRecorded !== true) fchmodSync(fd, wanted);
          if (tree.settings.mtime) setFileTime(fd, mtime);
        } finally {
          closeSync(fd);
        }
      } catch (error) {
        throw ioError('set mode, owner or time of', tree.text(path), error);
      }
    }
  }
}

/** Throws where something else than a directory, or nothing, has this name. */
export function requireDirectory(name: string | Buffer, path: string): void {
  const stats = lstatSync(name, { throwIfNoEntry: false });
  if (stats?.isDirectory() === true) return;
  if (stats?.isSymbolicLink() === true) {
    throw new ZnipError(
      'unsafe-link',
      `'${path}' is a symbolic link where the archive has a directory: nothing is written through it; remove it, or unpack elsewhere`,
      { path },
    );
  }
  throw new ZnipError(
    'exists',
    `'${path}' exists and is not a directory, as the archive has it; move it away`,
    {
      path,
    },
  );
}
