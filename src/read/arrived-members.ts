/**
 * The members that have arrived in a stream, by the paths that the archive has for them and by the names
 * that they get, which differ when leading components are taken off.
 *
 * There may be millions: each is a row of columns, and there is no object for it.
 */
import type { ByteString } from '../format/byte-string.ts';
import { CHECKSUM_LENGTH } from '../format/constants.ts';
import { KIND, type Member } from '../format/entry.ts';
import { grown } from '../format/grow.ts';

/** What the tar stream said of a member, and the hash of what was written. */
export interface ArrivedMember {
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
  /** The last row with this path. */
  private readonly byPath = new Map<ByteString, number>();
  /** Members whose path a later one has, in the order of arrival: tar streams may have a path twice. */
  private readonly replaced = new Map<ByteString, number[]>();
  /** Where members have other names than in the archive: of each row, and the rows of each in the order of arrival. */
  private readonly renamed: { names: ByteString[]; rows: Map<ByteString, number[]> } | undefined;

  constructor(renames: boolean) {
    this.renamed = renames ? { names: [], rows: new Map() } : undefined;
  }

  /** Members of the archive. */
  get size(): number {
    return this.rows;
  }

  /** Names, of which several members may have the same. */
  get nameCount(): number {
    return this.renamed?.rows.size ?? this.byPath.size;
  }

  /** `path` is the archive's, `member.path` the name that it gets; `streamOffset` is where its content starts. */
  add(path: ByteString, member: Member, streamOffset: number): void {
    const row = this.rows;
    if (row === this.kinds.length) this.grow();
    this.rows = row + 1;
    this.kinds[row] = member.kind;
    this.modes[row] = member.mode;
    this.mtimes[row] = member.mtime;
    this.sizes[row] = member.size;
    this.streamOffsets[row] = streamOffset;
    if (member.linkTarget !== '') this.linkTargets.set(row, member.linkTarget);
    const before = this.byPath.get(path);
    if (before !== undefined) append(this.replaced, path, before);
    this.byPath.set(path, row);
    if (this.renamed === undefined) return;
    this.renamed.names.push(member.path);
    append(this.renamed.rows, member.path, row);
  }

  /** The rows of the members with this path in the archive, in the order of arrival. */
  at(path: ByteString): readonly number[] {
    const last = this.byPath.get(path);
    if (last === undefined) return [];
    const earlier = this.replaced.get(path);
    return earlier === undefined ? [last] : [...earlier, last];
  }

  member(row: number): ArrivedMember {
    const start = row * CHECKSUM_LENGTH;
    return {
      kind: this.kinds[row] ?? 0,
      mode: this.modes[row] ?? 0,
      mtime: this.mtimes[row] ?? 0n,
      size: this.sizes[row] ?? 0,
      streamOffset: this.streamOffsets[row] ?? 0,
      linkTarget: this.linkTargets.get(row) ?? '',
      checksum: this.written[row] === 1 ? this.checksums.subarray(start, start + CHECKSUM_LENGTH) : null,
    };
  }

  /** The name that the member of a row gets, whose path in the archive is this. */
  nameOf(row: number, path: ByteString): ByteString {
    return this.renamed?.names[row] ?? path;
  }

  /** Every name once, in the order of arrival, with the last member that has it. */
  *last(): Generator<NamedMember, void, undefined> {
    if (this.renamed === undefined) for (const [path, row] of this.byPath) yield this.namedMember(path, row);
    else for (const [name, rows] of this.renamed.rows) yield this.namedMember(name, rows.at(-1) ?? 0);
  }

  /** A file was written. They are written in order: the first of its name that was not. */
  noteWritten(name: ByteString, checksum: Uint8Array): void {
    const row = this.named(name).find(
      (candidate) => this.kinds[candidate] === KIND.file && this.written[candidate] === 0,
    );
    if (row === undefined) return;
    this.checksums.set(checksum, row * CHECKSUM_LENGTH);
    this.written[row] = 1;
  }

  /** The last member with this name has this time. */
  setTime(name: ByteString, mtime: bigint): void {
    const row = this.named(name).at(-1);
    if (row !== undefined) this.mtimes[row] = mtime;
  }

  has(name: ByteString): boolean {
    return this.named(name).length > 0;
  }

  /** Whether a file, or a link to one, has got this name. */
  isWritten(name: ByteString): boolean {
    return this.named(name).some((row) => this.isWhole(row));
  }

  /** Members that have arrived whole. */
  countWhole(): number {
    let whole = 0;
    for (const row of this.byPath.values()) if (this.isWhole(row)) whole += 1;
    return whole;
  }

  /** Rows of the members with this name, in the order of arrival. */
  private named(name: ByteString): readonly number[] {
    return this.renamed === undefined ? this.at(name) : (this.renamed.rows.get(name) ?? []);
  }

  private namedMember(path: ByteString, row: number): NamedMember {
    return {
      path,
      kind: this.kinds[row] ?? 0,
      mtime: this.mtimes[row] ?? 0n,
      isWritten: this.isWhole(row),
    };
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

function append(rows: Map<ByteString, number[]>, key: ByteString, row: number): void {
  const same = rows.get(key);
  if (same === undefined) rows.set(key, [row]);
  else same.push(row);
}
