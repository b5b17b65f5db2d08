/**
 * Sub-indexes as they are read: the entries of one group, at most 65,536 to a part, from an Arrow table.
 * Implements docs/format.md, "Sub-index".
 */
import { ZnipError } from '../../errors.ts';
import type { ByteString } from '../values/byte-string.ts';
import { CHECKSUM_LENGTH } from '../values/constants.ts';
import { KIND, KINDS, MODE_MASK, type Member } from '../values/entry.ts';
import { extentOf, type PathExtent } from '../values/path-order.ts';
import { decodeXattrs } from '../values/xattrs.ts';
import { firstUnusual, pathExtent } from './column-checks.ts';
import { differenceOf } from './shown-name.ts';
import { type Batch, type BytesColumn, decodeTable } from './table-reader.ts';

/** Columns of entries. Row i of every column is entry i. */
export interface PlainEntries {
  paths: Buffer;
  /** Where each path ends in `paths`. */
  pathEnds: Uint32Array;
  kinds: Uint8Array;
  modes: Uint32Array;
  mtimes: BigInt64Array;
  sizes: Float64Array;
  streamOffsets: Float64Array;
  /** BLAKE3 of each file's content, one after the other. */
  checksums: Uint8Array;
}

/** Numbers that may be missing. */
interface NumbersColumn {
  values: Uint32Array;
  isNull: (row: number) => boolean;
}

/** The columns of a sub-index. Those that may be missing are undefined then. */
interface EntryColumnsRead {
  length: number;
  paths: BytesColumn;
  pathBytes: BytesColumn | undefined;
  linkTargets: BytesColumn;
  linkTargetBytes: BytesColumn | undefined;
  unames: BytesColumn | undefined;
  gnames: BytesColumn | undefined;
  xattrs: BytesColumn | undefined;
  kinds: Uint8Array;
  modes: Uint32Array;
  mtimes: BigInt64Array;
  sizes: Float64Array;
  streamOffsets: Float64Array;
  uids: NumbersColumn;
  gids: NumbersColumn;
  checksums: { bytes: Uint8Array; validity: Uint8Array; isNull: (row: number) => boolean };
  changed: (row: number) => boolean;
  unknown: readonly string[];
}

const KNOWN_COLUMNS: ReadonlySet<string> = new Set([
  'path',
  'kind',
  'mode',
  'mtime',
  'uid',
  'gid',
  'size',
  'stream_offset',
  'link_target',
  'checksum',
  'changed',
  'path_bytes',
  'link_target_bytes',
  'uname',
  'gname',
  'xattrs',
]);

function readColumns(batch: Batch): EntryColumnsRead {
  const optional = <T>(name: string, read: () => T): T | undefined => (batch.has(name) ? read() : undefined);
  return {
    length: batch.length,
    paths: batch.utf8('path'),
    kinds: batch.dictionary('kind', KINDS),
    modes: batch.uint32('mode').values,
    mtimes: batch.timestamp('mtime'),
    uids: batch.uint32('uid', true),
    gids: batch.uint32('gid', true),
    sizes: batch.uint64('size'),
    streamOffsets: batch.uint64('stream_offset'),
    linkTargets: batch.utf8('link_target', true),
    checksums: batch.checksums('checksum'),
    changed: optional('changed', () => batch.bool('changed')) ?? ((): boolean => false),
    pathBytes: optional('path_bytes', () => batch.binary('path_bytes')),
    linkTargetBytes: optional('link_target_bytes', () => batch.binary('link_target_bytes')),
    unames: optional('uname', () => batch.utf8('uname', true)),
    gnames: optional('gname', () => batch.utf8('gname', true)),
    xattrs: optional('xattrs', () => batch.binary('xattrs')),
    unknown: batch.names.filter((name) => !KNOWN_COLUMNS.has(name)),
  };
}

