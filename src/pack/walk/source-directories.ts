/**
 * The directories that members are packed from, as one thread sees them. Each is held open, and it is the one that the
 * walk found, or nothing is read from it. So neither a symlink nor a directory that somebody swaps meanwhile leads out
 * of the tree.
 */
import { closeSync, constants, openSync, readdirSync, readlinkSync } from 'node:fs';
import { core } from '../../core/core.ts';
import { errnoOf, ZnipError } from '../../errors.ts';
import { toFsPath, toText, type ByteString } from '../../format/values/byte-string.ts';
import { HeldDirectories, holdDirectory, nameOfDescriptor, openIn } from '../../posix/held-directories.ts';
import {
  type FileIdentity,
  type FileStat,
  fstat,
  isSameFile,
  lstat,
  stat,
  statIn,
} from '../../posix/stat.ts';
import { type Listing, NameListing, NativeListing } from '../../posix/listing.ts';

/** Where a member is, without its name. One object for all members of a directory. */
export interface SourceDirectory {
  /**
   * The directory that a path was named in, as it was written, with a slash at its end; '' is the working directory.
   * Symlinks in it are followed, because the user meant the place where they lead.
   */
  base: ByteString;
  /** Which directory that was when the walk reached it. */
  baseIdentity: FileIdentity;
  /** Path below the base; '' is the base itself. Symlinks in it are not followed, unless all symlinks are. */
  path: ByteString;
  identity: FileIdentity;
}

/** Directories held at once for each thread. There may be many threads and few descriptors. */
const MAX_HELD = 8;

export class SourceDirectories {
  private readonly follow: boolean;
  private base: SourceDirectory | undefined;
  private root: number | undefined;
  private held: HeldDirectories | undefined;
  /** The directory that was entered last. */
  private at: SourceDirectory | undefined;
  private descriptor: number | undefined;
  private prefix: ByteString = '';

  /** `follow`: symlinks below a base are followed, too. */
  constructor(follow: boolean) {
    this.follow = follow;
  }

  /** The directory that paths were named in. Throws Node.js's error if it cannot be opened. */
  openBase(path: ByteString): SourceDirectory {
    if (this.base?.base === path) return this.base;
    this.close();
    const name = path === '' ? '.' : path;
    this.root = holdDirectory(name);
    const { dev, ino } = this.root === undefined ? stat(name) : fstat(this.root);
    const identity = { dev, ino };
    if (this.root !== undefined) this.held = new HeldDirectories(this.root, this.follow, MAX_HELD);
    this.base = { base: path, baseIdentity: identity, path: '', identity };
    return this.base;
  }

  /**
   * Enters a directory: from now on, names are looked up in it. Throws Node.js's error if it does not exist, and
   * `source-unreadable` if it is not the same one as before.
   */
  enter(directory: SourceDirectory): void {
    if (directory === this.at) return;
    this.at = undefined;
    if (!isSameFile(this.openBase(directory.base).identity, directory.baseIdentity)) {
      this.close();
      throw replaced(directory);
    }
    if (this.held === undefined) this.enterByName(directory);
    else this.enterHeld(directory, this.held);
    this.at = directory;
  }

  /** What is in the directory. Throws Node.js's error. */
  list(): Listing {
    const native = core();
    if (native !== undefined && this.descriptor !== undefined) {
      const listed = native.listDirectory(this.descriptor, this.follow);
      if (typeof listed !== 'number') return new NativeListing(listed);
    }
    // Also if the core fails: Node.js has the error.
    const directory = this.prefix === '' ? '.' : toFsPath(this.prefix);
    return new NameListing(readdirSync(directory, { encoding: 'latin1' }));
  }

  /** The file with this name; with `follow`, the file that the name leads to. Throws Node.js's error. */
  stat(name: ByteString, follow: boolean): FileStat {
    if (this.descriptor !== undefined) return statIn(this.descriptor, this.prefix, name, follow);
    return follow ? stat(`${this.prefix}${name}`) : lstat(`${this.prefix}${name}`);
  }

  /** Opens the file with this name, as open(2) does. Throws Node.js's error. */
  open(name: ByteString, flags: number): number {
    return this.descriptor === undefined
      ? openSync(toFsPath(`${this.prefix}${name}`), flags)
      : openIn(this.descriptor, name, flags);
  }

  readLink(name: ByteString): ByteString {
    return readlinkSync(toFsPath(`${this.prefix}${name}`), { encoding: 'latin1' });
  }

  /** The form of this name for Node's fs. Valid as long as this directory is the one that was entered last. */
  pathOf(name: ByteString): ByteString {
    return `${this.prefix}${name}`;
  }

  /** Closes all directories. They can be entered again. */
  close(): void {
    this.held?.close();
    if (this.root !== undefined) closeSync(this.root);
    this.held = undefined;
    this.root = undefined;
    this.base = undefined;
    this.at = undefined;
    this.descriptor = undefined;
  }

  private enterHeld(directory: SourceDirectory, held: HeldDirectories): void {
    try {
      this.descriptor = held.descriptor(directory.path);
    } catch (error) {
      const errno = errnoOf(error);
      throw errno === 'ENOTDIR' || errno === 'ELOOP' ? replaced(directory, error) : error;
    }
    this.prefix = nameOfDescriptor(this.descriptor);
    if (isSameFile(fstat(this.descriptor), directory.identity)) return;
    // The right directory may come back. Then it must be reached anew.
    held.close();
    throw replaced(directory);
  }

  /** For systems where descriptors have no names: checks what is there, and uses it a moment later. */
  private enterByName(directory: SourceDirectory): void {
    const { base, path, identity } = directory;
    this.prefix = path === '' ? base : `${base}${path}/`;
    const found =
      this.follow || path === '' ? stat(this.prefix === '' ? '.' : this.prefix) : lstat(`${base}${path}`);
    if (!isSameFile(found, identity)) throw replaced(directory);
  }
}

/** A directory within another. */
export function childDirectory(
  { base, baseIdentity, path }: SourceDirectory,
  name: ByteString,
  { dev, ino }: FileIdentity,
): SourceDirectory {
  return { base, baseIdentity, path: path === '' ? name : `${path}/${name}`, identity: { dev, ino } };
}

function replaced({ base, path }: SourceDirectory, cause?: unknown): ZnipError {
  return new ZnipError(
    'source-unreadable',
    'its directory is no longer the one that was there: it was replaced while it was packed',
    { path: toText(`${base}${path}`) },
    cause,
  );
}

/**
 * How sources are opened: does not wait for a FIFO that has taken a file's place since the walk, and does not follow a
 * symlink, unless all are followed.
 */
export function sourceFlags(follow: boolean): number {
  const noFollow = follow ? 0 : (constants.O_NOFOLLOW ?? 0);
  return constants.O_RDONLY | noFollow | (constants.O_NONBLOCK ?? 0);
}
