/**
 * Collects the files to be written of one chunk, column by column: one by one, or many rows of other columns at once.
 */
import type { Owner } from '../archive/entries.ts';
import type { ByteString } from '../format/values/byte-string.ts';
import { type ByteStrings, ByteStringsBuilder } from '../format/values/byte-strings.ts';
import { CHECKSUM_LENGTH } from '../format/values/constants.ts';
import { grown } from '../format/values/grown.ts';
import type { FileColumns } from './chunk-files.ts';

/** One file, with its content in the chunk. */
export interface ChunkFile {
  path: ByteString;
  size: number;
  mode: number;
  mtime: bigint;
  owner: Owner | null;
  /** Chunk byte at which its content starts. */
  offset: number;
  /** BLAKE3 of its content, if an index has said it. */
  checksum: Uint8Array | null;
}

/** Columns that files are taken from. */
export interface FileRows {
  paths: ByteStrings;
  sizes: Float64Array;
  modes: Uint32Array;
  mtimes: BigInt64Array;
  /** Where contents start: chunk bytes, or bytes of the whole tar stream. */
  offsets: Float64Array;
  checksums: Uint8Array | null;
}

const FIRST_ROWS = 64;

export class FileColumnsBuilder {
  count = 0;
  private readonly paths = new ByteStringsBuilder();
  private readonly owners: (Owner | null)[] | null;
  private readonly hasChecksums: boolean;
  private offsets = new Float64Array(FIRST_ROWS);
  private sizes = new Float64Array(FIRST_ROWS);
  private modes = new Uint32Array(FIRST_ROWS);
  private mtimes = new BigInt64Array(FIRST_ROWS);
  private checksums: Uint8Array;

  /** `owners`: they are restored. `checksums`: an index has said what the hashes are. */
  constructor({ owners, checksums }: { owners: boolean; checksums: boolean }) {
    this.owners = owners ? [] : null;
    this.hasChecksums = checksums;
    this.checksums = new Uint8Array(checksums ? FIRST_ROWS * CHECKSUM_LENGTH : 0);
  }

  /** Returns its row. */
  append({ path, size, mode, mtime, owner, offset, checksum }: ChunkFile): number {
    const row = this.makeRoom(1);
    this.paths.append(path);
    this.owners?.push(owner);
    this.offsets[row] = offset;
    this.sizes[row] = size;
    this.modes[row] = mode;
    this.mtimes[row] = mtime;
    if (this.hasChecksums && checksum !== null) this.checksums.set(checksum, row * CHECKSUM_LENGTH);
    return row;
  }

  /** Rows `from` to `to` of `rows`, without owners. `chunkStart`: where the chunk starts, as their offsets count. */
  appendRows(rows: FileRows, from: number, to: number, chunkStart: number): void {
    const row = this.makeRoom(to - from);
    this.paths.appendRows(rows.paths, from, to);
    this.sizes.set(rows.sizes.subarray(from, to), row);
    this.modes.set(rows.modes.subarray(from, to), row);
    this.mtimes.set(rows.mtimes.subarray(from, to), row);
    for (let i = from; i < to; i++) {
      this.offsets[row + i - from] = (rows.offsets[i] ?? 0) - chunkStart;
      this.owners?.push(null);
    }
    if (this.hasChecksums && rows.checksums !== null) {
      const bytes = rows.checksums.subarray(from * CHECKSUM_LENGTH, to * CHECKSUM_LENGTH);
      this.checksums.set(bytes, row * CHECKSUM_LENGTH);
    }
  }

  /** The names so far: valid until the next change. */
  get names(): ByteStrings {
    return this.paths.view();
  }

  finish(replace: readonly number[] = [], superseded: readonly number[] = []): FileColumns {
    const { count, owners, hasChecksums, checksums } = this;
    return {
      count,
      paths: this.paths.finish(),
      offsets: this.offsets.slice(0, count),
      sizes: this.sizes.slice(0, count),
      modes: this.modes.slice(0, count),
      mtimes: this.mtimes.slice(0, count),
      owners,
      checksums: hasChecksums ? checksums.slice(0, count * CHECKSUM_LENGTH) : null,
      replace,
      superseded,
    };
  }

  /** Room for more rows. Returns the first of them. */
  private makeRoom(rows: number): number {
    const row = this.count;
    this.count += rows;
    if (this.count > this.sizes.length) {
      const most = 2 * this.count;
      this.offsets = grown(new Float64Array(most), this.offsets);
      this.sizes = grown(new Float64Array(most), this.sizes);
      this.modes = grown(new Uint32Array(most), this.modes);
      this.mtimes = grown(new BigInt64Array(most), this.mtimes);
      if (this.hasChecksums) {
        this.checksums = grown(new Uint8Array(most * CHECKSUM_LENGTH), this.checksums);
      }
    }
    return row;
  }
}
