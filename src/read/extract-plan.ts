/**
 * Decides, before anything is read or written, which blobs have to be decompressed and which members
 * come from each. Pure: entries and frames in, jobs out.
 */
import { ZnipError } from '../errors.ts';
import { toText } from '../format/byte-string.ts';
import { CHECKSUM_LENGTH } from '../format/constants.ts';
import { KIND } from '../format/entry.ts';
import type { SparseMap } from '../format/tar/sparse.ts';
import { findFrame, type Frame } from '../format/frame-table.ts';
import type { EntryRef } from './entries.ts';
import type { Owner } from './write-file.ts';

/** A file to be written: an entry, under the name that it gets. */
export interface PlannedFile {
  ref: EntryRef;
  /** Path below the target directory, as a byte string. */
  path: string;
}

/** Files that lie wholly in one chunk. Row i of every column belongs to file i. */
export interface FileColumns {
  count: number;
  paths: string[];
  /** Chunk byte at which the content starts. */
  offsets: Float64Array;
  sizes: Float64Array;
  modes: Uint32Array;
  mtimes: BigInt64Array;
  /** Owners to restore, null for members without; null altogether when none are. */
  owners: readonly (Owner | null)[] | null;
  /** BLAKE3 of each content, one after the other, as the index has them; null where there is no index yet. */
  checksums: Uint8Array | null;
  /** Rows that replace a file of the same run: tar streams may have a name twice, and the last one counts. */
  replace: readonly number[];
  /** Rows whose name comes again in these columns: they are hashed, and not written. */
  superseded: readonly number[];
}

