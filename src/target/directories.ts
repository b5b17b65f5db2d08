/**
 * The directories of the target. They are made when members need them, and never through a symlink. Main thread.
 */
import {
  chmodSync,
  closeSync,
  constants,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  unlinkSync,
} from 'node:fs';
import type { Owner } from '../archive/entries.ts';
import { errnoOf, ioError, ZnipError } from '../errors.ts';
import type { ByteString } from '../format/values/byte-string.ts';
import { parentOf } from '../format/values/member-path.ts';
import { nameOfOpen, O_PATH } from '../posix/held-directories.ts';
import { isRefusal, type OnLost, reasons } from './refusals.ts';
import type { TargetTree } from './target-tree.ts';
import { finishFile } from './write-file.ts';
import { restoreDirectoryXattrs } from './xattrs.ts';

export interface DirectoryEntry {
  mode: number;
  mtime: bigint;
  owner: Owner | null;
  /** Extended attributes as they are recorded. */
  xattrs: ByteString | undefined;
  /** Names of attributes that it has on the disk and should not have. */
  staleXattrs?: readonly ByteString[];
}

const OPEN_FLAGS = constants.O_RDONLY | (constants.O_DIRECTORY ?? 0) | (constants.O_NOFOLLOW ?? 0);

export class Directories {
  private readonly tree: TargetTree;
  /** Directories below the target that have been checked: undefined for those that can be written in. */
  private readonly known = new Map<ByteString, ZnipError | undefined>([['', undefined]]);
  /** Directories with entries in the archive, as far as they have come, in archive order. */
  private readonly entries: ReadonlyMap<ByteString, DirectoryEntry>;
  /** Directories that this run made: the mode of the entry at that time; undefined if no entry had come. */
  private readonly made = new Map<ByteString, number | undefined>();
  /** Directories that existed and were made writable: their mode before. */
  private readonly opened = new Map<ByteString, number>();
  /** Directories that are on the disk, if that is asked for. */
  private readonly synced = new Set<ByteString>();
  private lastParent: ByteString = '';
  private lastBlock: ZnipError | undefined;

  /** Directories of `entries` are made when `ensure` or `finish` reaches them. */
  constructor(tree: TargetTree, entries: ReadonlyMap<ByteString, DirectoryEntry>) {
    this.tree = tree;
    this.entries = entries;
  }

  /**
   * Makes the directory of `path`, and all directories above it. Returns why nothing can be written there: `exists` if
   * something else is there and stays, `unsafe-link` for a symlink, `io` if it cannot be made. Returns undefined if all
   * is well.
   */
  ensureParent(path: ByteString): ZnipError | undefined {
    const parent = parentOf(path);
    if (parent === this.lastParent) return this.lastBlock;
    this.lastBlock = this.ensure(parent);
    this.lastParent = parent;
    return this.lastBlock;
  }

  /** Makes a directory and all directories above it; otherwise like `ensureParent`. */
  ensure(path: ByteString): ZnipError | undefined {
    if (this.known.has(path)) return this.known.get(path);
    const parent = parentOf(path);
    const block = (parent === '' ? undefined : this.ensure(parent)) ?? this.make(path);
    this.known.set(path, block);
    return block;
  }

  private make(path: ByteString): ZnipError | undefined {
    const entry = this.entries.get(path);
    // Writable while it is filled. `finish` sets the archive's mode.
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
        // A member replaces what is there. A directory that only the names of others imply does not.
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
   * Makes the directories that nothing has needed so far. Then sets modes and times, starting with the deepest. A
   * directory that existed before keeps its own, like a file, unless existing files are to be replaced. `onBlocked` is
   * called for directories that cannot be there, and `onUnset` for what could not be set.
   */
  finish({ onBlocked, onUnset }: { onBlocked: OnBlocked; onUnset: OnLost }): void {
    for (const path of this.entries.keys()) {
      const block = this.ensure(path);
      if (block !== undefined) onBlocked(path, block);
    }
    for (const [path, mode] of this.opened) if (!this.entries.has(path)) this.setMode(path, mode);
    const { existing, fsync } = this.tree.settings;
    for (const [path, entry] of [...this.entries].reverse()) {
      if (!this.made.has(path) && existing !== 'overwrite') continue;
      if (this.known.get(path) !== undefined) continue;
      const reason = this.finishOne(path, entry);
      if (reason !== undefined) onUnset(path, reason);
    }
    if (fsync) this.syncOthers();
  }

  /** Waits until the names are on the disk in directories that get no mode or time. */
  private syncOthers(): void {
    for (const [path, block] of this.known) {
      if (block !== undefined || this.synced.has(path)) continue;
      const fd = path === '' ? openSync(this.tree.name('.'), OPEN_FLAGS) : this.tree.open(path, OPEN_FLAGS);
      try {
        fsyncSync(fd);
      } catch (error) {
        throw ioError('write', this.tree.text(path), error);
      } finally {
        closeSync(fd);
      }
    }
  }

  /** Returns in words what was refused. */
  private finishOne(path: ByteString, entry: DirectoryEntry): string | undefined {
    const { tree } = this;
    const { umask } = tree.settings;
    const madeWith = this.made.get(path);
    const made = madeWith === undefined ? undefined : ((madeWith & 0o777) | 0o700) & ~umask;
    try {
      const fd = tree.open(path, OPEN_FLAGS);
      try {
        const unset = restoreDirectoryXattrs(fd, entry, tree);
        const reason = reasons(
          unset,
          finishFile(fd, entry, tree.settings, entry.xattrs === undefined ? made : undefined),
        );
        if (tree.settings.fsync) {
          fsyncSync(fd);
          this.synced.add(path);
        }
        return reason;
      } finally {
        closeSync(fd);
      }
    } catch (error) {
      const failure = ioError('set mode, owner or time of', tree.text(path), error);
      if (isRefusal(error)) return failure.message;
      throw failure;
    }
  }

  /** Makes an existing directory writable, because files must be written in it; tar does the same. */
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

/** Called for a member whose directory cannot be there, with the reason. */
export type OnBlocked = (path: ByteString, block: ZnipError) => void;

/** Makes a directory; false if something has the name. Throws Node.js's error. */
function makeNew(name: string | Buffer, mode: number): boolean {
  try {
    mkdirSync(name, mode);
    return true;
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
    return false;
  }
}

/** What is wrong if something other than a directory, or nothing, has this name. */
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
