/**
 * What must be written of one chunk: whole files as columns, and runs of files that span several chunks. Columns travel
 * to the workers, because an object for each file would be cloned.
 */
import type { Owner } from '../archive/entries.ts';
import type { SparseMap } from '../format/tar/sparse.ts';
import type { ByteString } from '../format/values/byte-string.ts';
import { byteStringsOf, type ByteStrings, stringAt } from '../format/values/byte-strings.ts';
import { CHECKSUM_LENGTH } from '../format/values/constants.ts';

/** Files that lie completely in one chunk. Row i of every column belongs to file i. */
export interface FileColumns {
  count: number;
  paths: ByteStrings;
  /** Chunk byte at which the content starts. */
  offsets: Float64Array;
  sizes: Float64Array;
  modes: Uint32Array;
  mtimes: BigInt64Array;
  /** Owners to restore; null for members without one; null for the column if no owners are restored. */
  owners: readonly (Owner | null)[] | null;
  /** BLAKE3 of each content in the index, one after the other; null if there is no index yet. */
  checksums: Uint8Array | null;
  /** Rows that replace a file of the same run. Tar streams may have a name twice, and the last member counts. */
  replace: readonly number[];
  /** Rows whose name occurs again in these columns: they are hashed, but not written. */
  superseded: readonly number[];
}

/** The files in these rows; the rows are in order. */
export function rowsOf(files: FileColumns, rows: readonly number[]): FileColumns {
  const { paths, offsets, sizes, modes, mtimes, owners, checksums, replace, superseded } = files;
  const positions = new Map(rows.map((row, position) => [row, position]));
  return {
    count: rows.length,
    paths: byteStringsOf(rows.map((row) => stringAt(paths, row))),
    offsets: Float64Array.from(rows, (row) => offsets[row] ?? 0),
    sizes: Float64Array.from(rows, (row) => sizes[row] ?? 0),
    modes: Uint32Array.from(rows, (row) => modes[row] ?? 0),
    mtimes: BigInt64Array.from(rows, (row) => mtimes[row] ?? 0n),
    owners: owners === null ? null : rows.map((row) => owners[row] ?? null),
    checksums: checksums === null ? null : checksumsOf(checksums, rows),
    replace: replace.flatMap((row) => positions.get(row) ?? []),
    superseded: superseded.flatMap((row) => positions.get(row) ?? []),
  };
}

function checksumsOf(checksums: Uint8Array, rows: readonly number[]): Uint8Array {
  const chosen = new Uint8Array(rows.length * CHECKSUM_LENGTH);
  rows.forEach((row, position) => {
    const start = row * CHECKSUM_LENGTH;
    chosen.set(checksums.subarray(start, start + CHECKSUM_LENGTH), position * CHECKSUM_LENGTH);
  });
  return chosen;
}

/** A file that spans several chunks. */
export interface LargeFile {
  /** Path below the target directory, as a byte string. */
  path: string;
  size: number;
  mode: number;
  mtime: bigint;
  owner: Owner | null;
  /** It replaces a file of the same run. */
  replace: boolean;
  /** BLAKE3 of the content in the index; null if there is no index yet. */
  checksum: Uint8Array | null;
  /** Its row among the members that have arrived in a stream; -1 if there is an index. */
  row: number;
  /** It stays open when it is complete, because more must be set later. */
  held: boolean;
  /** Where its content goes if it has holes; then `size` is that of the content. */
  sparse?: SparseMap | undefined;
}

/** A run of a large file's content in one chunk. */
export interface LargePart {
  large: LargeFile;
  chunkOffset: number;
  fileOffset: number;
  length: number;
}

/** Where a run of a large file's content is written. */
export interface PartTarget {
  /** The file that is put together from the parts, open for writing. The code that made it closes it. */
  fd: number;
  /** For messages. */
  path: ByteString;
  chunkOffset: number;
  fileOffset: number;
  length: number;
  /** It is a whole part of a content, at the same byte of it: what can be hashed of it is hashed where it is written. */
  isPart: boolean;
}

/** What was hashed of a run of a large file's content, see `codec/backends.ts`. */
export interface HashedPart {
  chunkOffset: number;
  subtrees: Uint8Array;
}
