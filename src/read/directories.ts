/**
 * The directories of the target: made as members need them, never through a symlink. Main thread.
 */
import { closeSync, constants, fchmodSync, fchownSync, lstatSync, mkdirSync, unlinkSync } from 'node:fs';
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
  /** Directories below the target that have been looked at: undefined for those that can be written in. */
  private readonly known = new Map<ByteString, ZnipError | undefined>([['', undefined]]);
  /** Those that the archive has entries for, as far as they have come, in archive order. */
  private readonly entries: ReadonlyMap<ByteString, DirectoryEntry>;
  /** Those that this run has made: true with the mode that the archive has. */
  private readonly made = new Map<ByteString, boolean>();
  private lastParent: ByteString = '';
  private lastBlock: ZnipError | undefined;

  /** Directories of `entries` are made when `ensure` or `finish` comes to them. */
  constructor(tree: TargetTree, entries: ReadonlyMap<ByteString, DirectoryEntry>) {
    this.tree = tree;
    this.entries = entries;
  }

  /**
   * Makes the directory that `path` is in, and all above it. Returns why nothing can be written there: `exists` where
   * something else stands that stays, `unsafe-link` where a symlink does; undefined when all is well.
   */
  ensureParent(path: ByteString): ZnipError | undefined {
    const slash = path.lastIndexOf('/');
    const parent = slash < 0 ? '' : path.slice(0, slash);
    if (parent === this.lastParent) return this.lastBlock;
    this.lastBlock = this.ensure(parent);
    this.lastParent = parent;
    return this.lastBlock;
  }

  /** Makes a directory and all above it; as `ensureParent`. */
  ensure(path: ByteString): ZnipError | undefined {
    if (this.known.has(path)) return this.known.get(path);
    const slash = path.lastIndexOf('/');
    const block = (slash > 0 ? this.ensure(path.slice(0, slash)) : undefined) ?? this.make(path);
    this.known.set(path, block);
    return block;
  }

  private make(path: ByteString): ZnipError | undefined {
    const entry = this.entries.get(path);
    // Writable while it is filled; `finish` sets what the archive says.
    const mode = entry === undefined ? 0o777 : (entry.mode & 0o777) | 0o700;
    const name = this.tree.name(path);
    const shown = this.tree.text(path);
    try {
      if (!makeNew(name, mode)) {
        const block = whyNoDirectory(name, shown);
        if (block === undefined) return undefined;
        // What stands there gives way to a member, and not to a directory that only the names of others imply.
        const isReplaced = entry !== undefined && this.tree.settings.existing === 'overwrite';
        if (block.code !== 'exists' || !isReplaced) return block;
        unlinkSync(name);
        mkdirSync(name, mode);
      }
    } catch (error) {
      throw ioError('create the directory', shown, error);
    }
    this.made.set(path, entry !== undefined);
    return undefined;
  }

  /**
   * Makes the directories that nothing needed so far, then sets modes and times, deepest last made first. A directory
   * that was there before keeps its own, as a file does, unless what exists is to be replaced. `onBlocked` hears of
   * those that cannot be there.
   */
  finish(onBlocked: OnBlocked): void {
    for (const path of this.entries.keys()) {
      const block = this.ensure(path);
      if (block !== undefined) onBlocked(path, block);
    }
    const { tree } = this;
    for (const [path, { mode, mtime, owner }] of [...this.entries].reverse()) {
      const asRecorded = this.made.get(path);
      if (asRecorded === undefined && tree.settings.existing !== 'overwrite') continue;
      if (this.known.get(path) !== undefined) continue;
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

/** Hears of a member whose directory cannot be there, and why. */
export type OnBlocked = (path: ByteString, block: ZnipError) => void;

/** Makes a directory; false when something has the name. Throws Node.js's error. */
function makeNew(name: string | Buffer, mode: number): boolean {
  try {
    mkdirSync(name, mode);
    return true;
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
    return false;
  }
}

/** What is wrong where something else than a directory, or nothing, has this name. */
export function whyNoDirectory(name: string | Buffer, path: string): ZnipError | undefined {
  const stats = lstatSync(name, { throwIfNoEntry: false });
  if (stats?.isDirectory() === true) return undefined;
  if (stats?.isSymbolicLink() === true) {
    return new ZnipError(
      'unsafe-link',
      `'${path}' is a symbolic link where the archive has a directory: nothing is written through it; remove it, or unpack elsewhere`,
      { path },
    );
  }
  return new ZnipError(
    'exists',
    `'${path}' exists and is not a directory, as the archive has it; move it away`,
    { path },
  );
}
