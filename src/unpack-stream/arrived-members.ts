/**
 * The members that have arrived in a stream, by their paths in the archive and by the names that they get. These differ
 * when leading components are removed.
 *
 * There may be millions, so each is a row in columns, without an object for it.
 */
import { grown } from '../format/tables/grow.ts';
import type { ByteString } from '../format/values/byte-string.ts';
import { CHECKSUM_LENGTH } from '../format/values/constants.ts';
import { KIND, type Member } from '../format/values/entry.ts';

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
  /** Paths in the archive. */
  private readonly paths: ByteString[] = [];
  /** Names that members get, if they differ from the paths. */
  private readonly names: ByteString[];
  /** The last row with this name. */
  private readonly byName = new Map<ByteString, number>();
  /** For rows whose name went to a later member, and that go on under the name of a hard link: the row of the link. */
  private readonly heirs = new Map<number, number>();

  constructor(renames: boolean) {
    this.names = renames ? [] : this.paths;
  }

  /** Members of the archive. */
  get size(): number {
    return this.rows;
  }

  /** How many different names there are. Several members may have the same name. */
  get nameCount(): number {
    return this.byName.size;
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
    this.paths.push(path);
    if (this.names !== this.paths) this.names.push(member.path);
    this.byName.set(member.path, row);
    return row;
  }

  member(row: number): ArrivedMember {
    const start = row * CHECKSUM_LENGTH;
    return {
      path: this.paths[row] ?? '',
      kind: this.kinds[row] ?? 0,
      mode: this.modes[row] ?? 0,
      mtime: this.mtimes[row] ?? 0n,
      size: this.sizes[row] ?? 0,
      streamOffset: this.streamOffsets[row] ?? 0,
      linkTarget: this.linkTargets.get(row) ?? '',
      checksum: this.written[row] === 1 ? this.checksums.subarray(start, start + CHECKSUM_LENGTH) : null,
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
  get allPaths(): readonly ByteString[] {
    return this.paths;
  }

  /** The name that a row's member has now; undefined if a later member has that name. */
  nameOf(row: number): ByteString | undefined {
    const name = this.names[row] ?? '';
    if (this.byName.get(name) === row) return name;
    const heir = this.heirs.get(row);
    return heir === undefined ? undefined : this.nameOf(heir);
  }

  /** When a later member takes `name`, what had it goes on under the name of the hard link `heir`. */
  setHeir(name: ByteString, heir: ByteString): void {
    const row = this.byName.get(name);
    const heirRow = this.byName.get(heir);
    if (row !== undefined && heirRow !== undefined) this.heirs.set(row, heirRow);
  }

  /** Every name once, in the order of arrival, with the last member that has it. */
  *last(): Generator<NamedMember, void, undefined> {
    for (const [path, row] of this.byName) {
      yield {
        path,
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

  /** The last member with this name has this time. */
  setTime(name: ByteString, mtime: bigint): void {
    const row = this.byName.get(name);
    if (row !== undefined) this.mtimes[row] = mtime;
  }

  has(name: ByteString): boolean {
    return this.byName.has(name);
  }

  /** Whether this name has arrived and, if it is a file, its content is written. */
  isWritten(name: ByteString): boolean {
    const row = this.byName.get(name);
    return row !== undefined && this.isWhole(row);
  }

  /** Members that have arrived whole. */
  countWhole(): number {
    let whole = 0;
    for (const row of this.byName.values()) if (this.isWhole(row)) whole += 1;
    return whole;
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
  }
}
