/**
 * Sub-indexes: the entries of one group, at most 65,536 to a part, as an Arrow table.
 * Implements docs/format.md, "Sub-index".
 */
import { isAscii } from 'node:buffer';
import { ZnipError } from '../../errors.ts';
import { isUtf8, type ByteString } from '../values/byte-string.ts';
import { type ByteStrings, startOf, stringAt } from '../values/byte-strings.ts';
import { CHECKSUM_LENGTH, MAX_NAME_BYTES, MAX_SUB_INDEX_ROWS } from '../values/constants.ts';
import { KIND, KINDS, MODE_MASK, type Member, NO_ID } from '../values/entry.ts';
import { grown } from './grow.ts';
import { differenceOf, displayBytes, displayName } from './shown-name.ts';
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
import { type Batch, type BytesColumn, decodeTable } from './table-reader.ts';

/** Only a few, because there may be thousands of groups. The columns grow as more rows come. */
const INITIAL_ROWS = 16;

/** Members as columns, to be taken over as they are. Row i of every column is member i. */
export interface EntryColumns {
  paths: ByteStrings;
  /** '' for all but links. */
  linkTargets: ByteStrings;
  kinds: Uint8Array;
  modes: Uint16Array;
  mtimes: BigInt64Array;
  /** NO_ID for members without one; null if none has one. */
  uids: Uint32Array | null;
  gids: Uint32Array | null;
  unames: readonly (ByteString | undefined)[] | null;
  gnames: readonly (ByteString | undefined)[] | null;
}

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
  private firstPath: ByteString = '';
  private lastPath: ByteString = '';
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
    if (row === 0) this.firstPath = path;
    this.lastPath = path;
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
      const member = { ...memberAt(columns, row), size: results.sizes[row] ?? 0 };
      this.append(member, streamOffset + (results.dataOffsets[row] ?? 0), checksum, results.isChanged(row));
      if (this.isFull) return row + 1;
    }
    return end;
  }

  /** Whether the columns can be taken over as they are: all names are ASCII, and there is room for them. */
  private areSimple({ paths, linkTargets, unames, gnames }: EntryColumns, from: number, to: number): boolean {
    if (unames !== null || gnames !== null) return false;
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
    if (start === 0) this.firstPath = stringAt(columns.paths, from);
    this.lastPath = stringAt(columns.paths, to - 1);
    this.length = start + count;
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

  private get nameBytes(): number {
    return [
      this.paths,
      this.pathBytes,
      this.linkTargets,
      this.linkTargetBytes,
      this.unames,
      this.gnames,
    ].reduce((sum, { byteLength }) => sum + byteLength, 0);
  }

  /** First and last path and total content, for the manifest. */
  summary(): { firstPath: ByteString; lastPath: ByteString; contentBytes: number } {
    return { firstPath: this.firstPath, lastPath: this.lastPath, contentBytes: this.contentBytes };
  }

  /** The columns of a sub-index. */
  columns(): Column[] {
    const names = this.hasOwnerNames
      ? [utf8Column('uname', this.unames, true), utf8Column('gname', this.gnames, true)]
      : [];
    return [...this.entryColumns(), ...names];
  }

  /** The columns that every sub-index has. Names of owners are not among them. */
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

/** Row `row` as a member; it has no size. */
function memberAt(columns: EntryColumns, row: number): Omit<Member, 'size'> {
  return {
    path: stringAt(columns.paths, row),
    kind: columns.kinds[row] ?? KIND.file,
    mode: columns.modes[row] ?? 0,
    mtime: columns.mtimes[row] ?? 0n,
    linkTarget: stringAt(columns.linkTargets, row),
    uid: idAt(columns.uids, row),
    gid: idAt(columns.gids, row),
    uname: columns.unames?.[row],
    gname: columns.gnames?.[row],
  };
}

function idAt(ids: Uint32Array | null, row: number): number | null {
  const id = ids?.[row] ?? NO_ID;
  return id === NO_ID ? null : id;
}

function checksumAt(checksums: Uint8Array, row: number): Uint8Array {
  return checksums.subarray(row * CHECKSUM_LENGTH, (row + 1) * CHECKSUM_LENGTH);
}

function rowBytes({ bytes, ends }: ByteStrings, from: number, to: number): Uint8Array {
  return bytes.subarray(startOf(ends, from), startOf(ends, to));
}

/** The entries of one record batch of a sub-index, by row. */
export class EntryBatch {
  readonly length: number;
  readonly kinds: Uint8Array;
  readonly modes: Uint32Array;
  readonly mtimes: BigInt64Array;
  readonly sizes: Float64Array;
  readonly streamOffsets: Float64Array;
  private readonly paths: BytesColumn;
  private readonly pathBytes: BytesColumn | undefined;
  private readonly linkTargets: BytesColumn;
  private readonly linkTargetBytes: BytesColumn | undefined;
  /** Whether the table has columns for names of owners and groups. */
  readonly hasOwnerNames: boolean;
  private readonly unames: BytesColumn | undefined;
  private readonly gnames: BytesColumn | undefined;
  private readonly uids: { values: Uint32Array; isNull: (row: number) => boolean };
  private readonly gids: { values: Uint32Array; isNull: (row: number) => boolean };
  private readonly checksums: { bytes: Uint8Array; isNull: (row: number) => boolean };
  /** Whether the file changed while it was packed: its content may come from two moments. */
  readonly changed: (row: number) => boolean;

  constructor(batch: Batch) {
    this.length = batch.length;
    this.paths = batch.utf8('path');
    this.kinds = batch.dictionary('kind', KINDS);
    this.modes = batch.uint32('mode').values;
    this.mtimes = batch.timestamp('mtime');
    this.uids = batch.uint32('uid', true);
    this.gids = batch.uint32('gid', true);
    this.sizes = batch.uint64('size');
    this.streamOffsets = batch.uint64('stream_offset');
    this.linkTargets = batch.utf8('link_target', true);
    this.checksums = batch.checksums('checksum');
    this.changed = batch.has('changed') ? batch.bool('changed') : () => false;
    this.pathBytes = batch.has('path_bytes') ? batch.binary('path_bytes') : undefined;
    this.linkTargetBytes = batch.has('link_target_bytes') ? batch.binary('link_target_bytes') : undefined;
    this.unames = batch.has('uname') ? batch.utf8('uname', true) : undefined;
    this.gnames = batch.has('gname') ? batch.utf8('gname', true) : undefined;
    this.hasOwnerNames = this.unames !== undefined || this.gnames !== undefined;
    this.check();
  }

  path(row: number): ByteString {
    return this.pathBytes === undefined || this.pathBytes.isNull(row)
      ? this.paths.get(row)
      : this.pathBytes.get(row);
  }

  /** The rows from `from` to `to` whose path has these bytes. */
  rowsOf(path: Buffer, from: number, to: number): number[] {
    const { pathBytes } = this;
    const shown = this.paths.rowsOf(path, from, to);
    if (pathBytes === undefined) return shown;
    // A name that is not UTF-8 may be shown like another name.
    const rows = shown.filter((row) => pathBytes.isNull(row));
    return [...rows, ...pathBytes.rowsOf(path, from, to)].sort((a, b) => a - b);
  }

  linkTarget(row: number): ByteString {
    return this.linkTargetBytes === undefined || this.linkTargetBytes.isNull(row)
      ? this.linkTargets.get(row)
      : this.linkTargetBytes.get(row);
  }

  uid(row: number): number | null {
    return this.uids.isNull(row) ? null : (this.uids.values[row] ?? 0);
  }

  gid(row: number): number | null {
    return this.gids.isNull(row) ? null : (this.gids.values[row] ?? 0);
  }

  /** The owner's name as it is displayed; undefined if none is recorded. */
  uname(row: number): ByteString | undefined {
    return this.unames === undefined || this.unames.isNull(row) ? undefined : this.unames.get(row);
  }

  gname(row: number): ByteString | undefined {
    return this.gnames === undefined || this.gnames.isNull(row) ? undefined : this.gnames.get(row);
  }

  /** BLAKE3 hash of the content, as a view into the table; null if it is not a file. */
  checksum(row: number): Uint8Array | null {
    if (this.checksums.isNull(row)) return null;
    return this.checksums.bytes.subarray(row * CHECKSUM_LENGTH, (row + 1) * CHECKSUM_LENGTH);
  }

  member(row: number): Member {
    return {
      path: this.path(row),
      kind: this.kinds[row] ?? KIND.file,
      mode: this.modes[row] ?? 0,
      mtime: this.mtimes[row] ?? 0n,
      size: this.sizes[row] ?? 0,
      linkTarget: this.linkTarget(row),
      uid: this.uid(row),
      gid: this.gid(row),
    };
  }

  /** The paths of rows `from` to `to`, each followed by the byte `end`. */
  pathLines(from: number, to: number, end: number): Uint8Array {
    // Paths that are not UTF-8 have their bytes in another column.
    if (this.pathBytes === undefined || this.pathBytes.isEmpty(from, to)) {
      return this.paths.lines(from, to, end);
    }
    const separator = String.fromCharCode(end);
    let lines = '';
    for (let row = from; row < to; row++) lines += this.path(row) + separator;
    return Buffer.from(lines, 'latin1');
  }

  /** The path as text, from the column `path`. */
  shownPath(row: number): string {
    return this.paths.text(row);
  }

  /**
   * Checks what no single column can show: only files have content and a checksum, only links have a target, and a text
   * shows the bytes beside it. Readers of different columns must not see different things.
   */
  private check(): void {
    const { kinds, modes, length, checksums, linkTargets, linkTargetBytes, pathBytes } = this;
    const hasNoPathBytes = pathBytes?.isNull ?? ((): boolean => true);
    const hasNoTargetBytes = linkTargetBytes?.isNull ?? ((): boolean => true);
    for (let row = 0; row < length; row++) {
      const kind = kinds[row] ?? 0;
      // Nearly all are normal files, so check for these first: this loop once took half of the time of listing.
      if (
        kind === KIND.file &&
        (modes[row] ?? 0) <= MODE_MASK &&
        !checksums.isNull(row) &&
        linkTargets.isNull(row) &&
        hasNoTargetBytes(row) &&
        hasNoPathBytes(row)
      ) {
        continue;
      }
      const fault = this.faultAt(row, kind);
      if (fault !== undefined) throw new ZnipError('damaged-sub-index', `row ${row} ${fault}`);
    }
  }

  private faultAt(row: number, kind: number): string | undefined {
    const { modes, checksums, sizes, paths, pathBytes, linkTargets, linkTargetBytes } = this;
    const isFile = kind === KIND.file;
    if (isFile === checksums.isNull(row)) {
      return `is a ${KINDS[kind]} ${isFile ? 'without' : 'with'} a checksum`;
    }
    if (!isFile && (sizes[row] ?? 0) > 0) return `is a ${KINDS[kind]} with content`;
    const mode = modes[row] ?? 0;
    if (mode > MODE_MASK) return `has the mode ${mode.toString(8)}, expected 7777 at most`;
    const hasTarget = !linkTargets.isNull(row) || linkTargetBytes?.isNull(row) === false;
    if (hasTarget !== (kind === KIND.symlink || kind === KIND.hardlink)) {
      return `is a ${KINDS[kind]} ${hasTarget ? 'with' : 'without'} a target`;
    }
    return (
      differenceOf('path', row, paths, pathBytes) ??
      differenceOf('link_target', row, linkTargets, linkTargetBytes)
    );
  }
}

/** Reads a sub-index's Arrow stream. Throws `damaged-sub-index`. */
export function decodeSubIndex(stream: Uint8Array): EntryBatch[] {
  return decodeTable(stream, 'damaged-sub-index', 'a sub-index').batches.map(
    (batch) => new EntryBatch(batch),
  );
}
