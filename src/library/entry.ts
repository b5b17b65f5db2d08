/**
 * A member of an archive, as a caller sees it.
 */
import type { EntryRef } from '../archive/entries.ts';
import { toBytes, toText } from '../format/values/byte-string.ts';
import { type Kind, KINDS } from '../format/values/entry.ts';
import { decodeXattrs } from '../format/values/xattrs.ts';

const NANOSECONDS_PER_MILLISECOND = 1_000_000n;

/** Makes an entry from a row of the index. Only for the library. */
export let toEntry: (ref: EntryRef, rootHash: string) => Entry;

/** The row that an entry was made from, and the root hash of its archive. Only for the library. */
export let originOf: (entry: Entry) => { ref: EntryRef; rootHash: string };

/**
 * What the index says about a member.
 *
 * @example
 * for await (const { path, size, mtime } of archive.entries()) console.log(path, size, mtime.toISOString());
 */
export class Entry {
  /**
   * Its name, with `/` between components. Bytes that are not UTF-8 are U+FFFD here; `pathBytes` has them as they are.
   */
  readonly path: string;
  /** What it is. A hard link has the content, mode and time of its target. */
  readonly kind: Kind;
  /** Bytes of content; 0 if it is not a file. */
  readonly size: number;
  /** Permission bits, with set-user-id, set-group-id and sticky: 0 to 0o7777. */
  readonly mode: number;
  /** Time of the last modification, in nanoseconds since 1970-01-01T00:00:00Z; may be negative. */
  readonly mtimeNs: bigint;
  /** The target of a symlink, or the member that a hard link leads to; null for other kinds. */
  readonly linkTarget: string | null;
  /** Numeric owner; null if it is not recorded. */
  readonly uid: number | null;
  /** Numeric group; null if it is not recorded. */
  readonly gid: number | null;
  /** `npm`, `maven`, …, or `plain`. */
  readonly packageType: string;
  /** The repo that it belongs to; '' if there is none. */
  readonly repo: string;
  /** The file changed while it was packed. */
  readonly changed: boolean;
  readonly #ref: EntryRef;
  readonly #rootHash: string;

  static {
    toEntry = (ref, rootHash) => new Entry(ref, rootHash);
    originOf = (entry) => ({ ref: entry.#ref, rootHash: entry.#rootHash });
  }

  private constructor(ref: EntryRef, rootHash: string) {
    const { batch, row, group } = ref;
    const member = batch.member(row);
    this.path = toText(member.path);
    this.kind = KINDS[member.kind] ?? 'file';
    this.size = member.size;
    this.mode = member.mode;
    this.mtimeNs = member.mtime;
    this.linkTarget = member.linkTarget === '' ? null : toText(member.linkTarget);
    this.uid = member.uid;
    this.gid = member.gid;
    this.packageType = group.packageType;
    this.repo = group.repo;
    this.changed = batch.changed(row);
    this.#ref = ref;
    this.#rootHash = rootHash;
  }

  /** Time of the last modification, cut to milliseconds. */
  get mtime(): Date {
    return new Date(Number(this.mtimeNs / NANOSECONDS_PER_MILLISECOND));
  }

  /** The bytes of its name. */
  get pathBytes(): Uint8Array {
    const { batch, row } = this.#ref;
    return toBytes(batch.path(row));
  }

  /** The bytes of `linkTarget`. */
  get linkTargetBytes(): Uint8Array | null {
    if (this.linkTarget === null) return null;
    const { batch, row } = this.#ref;
    return toBytes(batch.linkTarget(row));
  }

  /** Extended attributes (xattr(7)): values by name; null if none are recorded. */
  get xattrs(): ReadonlyMap<string, Uint8Array> | null {
    const { batch, row } = this.#ref;
    const records = batch.xattrs(row);
    const xattrs = records === undefined ? undefined : decodeXattrs(records);
    return xattrs === undefined
      ? null
      : new Map(Array.from(xattrs, ([name, value]) => [toText(name), toBytes(value)]));
  }

  /** BLAKE3 hash of the content, in hexadecimal; null if it is not a file. */
  get checksum(): string | null {
    const { batch, row } = this.#ref;
    const checksum = batch.checksum(row);
    return checksum === null ? null : Buffer.from(checksum).toString('hex');
  }
}
