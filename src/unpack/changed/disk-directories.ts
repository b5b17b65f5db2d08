/**
 * What the target has under the names of members. Each directory is listed once, with everything about what is in it.
 */
import { constants, readlinkSync } from 'node:fs';
import { errnoOf, ioError } from '../../errors.ts';
import type { ByteString } from '../../format/values/byte-string.ts';
import { lastComponent, parentOf } from '../../format/values/member-path.ts';
import { type FileStat, lstat } from '../../posix/stat.ts';
import { type Listing, NativeListing } from '../../posix/listing.ts';
import { isRefusal } from '../../target/refusals.ts';
import type { TargetTree } from '../../target/target-tree.ts';

/** Where members should be, and is no directory: nothing is there, or something else, or one that may not be read. */
export type NoDirectory = 'missing' | 'other' | 'unreadable';

/** Names that are kept of directories that were listed. A million members take no more memory than these. */
const MAX_NAMES = 200_000;

export class DiskDirectories {
  private readonly tree: TargetTree;
  private readonly known = new Map<ByteString, DiskDirectory | NoDirectory>();
  private names = 0;
  /** What was asked for last: most members are in the directory of the member before. */
  private last: { path: ByteString; found: DiskDirectory | NoDirectory } | undefined;

  constructor(tree: TargetTree) {
    this.tree = tree;
  }

  /** The directory `path` below the target; '' is the target itself. */
  at(path: ByteString): DiskDirectory | NoDirectory {
    if (this.last?.path === path) return this.last.found;
    let found = this.known.get(path);
    if (found === undefined) this.known.set(path, (found = this.look(path)));
    this.last = { path, found };
    return found;
  }

  /** What has this name; undefined for nothing, or if that cannot be known. Throws `io`. */
  stat(path: ByteString): FileStat | undefined {
    const directory = this.at(parentOf(path));
    return typeof directory === 'string' ? undefined : directory.stat(lastComponent(path));
  }

  /** Target of a symlink that was found there. */
  linkTarget(path: ByteString): ByteString {
    const directory = this.at(parentOf(path));
    return typeof directory === 'string' ? '' : directory.linkTarget(lastComponent(path));
  }

  private look(path: ByteString): DiskDirectory | NoDirectory {
    if (path !== '') {
      const above = this.at(parentOf(path));
      if (typeof above === 'string') return above;
      const stats = this.stat(path);
      if (stats === undefined) return 'missing';
      if (!stats.isDirectory()) return 'other';
    }
    try {
      const listing = this.tree.list(path);
      this.makeRoom(listing.count);
      return new DiskDirectory(this.tree, path, listing);
    } catch (error) {
      // In a dry run, the target itself need not exist.
      if (errnoOf(error) === 'ENOENT') return 'missing';
      if (isRefusal(error)) return 'unreadable';
      throw ioError('read', this.tree.text(path), error);
    }
  }

  private makeRoom(names: number): void {
    this.names += names;
    // Those that came first go first. If one is needed again, it is listed again.
    for (const [path, directory] of this.known) {
      if (this.names <= MAX_NAMES) return;
      this.known.delete(path);
      if (typeof directory !== 'string') this.names -= directory.listing.count;
    }
  }
}

/** One directory of the target, as it was when it was listed. */
export class DiskDirectory {
  readonly listing: Listing;
  private readonly tree: TargetTree;
  private readonly prefix: ByteString;
  /** Behind the row that was found last: members mostly come in the order of their names. */
  private next = 0;

  constructor(tree: TargetTree, path: ByteString, listing: Listing) {
    this.tree = tree;
    this.prefix = path === '' ? '' : `${path}/`;
    this.listing = listing;
  }

  stat(name: ByteString): FileStat | undefined {
    const row = this.find(name);
    return row < 0 ? undefined : this.statRow(row);
  }

  /**
   * Whether a file of these permission bits, bytes and time has this name. Nothing is made for it. False also if that takes more
   * than a look at the listing. The time is nanoseconds since 1970 in two words.
   */
  hasFile(name: ByteString, bits: number, size: number, timeLow: number, timeHigh: number): boolean {
    const { listing } = this;
    if (!(listing instanceof NativeListing)) return false;
    const row = this.find(name);
    return (
      row >= 0 &&
      listing.isKnown(row) &&
      listing.mode(row) === (constants.S_IFREG | bits) &&
      listing.size(row) === size &&
      listing.mtimeLow(row) === timeLow &&
      listing.mtimeHigh(row) === timeHigh
    );
  }

  /** undefined if it is gone by now. */
  statRow(row: number): FileStat | undefined {
    const known = this.listing.stat(row);
    if (known !== undefined) return known;
    const path = `${this.prefix}${this.listing.name(row)}`;
    try {
      return lstat(this.tree.fullName(path));
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return undefined;
      throw ioError('look at', this.tree.text(path), error);
    }
  }

  linkTarget(name: ByteString): ByteString {
    const row = this.find(name);
    const known = row < 0 ? '' : this.listing.linkTarget(row);
    if (known !== '') return known;
    const path = `${this.prefix}${name}`;
    try {
      return readlinkSync(this.tree.name(path), { encoding: 'latin1' });
    } catch (error) {
      throw ioError('look at', this.tree.text(path), error);
    }
  }

  /** The row of a name, or -1. */
  private find(name: ByteString): number {
    const { listing } = this;
    if (this.next < listing.count && listing.name(this.next) === name) return this.next++;
    // A byte string compares as its bytes do.
    let low = 0;
    let high = listing.count;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (listing.name(middle) < name) low = middle + 1;
      else high = middle;
    }
    if (low >= listing.count || listing.name(low) !== name) return -1;
    this.next = low + 1;
    return low;
  }
}