function sliceColumns(columns: EntryColumnsRead, from: number, to: number): EntryColumnsRead {
  const numbers = ({ values, isNull }: NumbersColumn): NumbersColumn => ({
    values: values.subarray(from, to),
    isNull: (row) => isNull(from + row),
  });
  const { checksums, changed } = columns;
  return {
    length: to - from,
    paths: columns.paths.slice(from, to),
    pathBytes: columns.pathBytes?.slice(from, to),
    linkTargets: columns.linkTargets.slice(from, to),
    linkTargetBytes: columns.linkTargetBytes?.slice(from, to),
    unames: columns.unames?.slice(from, to),
    gnames: columns.gnames?.slice(from, to),
    xattrs: columns.xattrs?.slice(from, to),
    kinds: columns.kinds.subarray(from, to),
    modes: columns.modes.subarray(from, to),
    mtimes: columns.mtimes.subarray(from, to),
    sizes: columns.sizes.subarray(from, to),
    streamOffsets: columns.streamOffsets.subarray(from, to),
    uids: numbers(columns.uids),
    gids: numbers(columns.gids),
    checksums: {
      bytes: checksums.bytes.subarray(from * CHECKSUM_LENGTH, to * CHECKSUM_LENGTH),
      validity: new Uint8Array(0),
      isNull: (row) => checksums.isNull(from + row),
    },
    changed: (row) => changed(from + row),
    unknown: columns.unknown,
  };
}

/** The entries of one record batch of a sub-index, or some of them that follow one another, by row. */
export class EntryBatch {
  readonly length: number;
  readonly kinds: Uint8Array;
  readonly modes: Uint32Array;
  readonly mtimes: BigInt64Array;
  readonly sizes: Float64Array;
  readonly streamOffsets: Float64Array;
  /** Whether the table has columns for names of owners and groups. */
  readonly hasOwnerNames: boolean;
  /** Whether the file changed while it was packed: its content may come from two moments. */
  readonly changed: (row: number) => boolean;
  private readonly columns: EntryColumnsRead;
  private readonly paths: BytesColumn;
  private readonly pathBytes: BytesColumn | undefined;
  private readonly linkTargets: BytesColumn;
  private readonly linkTargetBytes: BytesColumn | undefined;
  private readonly unames: BytesColumn | undefined;
  private readonly gnames: BytesColumn | undefined;
  private readonly uids: NumbersColumn;
  private readonly gids: NumbersColumn;
  private readonly checksums: EntryColumnsRead['checksums'];

  /** Computed when they are first asked for. */
  private knownPlain: { entries: PlainEntries | undefined } | undefined;
  private knownOwners: boolean | undefined;

  protected constructor(columns: EntryColumnsRead) {
    this.columns = columns;
    this.length = columns.length;
    this.paths = columns.paths;
    this.kinds = columns.kinds;
    this.modes = columns.modes;
    this.mtimes = columns.mtimes;
    this.uids = columns.uids;
    this.gids = columns.gids;
    this.sizes = columns.sizes;
    this.streamOffsets = columns.streamOffsets;
    this.linkTargets = columns.linkTargets;
    this.checksums = columns.checksums;
    this.changed = columns.changed;
    this.pathBytes = columns.pathBytes;
    this.linkTargetBytes = columns.linkTargetBytes;
    this.unames = columns.unames;
    this.gnames = columns.gnames;
    this.hasOwnerNames = columns.unames !== undefined || columns.gnames !== undefined;
  }

  /** Throws `damaged-sub-index`. */
  static read(batch: Batch): EntryBatch {
    const entries = new EntryBatch(readColumns(batch));
    entries.check();
    return entries;
  }

  /** Rows `from` to `to` as a batch of their own. */
  slice(from: number, to: number): EntryBatch {
    return from === 0 && to === this.length ? this : new EntryBatch(sliceColumns(this.columns, from, to));
  }

  /** Names of columns that this version does not know. */
  get unknownColumns(): readonly string[] {
    return this.columns.unknown;
  }

