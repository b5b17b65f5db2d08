/**
 * Makes sub-indexes: the entries of one group, at most 65,536 to a part, as the columns of an Arrow table.
 * Implements docs/format.md, "Sub-index".
 */
import { isAscii } from 'node:buffer';
import { isUtf8, type ByteString } from '../values/byte-string.ts';
import { type ByteStrings, startOf } from '../values/byte-strings.ts';
import { CHECKSUM_LENGTH, MAX_NAME_BYTES, MAX_SUB_INDEX_ROWS } from '../values/constants.ts';
import { KIND, KINDS, type Member, NO_ID } from '../values/entry.ts';
import { type EntryColumns, memberAt } from '../values/entry-columns.ts';
import { grown } from '../values/grown.ts';
import { extentOf, type PathExtent } from '../values/path-order.ts';
import { pathExtent } from './column-checks.ts';
import { displayBytes, displayName } from './shown-name.ts';
import {
  binaryColumn,
  boolColumn,
  BytesBuilder,
  checksumColumn,
  type Column,
  dictionaryColumn,
  timestampColumn,
  uint32Column,
  uint64Column,
  utf8Column,
  Validity,
} from './table-columns.ts';

/** Only a few, because there may be thousands of groups. The columns grow as more rows come. */
const INITIAL_ROWS = 16;

/** What was found about the same members when they were packed. */
export interface EntryResults {
  sizes: Float64Array;
  /** Where each content starts, from the same byte on. */
  dataOffsets: Uint32Array;
  /** BLAKE3 of each content, one after the other. Has no meaning for what is no file. */
  checksums: Uint8Array;
  /** Whether a file changed while it was read. */
  isChanged: (row: number) => boolean;
}

/** Collects entries column by column. */
export class SubIndexBuilder {
  private readonly paths = new BytesBuilder();
  private readonly pathBytes = new BytesBuilder();
  private readonly linkTargets = new BytesBuilder();
  private readonly linkTargetBytes = new BytesBuilder();
  private readonly unames = new BytesBuilder();
  private readonly gnames = new BytesBuilder();
  private readonly xattrs = new BytesBuilder();
  private hasOwnerNames = false;
  private readonly uidValidity = new Validity();
  private readonly gidValidity = new Validity();
  private readonly checksumValidity = new Validity();
  private kinds = new Uint8Array(INITIAL_ROWS);
  private modes = new Uint32Array(INITIAL_ROWS);
  private mtimes = new BigInt64Array(INITIAL_ROWS);
  private uids = new Uint32Array(INITIAL_ROWS);
  private gids = new Uint32Array(INITIAL_ROWS);
  private sizes = new Float64Array(INITIAL_ROWS);
  private streamOffsets = new Float64Array(INITIAL_ROWS);
  private checksums = new Uint8Array(INITIAL_ROWS * CHECKSUM_LENGTH);
  private readonly changedRows = new Set<number>();
  private contentBytes = 0;
  length = 0;

  /**
   * `checksum` is the BLAKE3 hash of a file's content, null for other kinds. `changed` marks a file that changed while
   * it was read.
   */
  append(member: Member, streamOffset: number, checksum: Uint8Array | null, changed = false): void {
    const row = this.length;
    if (row === this.kinds.length) this.grow();
    const { path, linkTarget } = member;
    const plainPath = isUtf8(path);
    this.paths.append(plainPath ? path : displayBytes(path));
    this.pathBytes.append(plainPath ? null : path);
    const isLink = member.kind === KIND.symlink || member.kind === KIND.hardlink;
    const plainLink = isUtf8(linkTarget);
    this.linkTargets.append(!isLink ? null : plainLink ? linkTarget : displayBytes(linkTarget));
    this.linkTargetBytes.append(plainLink ? null : linkTarget);
    const { uname, gname } = member;
    this.unames.append(uname === undefined ? null : displayName(uname));
    this.gnames.append(gname === undefined ? null : displayName(gname));
    this.hasOwnerNames ||= uname !== undefined || gname !== undefined;
    this.xattrs.append(member.xattrs ?? null);
    this.kinds[row] = member.kind;
    this.modes[row] = member.mode;
    this.mtimes[row] = member.mtime;
    this.uids[row] = member.uid ?? 0;
    this.uidValidity.append(row, member.uid !== null);
    this.gids[row] = member.gid ?? 0;
    this.gidValidity.append(row, member.gid !== null);
    this.sizes[row] = member.size;
    this.streamOffsets[row] = streamOffset;
    if (checksum !== null) this.checksums.set(checksum, row * CHECKSUM_LENGTH);
    this.checksumValidity.append(row, checksum !== null);
    if (changed) this.changedRows.add(row);
    this.contentBytes += member.size;
    this.length = row + 1;
  }

