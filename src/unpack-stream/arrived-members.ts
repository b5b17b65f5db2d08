/**
 * The members that have arrived in a stream, by their paths in the archive and by the names that they get. These differ
 * when leading components are removed.
 *
 * There may be millions, so each is a row in columns, without an object for it.
 */
import { codec } from '../codec/codec.ts';
import type { PlainMembers } from '../blocks/plain-members.ts';
import type { CoreArrived } from '../core/core.ts';
import { grown } from '../format/values/grown.ts';
import type { ByteString } from '../format/values/byte-string.ts';
import { ByteStringsBuilder } from '../format/values/byte-strings.ts';
import { CHECKSUM_LENGTH } from '../format/values/constants.ts';
import { KIND, type Member } from '../format/values/entry.ts';
import type { NameTable } from '../rules/name-table.ts';

/** What the tar stream said about a member, and the hash of what was written. */
export interface ArrivedMember {
  path: ByteString;
  kind: number;
  mode: number;
  mtime: bigint;
  size: number;
  /** Tar stream byte at which its content starts. */
  streamOffset: number;
  linkTarget: ByteString;
  /** Stands for its extended attributes, see `briefly`. */
  xattrs: ByteString | undefined;
  /** BLAKE3 hash of the content, as a view; null if it is not a file, or not written yet. */
  checksum: Uint8Array | null;
}

/** The last member that has a name. */
export interface NamedMember {
  path: ByteString;
  kind: number;
  mtime: bigint;
  /** For a file, whether its content is written. Always true for other kinds. */
  isWritten: boolean;
}

const FIRST_ROWS = 1024;

/** Attributes, or their hash if they are long: they wait until the index comes, and there may be megabytes for each member. */
export function briefly(xattrs: ByteString | undefined): ByteString | undefined {
  if (xattrs === undefined || xattrs.length <= 4 * CHECKSUM_LENGTH) return xattrs;
  return Buffer.from(codec().hash(Buffer.from(xattrs, 'latin1'))).toString('latin1');
}

export class ArrivedMembers {
  private rows = 0;
  private kinds = new Uint8Array(FIRST_ROWS);
  private modes = new Uint32Array(FIRST_ROWS);
  private mtimes = new BigInt64Array(FIRST_ROWS);
  private sizes = new Float64Array(FIRST_ROWS);
  private streamOffsets = new Float64Array(FIRST_ROWS);
  private checksums = new Uint8Array(FIRST_ROWS * CHECKSUM_LENGTH);
  /** 1 for files that have a hash in `checksums`. */
  private written = new Uint8Array(FIRST_ROWS);
  private readonly linkTargets = new Map<number, ByteString>();
  private readonly xattrs = new Map<number, ByteString>();
  /** Paths in the archive, if names may differ from them. */
  private readonly paths: ByteStringsBuilder | undefined;
  /** The names that members get. Each is there before its member comes. */
  private readonly names: NameTable;
  /** How many of them have a member: all, but for one that ended the run. */
  private named = 0;
  /** By the row of a name: the last member that has it. */
  private lastRows = new Uint32Array(FIRST_ROWS);
  /** By member: the row of its name. */
  private nameRows = new Uint32Array(FIRST_ROWS);
  /** For rows whose name went to a later member, and that go on under the name of a hard link: the row of the link. */
  private readonly heirs = new Map<number, number>();

  constructor(names: NameTable, renames: boolean) {
    this.names = names;
    this.paths = renames ? new ByteStringsBuilder() : undefined;
  }

  /** Members of the archive. */
  get size(): number {
    return this.rows;
  }

  /** How many different names there are. Several members may have the same name. */
  get nameCount(): number {
    return this.named;
  }

  /**
   * `path` is its path in the archive, `member.path` the name that it gets. `streamOffset` is where its content starts,
   * after that of every earlier member. Returns its row.
   */
  add(path: ByteString, member: Member, streamOffset: number): number {
    const row = this.rows;
    if (row === this.kinds.length) this.grow();
    this.rows = row + 1;
    this.kinds[row] = member.kind;
    this.modes[row] = member.mode;
    this.mtimes[row] = member.mtime;
    this.sizes[row] = member.size;
    this.streamOffsets[row] = streamOffset;
    if (member.linkTarget !== '') this.linkTargets.set(row, member.linkTarget);
    const xattrs = briefly(member.xattrs);
    if (xattrs !== undefined) this.xattrs.set(row, xattrs);
    this.paths?.append(path);
    this.setName(row, this.names.rowOf(member.path));
    return row;
  }

  /**
   * Rows `from` to `to` of `members`, files that keep their names, which nothing else has. `streamOffset` is where the chunk
   * starts. Returns the row of the first.
   */
  addFiles(members: PlainMembers, from: number, to: number, streamOffset: number): number {
    const first = this.rows;
    const count = to - from;
    while (first + count > this.kinds.length) this.grow();
    this.rows = first + count;
    this.kinds.fill(KIND.file, first, first + count);
    this.modes.set(members.modes.subarray(from, to), first);
    this.mtimes.set(members.mtimes.subarray(from, to), first);
    this.sizes.set(members.sizes.subarray(from, to), first);
    // The names that came last are theirs.
    const name = this.names.size - count;
    for (let i = 0; i < count; i++) {
      this.streamOffsets[first + i] = streamOffset + (members.offsets[from + i] ?? 0);
      this.setName(first + i, name + i);
    }
    return first;
  }

  member(row: number): ArrivedMember {
    const start = row * CHECKSUM_LENGTH;
    return {
      path: this.pathOf(row),
      kind: this.kinds[row] ?? 0,
      mode: this.modes[row] ?? 0,
      mtime: this.mtimes[row] ?? 0n,
      size: this.sizes[row] ?? 0,
      streamOffset: this.streamOffsets[row] ?? 0,
      linkTarget: this.linkTargets.get(row) ?? '',
      xattrs: this.xattrs.get(row),
      checksum: this.written[row] === 1 ? this.checksums.subarray(start, start + CHECKSUM_LENGTH) : null,
    };
  }

