/**
 * The directories of the target: made as members need them, never through a symlink. Main thread.
 */
import { chmodSync, closeSync, constants, lstatSync, mkdirSync, unlinkSync } from 'node:fs';
import type { Owner } from '../archive/entries.ts';
import { errnoOf, ioError, ZnipError } from '../errors.ts';
import type { ByteString } from '../format/values/byte-string.ts';
import { nameOfOpen, O_PATH } from '../posix/held-directories.ts';
import { isRefusal, type OnLost } from './refusals.ts';
import type { TargetTree } from './target-tree.ts';
import { finishFile } from './write-file.ts';

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
  /** Those that this run has made: the mode that an entry had by then, undefined where none had come. */
  private readonly made = new Map<ByteString, number | undefined>();
  /** Those that were there and were made writable: the mode that they had. */
  private readonly opened = new Map<ByteString, number>();
  private lastParent: ByteString = '';
  private lastBlock: ZnipError | undefined;

  /** Directories of `entries` are made when `ensure` or `finish` comes to them. */
  constructor(tree: TargetTree, entries: ReadonlyMap<ByteString, DirectoryEntry>) {
    this.tree = tree;
    this.entries = entries;
  }

  /**
   * Makes the directory that `path` is in, and all above it. Returns why nothing can be written there: `exists` where
   * something else stands that stays, `unsafe-link` where a symlink does, `io` where it cannot be made; undefined when
   * all is well.
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
        if (block === undefined) {
          this.openUp(path);
          return undefined;
        }
        // What stands there gives way to a member, and not to a directory that only the names of others imply.
        const isReplaced = entry !== undefined && this.tree.settings.existing === 'overwrite';
        if (block.code !== 'exists' || !isReplaced) return block;
        unlinkSync(name);
        mkdirSync(name, mode);
      }
    } catch (error) {
      const failure = ioError('create the directory', shown, error);
      if (isRefusal(error)) return failure;
      throw failure;
    }
    this.made.set(path, entry?.mode);
    return undefined;
  }

  /**
   * Makes the directories that nothing needed so far, then sets modes and times, deepest last made first. A directory
   * that was there before keeps its own, as a file does, unless what exists is to be replaced. `onBlocked` hears of
   * those that cannot be there, `onLost` of what could not be set.
   */
  finish({ onBlocked, onLost }: { onBlocked: OnBlocked; onLost: OnLost }): void {
    for (const path of this.entries.keys()) {
      const block = this.ensure(path);
      if (block !== undefined) onBlocked(path, block);
    }
    for (const [path, mode] of this.opened) if (!this.entries.has(path)) this.setMode(path, mode);
    const { existing } = this.tree.settings;
    for (const [path, entry] of [...this.entries].reverse()) {
      if (!this.made.has(path) && existing !== 'overwrite') continue;
      if (this.known.get(path) !== undefined) continue;
      const reason = this.finishOne(path, entry);
      if (reason !== undefined) onLost(path, reason);
    }
  }

  /** Returns what of it was refused, in words. */
  private finishOne(path: ByteString, { mode, mtime, owner }: DirectoryEntry): string | undefined {
    const { tree } = this;
    const { umask } = tree.settings;
    const madeWith = this.made.get(path);
    const made = madeWith === undefined ? undefined : ((madeWith & 0o777) | 0o700) & ~umask;
    try {
      const fd = tree.open(path, OPEN_FLAGS);
      try {
        return finishFile(fd, { mode, mtime, owner }, tree.settings, made);
      } finally {
        closeSync(fd);
      }
    } catch (error) {
      const failure = ioError('set mode, owner or time of', tree.text(path), error);
      if (isRefusal(error)) return failure.message;
      throw failure;
    }
  }

  /** Makes a directory writable that was there before and is to be written in, as tar does. */
  private openUp(path: ByteString): void {
    const { tree } = this;
    if (tree.settings.existing !== 'overwrite') return;
    const stats = lstatSync(tree.name(path));
    if ((stats.mode & 0o700) === 0o700 || stats.uid !== process.geteuid?.() || stats.uid === 0) return;
    this.setMode(path, (stats.mode & 0o7777) | 0o700);
    this.opened.set(path, stats.mode & 0o7777);
  }

  private setMode(path: ByteString, mode: number): void {
    try {
      if (!this.tree.isHeld) {
        chmodSync(this.tree.name(path), mode);
        return;
      }
      const fd = this.tree.open(path, O_PATH | OPEN_FLAGS);
      try {
        chmodSync(nameOfOpen(fd), mode);
      } finally {
        closeSync(fd);
      }
    } catch (error) {
      if (!isRefusal(error)) throw ioError('set the mode of', this.tree.text(path), error);
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