  /**
   * Appends rows from `from` on, before `to`, as far as the table has room. `streamOffset` is where the data offsets are
   * counted from. Returns the row behind the last that was taken.
   */
  appendRows(
    columns: EntryColumns,
    results: EntryResults,
    { from, to, streamOffset }: { from: number; to: number; streamOffset: number },
  ): number {
    const end = Math.min(to, from + MAX_SUB_INDEX_ROWS - this.length);
    if (this.areSimple(columns, from, end)) {
      this.takeOver(columns, results, from, end, streamOffset);
      return end;
    }
    for (let row = from; row < end; row++) {
      const checksum = columns.kinds[row] === KIND.file ? checksumAt(results.checksums, row) : null;
      const member = memberAt(columns, row, results.sizes[row] ?? 0);
      this.append(member, streamOffset + (results.dataOffsets[row] ?? 0), checksum, results.isChanged(row));
      if (this.isFull) return row + 1;
    }
    return end;
  }

  /** Whether the columns can be taken over as they are: all names are ASCII, and there is room for them. */
  private areSimple(columns: EntryColumns, from: number, to: number): boolean {
    const { paths, linkTargets, unames, gnames, xattrs } = columns;
    if (unames !== null || gnames !== null || xattrs !== null) return false;
    const pathBytes = rowBytes(paths, from, to);
    const linkBytes = rowBytes(linkTargets, from, to);
    const names = pathBytes.byteLength + linkBytes.byteLength;
    return this.nameBytes + names < MAX_NAME_BYTES && isAscii(pathBytes) && isAscii(linkBytes);
  }

  private takeOver(
    columns: EntryColumns,
    results: EntryResults,
    from: number,
    to: number,
    streamOffset: number,
  ): void {
    const start = this.length;
    const count = to - from;
    while (start + count > this.kinds.length) this.grow();
    this.paths.appendRows(columns.paths, from, to);
    this.pathBytes.appendNulls(count);
    this.linkTargetBytes.appendNulls(count);
    this.unames.appendNulls(count);
    this.gnames.appendNulls(count);
    this.xattrs.appendNulls(count);
    this.kinds.set(columns.kinds.subarray(from, to), start);
    this.modes.set(columns.modes.subarray(from, to), start);
    this.mtimes.set(columns.mtimes.subarray(from, to), start);
    this.sizes.set(results.sizes.subarray(from, to), start);
    this.checksums.set(
      results.checksums.subarray(from * CHECKSUM_LENGTH, to * CHECKSUM_LENGTH),
      start * CHECKSUM_LENGTH,
    );
    this.takeOwners(this.uids, this.uidValidity, columns.uids, from, to);
    this.takeOwners(this.gids, this.gidValidity, columns.gids, from, to);
    // Files between two others, as most are, are taken over at once.
    let files = from;
    for (let row = from; row < to; row++) {
      const at = start + row - from;
      this.streamOffsets[at] = streamOffset + (results.dataOffsets[row] ?? 0);
      this.contentBytes += results.sizes[row] ?? 0;
      if (results.isChanged(row)) this.changedRows.add(at);
      const kind = columns.kinds[row];
      if (kind === KIND.file) continue;
      this.linkTargets.appendNulls(row - files);
      files = row + 1;
      if (kind === KIND.directory) this.linkTargets.appendNulls(1);
      else this.linkTargets.appendRows(columns.linkTargets, row, row + 1);
      this.checksums.fill(0, at * CHECKSUM_LENGTH, (at + 1) * CHECKSUM_LENGTH);
      this.checksumValidity.append(at, false);
    }
    this.linkTargets.appendNulls(to - files);
    this.checksumValidity.appendValid(start, count);
    this.length = start + count;
  }

  /** Appends everything that is in another one, for which there is room. */
  appendAll(other: SubIndexBuilder): void {
    const start = this.length;
    const { length } = other;
    while (start + length > this.kinds.length) this.grow();
    this.paths.appendAll(other.paths);
    this.pathBytes.appendAll(other.pathBytes);
    this.linkTargets.appendAll(other.linkTargets);
    this.linkTargetBytes.appendAll(other.linkTargetBytes);
    this.unames.appendAll(other.unames);
    this.gnames.appendAll(other.gnames);
    this.xattrs.appendAll(other.xattrs);
    this.hasOwnerNames ||= other.hasOwnerNames;
    this.kinds.set(other.kinds.subarray(0, length), start);
    this.modes.set(other.modes.subarray(0, length), start);
    this.mtimes.set(other.mtimes.subarray(0, length), start);
    this.uids.set(other.uids.subarray(0, length), start);
    this.gids.set(other.gids.subarray(0, length), start);
    this.sizes.set(other.sizes.subarray(0, length), start);
    this.streamOffsets.set(other.streamOffsets.subarray(0, length), start);
    this.checksums.set(other.checksums.subarray(0, length * CHECKSUM_LENGTH), start * CHECKSUM_LENGTH);
    for (let row = 0; row < length; row++) {
      this.uidValidity.append(start + row, other.uidValidity.isValid(row));
      this.gidValidity.append(start + row, other.gidValidity.isValid(row));
      this.checksumValidity.append(start + row, other.checksumValidity.isValid(row));
    }
    for (const row of other.changedRows) this.changedRows.add(start + row);
    this.contentBytes += other.contentBytes;
    this.length = start + length;
  }

