/**
 * The members that have arrived in a stream, by the paths that the archive has for them and by the names
 * that they get, which differ when leading components are taken off.
 *
 * There may be millions: each is a row of columns, and there is no object for it.
 */
import { grown } from '../format/tables/grow.ts';
import type { ByteString } from '../format/values/byte-string.ts';
import { CHECKSUM_LENGTH } from '../format/values/constants.ts';
import { KIND, type Member } from '../format/values/entry.ts';

/** What the tar stream said of a member, and the hash of what was written. */
export interface ArrivedMember {
  path: ByteString;
  kind: number;
  mode: number;
  mtime: bigint;
  size: number;
  /** Tar stream byte at which its content starts. */
  streamOffset: number;
  linkTarget: ByteString;
  /** BLAKE3 of the content, a view; null for all but files, and for files that are not written yet. */
  checksum: Uint8Array | null;
}

/** The last member that has a name. */
export interface NamedMember {
  path: ByteString;
  kind: number;
  mtime: bigint;
  /** For all but files, whether it has arrived. */
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
  /** 1 for files of which `checksums` has one. */
  private written = new Uint8Array(FIRST_ROWS);
  private readonly linkTargets = new Map<number, ByteString>();
  /** Paths in the archive. */
  private readonly paths: ByteString[] = [];
  /** Names that members get, where these are others. */
  private readonly names: ByteString[];
  /** The last row with this name. */
  private readonly byName = new Map<ByteString, number>();
  /** Rows whose name went to a later member, and that live on under that of a hard link: the row of the link. */
  private readonly heirs = new Map<number, number>();

  constructor(renames: boolean) {
    this.names = renames ? [] : this.paths;
  }

  /** Members of the archive. */
  get size(): number {
    return this.rows;
  }

  /** Names, of which several members may have the same. */
  get nameCount(): number {
    return this.byName.size;
  }

  /**
   * `path` is the archive's, `member.path` the name that it gets; `streamOffset` is where its content starts, behind
   * that of every member before. Returns its row.
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

  /** The row of the member whose content starts at this byte of the tar stream; undefined when it has not arrived. */
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

  /** The name that a row's member has now; undefined when a later member has it. */
  nameOf(row: number): ByteString | undefined {
    const name = this.names[row] ?? '';
    if (this.byName.get(name) === row) return name;
    const heir = this.heirs.get(row);
    return heir === undefined ? undefined : this.nameOf(heir);
  }

  /** What has the name `name` lives on as the hard link `heir` when a later member takes its name. */
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

  /** Whether what has this name now, a file, or a link to one, has got it. */
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
