/**
 * The tree that a run writes, as one thread sees it. Every name is reached through its directory, which is held open.
 * So neither a symlink nor a directory that somebody swaps meanwhile leads out of the target.
 */
import { openSync, readdirSync } from 'node:fs';
import { type Core, core } from '../core/core.ts';
import { errnoName, errnoOf, ioError, ZnipError } from '../errors.ts';
import { toFsPath, toText, type ByteString } from '../format/values/byte-string.ts';
import { lastComponent, parentOf } from '../format/values/member-path.ts';
import { HeldDirectories, nameOfDescriptor, nameOfOpen, openIn } from '../posix/held-directories.ts';
import { type Listing, NameListing, NativeListing } from '../posix/listing.ts';
import { chooseXattrs, type XattrChoice } from '../select/xattr-choice.ts';
import type { WriteSettings } from './write-settings.ts';

/**
 * The result of taking a name. `gone`: the file has no name any more. `unsupported`: another way may work, or say why
 * it does not.
 */
export type NewName = 'done' | 'taken' | 'gone' | 'unsupported';

export class TargetTree {
  readonly settings: WriteSettings;
  /** Which extended attributes are restored; undefined for none. */
  readonly restoresXattr: XattrChoice | undefined;
  private readonly held: HeldDirectories | undefined;

  constructor(settings: WriteSettings) {
    this.settings = settings;
    this.restoresXattr = settings.xattrs === undefined ? undefined : chooseXattrs(settings.xattrs);
    this.held = settings.root === undefined ? undefined : new HeldDirectories(settings.root);
  }

  /** Directories are held, so names keep their meaning. */
  get isHeld(): boolean {
    return this.held !== undefined;
  }

  /**
   * The form of the member `path` for Node's fs; its directory must exist. Valid until another directory is asked for.
   * Throws `unsafe-link` if the path leads through a symlink.
   */
  name(path: ByteString): string | Buffer {
    return toFsPath(this.fullName(path));
  }

  /** The name of the member `path` below its directory; valid as long as `name`. */
  fullName(path: ByteString): ByteString {
    if (this.held === undefined) return `${this.settings.target}${path}`;
    return `${nameOfDescriptor(this.descriptor(parentOf(path)))}${lastComponent(path)}`;
  }

  /** What is in the directory `path`; '' is the target. Throws Node.js's error, and as above. */
  list(path: ByteString): Listing {
    const { target } = this.settings;
    if (this.held === undefined) {
      return new NameListing(readdirSync(toFsPath(`${target}${path}`), { encoding: 'latin1' }));
    }
    const descriptor = this.descriptor(path);
    const listed = core()?.listDirectory(descriptor, false);
    // Also if the core fails: Node.js has the error.
    return typeof listed === 'object'
      ? new NativeListing(listed)
      : new NameListing(readdirSync(toFsPath(nameOfDescriptor(descriptor)), { encoding: 'latin1' }));
  }

  /** Opens the member `path`, as open(2) does. Throws Node.js's error. */
  open(path: ByteString, flags: number, mode = 0): number {
    if (this.held === undefined) return openSync(this.name(path), flags, mode);
    return openIn(this.descriptor(parentOf(path)), lastComponent(path), flags, mode);
  }

  /** Gives the open file `fd` the name `path`, which must be unused. Throws Node.js's error about its directory. */
  linkOpen(fd: number, path: ByteString): NewName {
    return this.newName(path, (system, directory, name) => system.linkAt(nameOfOpen(fd), directory, name));
  }

  /** Renames `from` to `path`, in the same directory; `path` must be unused. Throws as above. */
  renameNew(from: ByteString, path: ByteString): NewName {
    const own = lastComponent(from);
    return this.newName(path, (system, directory, name) => system.renameNew(directory, own, name));
  }

  /** The member `path` in messages. */
  text(path: ByteString): string {
    return toText(`${this.settings.target}${path}`);
  }

  /** Releases the directories. The tree can be used again. */
  release(): void {
    this.held?.close();
  }

  private newName(
    path: ByteString,
    call: (system: Core, directory: number, name: ByteString) => number,
  ): NewName {
    const system = core();
    if (system === undefined || this.held === undefined) return 'unsupported';
    const result = call(system, this.descriptor(parentOf(path)), lastComponent(path));
    if (result === 0) return 'done';
    const errno = errnoName(-result);
    if (errno === 'ENOENT') return 'gone';
    return errno === 'EEXIST' ? 'taken' : 'unsupported';
  }

  private descriptor(directory: ByteString): number {
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