  private takeOwners(
    ids: Uint32Array,
    validity: Validity,
    given: Uint32Array | null,
    from: number,
    to: number,
  ): void {
    if (given === null) {
      validity.appendNulls(this.length, to - from);
      return;
    }
    for (let row = from; row < to; row++) {
      const id = given[row] ?? NO_ID;
      const at = this.length + row - from;
      ids[at] = id === NO_ID ? 0 : id;
      validity.append(at, id !== NO_ID);
    }
  }

  /** Whether the table has as many rows, or as many bytes of names, as a table may have. */
  get isFull(): boolean {
    return this.length >= MAX_SUB_INDEX_ROWS || this.nameBytes >= MAX_NAME_BYTES;
  }

  /** Bytes of names and attributes, in all columns. */
  get nameBytes(): number {
    return [
      this.paths,
      this.pathBytes,
      this.linkTargets,
      this.linkTargetBytes,
      this.unames,
      this.gnames,
      this.xattrs,
    ].reduce((sum, { byteLength }) => sum + byteLength, 0);
  }

  /** First and last path, in the order of paths, and total content, for the manifest. */
  summary(): { firstPath: ByteString; lastPath: ByteString; contentBytes: number } {
    const { first, last } = this.extent();
    return { firstPath: first, lastPath: last, contentBytes: this.contentBytes };
  }

  private extent(): PathExtent {
    if (this.pathBytes.byteLength === 0) {
      const { bytes, offsets } = this.paths.view();
      const { first, last } = pathExtent(bytes, offsets);
      return { first: this.paths.get(first), last: this.paths.get(last) };
    }
    // A path that is not UTF-8 has its bytes in the other column, where the others have none.
    const paths = Array.from(
      { length: this.length },
      (_, row) => this.pathBytes.get(row) || this.paths.get(row),
    );
    return extentOf(paths);
  }

  /** The columns of a sub-index. */
  columns(): Column[] {
    const names = this.hasOwnerNames
      ? [utf8Column('uname', this.unames, true), utf8Column('gname', this.gnames, true)]
      : [];
    const xattrs = this.xattrs.byteLength > 0 ? [binaryColumn('xattrs', this.xattrs)] : [];
    return [...this.entryColumns(), ...names, ...xattrs];
  }

  /** The columns that every sub-index has. Names of owners and attributes are not among them. */
  entryColumns(): Column[] {
    const rows = this.length;
    return [
      utf8Column('path', this.paths),
      dictionaryColumn('kind', KINDS, this.kinds.subarray(0, rows)),
      uint32Column('mode', this.modes.subarray(0, rows)),
      timestampColumn('mtime', this.mtimes.subarray(0, rows)),
      uint32Column('uid', this.uids.subarray(0, rows), this.uidValidity),
      uint32Column('gid', this.gids.subarray(0, rows), this.gidValidity),
      uint64Column('size', this.sizes.subarray(0, rows)),
      uint64Column('stream_offset', this.streamOffsets.subarray(0, rows)),
      utf8Column('link_target', this.linkTargets, true),
      checksumColumn('checksum', this.checksums.subarray(0, rows * CHECKSUM_LENGTH), this.checksumValidity),
      boolColumn('changed', rows, (row) => this.changedRows.has(row)),
      binaryColumn('path_bytes', this.pathBytes),
      binaryColumn('link_target_bytes', this.linkTargetBytes),
    ];
  }

  private grow(): void {
    const rows = this.kinds.length * 2;
    this.kinds = grown(new Uint8Array(rows), this.kinds);
    this.modes = grown(new Uint32Array(rows), this.modes);
    this.mtimes = grown(new BigInt64Array(rows), this.mtimes);
    this.uids = grown(new Uint32Array(rows), this.uids);
    this.gids = grown(new Uint32Array(rows), this.gids);
    this.sizes = grown(new Float64Array(rows), this.sizes);
    this.streamOffsets = grown(new Float64Array(rows), this.streamOffsets);
    this.checksums = grown(new Uint8Array(rows * CHECKSUM_LENGTH), this.checksums);
  }
}

function checksumAt(checksums: Uint8Array, row: number): Uint8Array {
  return checksums.subarray(row * CHECKSUM_LENGTH, (row + 1) * CHECKSUM_LENGTH);
}

function rowBytes({ bytes, ends }: ByteStrings, from: number, to: number): Uint8Array {
  return bytes.subarray(startOf(ends, from), startOf(ends, to));
}