  /**
   * Whether every member has a name of its own, under which it arrived: then names have the same rows as members.
   */
  get haveOwnNames(): boolean {
    return this.named === this.rows && this.paths === undefined;
  }

  /** Everything, where it is, if all members have names of their own: valid until more arrives. */
  columns(): CoreArrived | undefined {
    // The core compares no attributes.
    if (!this.haveOwnNames || this.xattrs.size > 0) return undefined;
    const { bytes, ends } = this.names.all();
    const { kinds, modes, mtimes, sizes, streamOffsets, checksums, written } = this;
    return {
      paths: bytes,
      pathEnds: ends,
      kinds,
      modes,
      mtimes,
      sizes,
      streamOffsets,
      checksums,
      written,
    };
  }

  streamOffset(row: number): number {
    return this.streamOffsets[row] ?? 0;
  }

  /** The row of the member whose content starts at this byte of the tar stream; undefined if it has not arrived. */
  rowAt(streamOffset: number): number | undefined {
    let low = 0;
    let high = this.rows;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.streamOffsets[middle] ?? 0) < streamOffset) low = middle + 1;
      else high = middle;
    }
    return low < this.rows && this.streamOffsets[low] === streamOffset ? low : undefined;
  }

  /** Paths in the archive, one for each row. */
  *allPaths(): Generator<ByteString, void, undefined> {
    for (let row = 0; row < this.rows; row++) yield this.pathOf(row);
  }

  /** The name that a row's member has now; undefined if a later member has that name. */
  nameOf(row: number): ByteString | undefined {
    const name = this.nameRows[row] ?? 0;
    if (this.lastRows[name] === row) return this.names.name(name);
    const heir = this.heirs.get(row);
    return heir === undefined ? undefined : this.nameOf(heir);
  }

  /** When a later member takes `name`, what had it goes on under the name of the hard link `heir`. */
  setHeir(name: ByteString, heir: ByteString): void {
    const row = this.rowOf(name);
    const heirRow = this.rowOf(heir);
    if (row !== undefined && heirRow !== undefined) this.heirs.set(row, heirRow);
  }

  /** Every name once, in the order of arrival, with the last member that has it. */
  *last(): Generator<NamedMember, void, undefined> {
    for (let name = 0; name < this.named; name++) {
      const row = this.lastRows[name] ?? 0;
      yield {
        path: this.names.name(name),
        kind: this.kinds[row] ?? 0,
        mtime: this.mtimes[row] ?? 0n,
        isWritten: this.isWhole(row),
      };
    }
  }

  /** The file of this row was written. */
  noteWritten(row: number, checksum: Uint8Array): void {
    this.checksums.set(checksum, row * CHECKSUM_LENGTH);
    this.written[row] = 1;
  }

  /** The files of these rows were written. `checksums` has their hashes, one after the other. */
  noteAllWritten(rows: Uint32Array, checksums: Uint8Array): void {
    for (let from = 0; from < rows.length;) {
      const first = rows[from] ?? 0;
      let to = from + 1;
      while (rows[to] === first + to - from) to++;
      const bytes = checksums.subarray(from * CHECKSUM_LENGTH, to * CHECKSUM_LENGTH);
      this.checksums.set(bytes, first * CHECKSUM_LENGTH);
      this.written.fill(1, first, first + to - from);
      from = to;
    }
  }

  /** The last member with this name has this time. */
  setTime(name: ByteString, mtime: bigint): void {
    const row = this.rowOf(name);
    if (row !== undefined) this.mtimes[row] = mtime;
  }

  has(name: ByteString): boolean {
    return this.rowOf(name) !== undefined;
  }

  /** Whether this name has arrived and, if it is a file, its content is written. */
  isWritten(name: ByteString): boolean {
    const row = this.rowOf(name);
    return row !== undefined && this.isWhole(row);
  }

  /** Members that have arrived whole. */
  countWhole(): number {
    let whole = 0;
    for (let name = 0; name < this.named; name++) if (this.isWhole(this.lastRows[name] ?? 0)) whole += 1;
    return whole;
  }

  private pathOf(row: number): ByteString {
    return this.paths === undefined ? this.names.name(this.nameRows[row] ?? 0) : this.paths.get(row);
  }

  /** The last member with this name. */
  private rowOf(name: ByteString): number | undefined {
    const row = this.names.rowOf(name);
    return row < 0 || row >= this.named ? undefined : this.lastRows[row];
  }

  private setName(row: number, name: number): void {
    this.nameRows[row] = name;
    this.lastRows[name] = row;
    this.named = Math.max(this.named, name + 1);
  }

  private isWhole(row: number): boolean {
    return this.kinds[row] !== KIND.file || this.written[row] === 1;
  }

  private grow(): void {
    const rows = this.kinds.length * 2;
    this.kinds = grown(new Uint8Array(rows), this.kinds);
    this.modes = grown(new Uint32Array(rows), this.modes);
    this.mtimes = grown(new BigInt64Array(rows), this.mtimes);
    this.sizes = grown(new Float64Array(rows), this.sizes);
    this.streamOffsets = grown(new Float64Array(rows), this.streamOffsets);
    this.checksums = grown(new Uint8Array(rows * CHECKSUM_LENGTH), this.checksums);
    this.written = grown(new Uint8Array(rows), this.written);
    this.nameRows = grown(new Uint32Array(rows), this.nameRows);
    this.lastRows = grown(new Uint32Array(rows), this.lastRows);
  }
}