  path(row: number): ByteString {
    return this.pathBytes === undefined || this.pathBytes.isNull(row)
      ? this.paths.get(row)
      : this.pathBytes.get(row);
  }

  /** The columns as they are, if every path is shown by its own bytes, and no row has attributes; else undefined. */
  get plain(): PlainEntries | undefined {
    this.knownPlain ??= { entries: this.plainEntries() };
    return this.knownPlain.entries;
  }

  /** Whether an owner or a group is recorded for any row. */
  get hasOwners(): boolean {
    this.knownOwners ??= this.findOwner();
    return this.knownOwners;
  }

  private plainEntries(): PlainEntries | undefined {
    const { paths, pathBytes, length, kinds, modes, mtimes, sizes, streamOffsets } = this;
    const { bytes, offsets } = paths;
    if (pathBytes?.isEmpty(0, length) === false || this.hasXattrs) return undefined;
    const start = offsets[0] ?? 0;
    return {
      paths: bytes.subarray(start),
      pathEnds:
        start === 0
          ? new Uint32Array(offsets.buffer, offsets.byteOffset + offsets.BYTES_PER_ELEMENT, length)
          : Uint32Array.from(offsets.subarray(1, length + 1), (end) => end - start),
      kinds,
      modes,
      mtimes,
      sizes,
      streamOffsets,
      checksums: this.checksums.bytes,
    };
  }

  private findOwner(): boolean {
    for (let row = 0; row < this.length; row++) {
      if (!this.uids.isNull(row) || !this.gids.isNull(row)) return true;
    }
    return false;
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

  /** Whether extended attributes are recorded for any row. */
  get hasXattrs(): boolean {
    return this.columns.xattrs?.isEmpty(0, this.length) === false;
  }

  /** Extended attributes as they are recorded, see `format/values/xattrs.ts`; undefined if there are none. */
  xattrs(row: number): ByteString | undefined {
    const { xattrs } = this.columns;
    return xattrs === undefined || xattrs.isNull(row) ? undefined : xattrs.get(row);
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
      xattrs: this.xattrs(row),
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

  /** The first and the last path, in the order of paths. */
  extent(): PathExtent {
    const { bytes, offsets } = this.paths;
    const { length, pathBytes } = this;
    if (pathBytes === undefined || pathBytes.isEmpty(0, length)) {
      const { first, last } = pathExtent(bytes, offsets.subarray(0, length + 1));
      return { first: this.paths.get(first), last: this.paths.get(last) };
    }
    return extentOf(Array.from({ length }, (_, row) => this.path(row)));
  }

  /**
   * Checks what no single column can show: only files have content and a checksum, only links have a target, and a text
   * shows the bytes beside it. Readers of different columns must not see different things.
   */
  private check(): void {
    const { kinds, modes, sizes, length, checksums, linkTargets, linkTargetBytes, pathBytes } = this;
    // Where there is no column, no row has a value.
    const none = new Uint8Array((length + 7) >> 3);
    const columns = {
      kinds,
      modes,
      sizes,
      checksums: checksums.validity,
      targets: linkTargets.validity,
      pathBytes: pathBytes?.validity ?? none,
      targetBytes: linkTargetBytes?.validity ?? none,
    };
    for (let row = firstUnusual(columns, 0); row < length; row = firstUnusual(columns, row + 1)) {
      const fault = this.faultAt(row, kinds[row] ?? 0);
      if (fault !== undefined) throw new ZnipError('damaged-sub-index', `row ${row} ${fault}`);
    }
    for (let row = 0; this.hasXattrs && row < length; row++) {
      const records = this.xattrs(row);
      if (records === undefined) continue;
      if (kinds[row] === KIND.hardlink || records === '' || decodeXattrs(records) === undefined) {
        throw new ZnipError(
          'damaged-sub-index',
          `row ${row} has extended attributes that no header can have`,
        );
      }
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
  return decodeTable(stream, 'damaged-sub-index', 'a sub-index').batches.map((batch) =>
    EntryBatch.read(batch),
  );
}