/** The files of these rows, which come in order. */
export function rowsOf(files: FileColumns, rows: readonly number[]): FileColumns {
  const { paths, offsets, sizes, modes, mtimes, owners, checksums, replace, superseded } = files;
  const positions = new Map(rows.map((row, position) => [row, position]));
  return {
    count: rows.length,
    paths: rows.map((row) => paths[row] ?? ''),
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

/** A file that more than one chunk holds. */
export interface LargeFile {
  /** Path below the target directory, as a byte string. */
  path: string;
  size: number;
  mode: number;
  mtime: bigint;
  owner: Owner | null;
  /** It replaces a file of the same run. */
  replace: boolean;
  /** BLAKE3 of the content as the index has it; null where there is no index yet. */
  checksum: Uint8Array | null;
  /** Its row among the members that have arrived in a stream; -1 by the index. */
  row: number;
  /** It stays open when it is complete, because more is to be set. */
  held: boolean;
  /** Where its content goes, when it has holes: `size` is that of the content then. */
  sparse?: SparseMap | undefined;
}

/** A run of a large file's content in one chunk. */
export interface LargePart {
  large: LargeFile;
  chunkOffset: number;
  fileOffset: number;
  length: number;
}

/** One blob to decompress and what to take from it. */
export interface ChunkJob {
  blob: number;
  frame: Frame;
  files: FileColumns;
  parts: LargePart[];
}

/** The owner that the index records; null where it has none. */
export function recordedOwner({ batch, row }: EntryRef): Owner | null {
  const uid = batch.uid(row);
  const gid = batch.gid(row);
  return uid === null || gid === null ? null : { uid, gid };
}

class FileColumnsBuilder {
  private readonly owners: boolean;
  private readonly files: PlannedFile[] = [];
  private readonly offsets: number[] = [];

  constructor(owners: boolean) {
    this.owners = owners;
  }

  get count(): number {
    return this.files.length;
  }

  append(file: PlannedFile, offset: number): void {
    this.files.push(file);
    this.offsets.push(offset);
  }

  finish(): FileColumns {
    const { files } = this;
    const checksums = new Uint8Array(files.length * CHECKSUM_LENGTH);
    files.forEach(({ ref }, i) => {
      const checksum = ref.batch.checksum(ref.row);
      if (checksum !== null) checksums.set(checksum, i * CHECKSUM_LENGTH);
    });
    return {
      count: files.length,
      paths: files.map((file) => file.path),
      offsets: Float64Array.from(this.offsets),
      sizes: Float64Array.from(files, ({ ref }) => ref.batch.sizes[ref.row] ?? 0),
      modes: Uint32Array.from(files, ({ ref }) => ref.batch.modes[ref.row] ?? 0),
      mtimes: BigInt64Array.from(files, ({ ref }) => ref.batch.mtimes[ref.row] ?? 0n),
      owners: this.owners ? files.map(({ ref }) => recordedOwner(ref)) : null,
      checksums,
      replace: [],
      superseded: [],
    };
  }
}

/**
 * Yields a job for each chunk that holds some of `files`, which come in archive order; with the owners of
 * the files when `owners` says so.
 */
export function* planJobs(
  files: Iterable<PlannedFile>,
  frames: readonly Frame[],
  owners = false,
): Generator<ChunkJob, void, undefined> {
  let blob = -1;
  let columns = new FileColumnsBuilder(owners);
  let parts: LargePart[] = [];
  /** End of the content before, in the tar stream: members must not overlap. */
  let end = 0;

  const finishJob = (): ChunkJob => {
    const job = { blob, frame: frames[blob] as Frame, files: columns.finish(), parts };
    columns = new FileColumnsBuilder(owners);
    parts = [];
    return job;
  };

  for (const file of files) {
    const { batch, row } = file.ref;
    const start = batch.streamOffsets[row] ?? 0;
    const size = batch.sizes[row] ?? 0;
    if (start < end) throw inconsistent(file, 'its content overlaps that of the member before');
    end = start + size;
    // The content of an empty file is nowhere; the header before it is in this chunk.
    const first = size === 0 ? findFrame(frames, start - 1) : holdsOrLast(frames, blob, start);
    if (first < 0) throw inconsistent(file, `its content, at stream byte ${start}, is in no blob`);
    if (first !== blob) {
      if (columns.count > 0 || parts.length > 0) yield finishJob();
      blob = first;
    }
    let frame = frames[blob] as Frame;
    if (end <= frame.streamOffset + frame.streamLength) {
      columns.append(file, start - frame.streamOffset);
      continue;
    }
    const large: LargeFile = {
      path: file.path,
      size,
      mode: batch.modes[row] ?? 0,
      mtime: batch.mtimes[row] ?? 0n,
      owner: owners ? recordedOwner(file.ref) : null,
      replace: false,
      checksum: batch.checksum(row),
      row: -1,
      held: false,
    };
    for (let fileOffset = 0; fileOffset < size;) {
      const at = start + fileOffset;
      if (at >= frame.streamOffset + frame.streamLength) {
        yield finishJob();
        blob += 1;
        const next = frames[blob];
        if (next === undefined) throw inconsistent(file, 'its content reaches past the last blob');
        frame = next;
      }
      const length = Math.min(size - fileOffset, frame.streamOffset + frame.streamLength - at);
      parts.push({ large, chunkOffset: at - frame.streamOffset, fileOffset, length });
      fileOffset += length;
    }
  }
  if (columns.count > 0 || parts.length > 0) yield finishJob();
}

/** Most members are in the blob of the one before: looked at first, before a search. */
function holdsOrLast(frames: readonly Frame[], blob: number, streamOffset: number): number {
  const frame = frames[blob];
  if (
    frame !== undefined &&
    streamOffset >= frame.streamOffset &&
    streamOffset < frame.streamOffset + frame.streamLength
  ) {
    return blob;
  }
  return findFrame(frames, streamOffset);
}

function inconsistent({ ref }: PlannedFile, why: string): ZnipError {
  const member = toText(ref.batch.path(ref.row));
  return new ZnipError('inconsistent', `index: member '${member}': ${why}`, { member });
}

/** Whether the entry is a file, the one kind with content. */
export function isFile({ batch, row }: EntryRef): boolean {
  return batch.kinds[row] === KIND.file;
}
