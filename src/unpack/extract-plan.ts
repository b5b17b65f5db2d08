/**
 * Decides, before anything is read or written, which blobs to decompress and which members come from each. It has no
 * side effects: it turns entries and frames into jobs.
 */
import { recordedOwner, type EntryRef } from '../archive/entries.ts';
import { ZnipError } from '../errors.ts';
import { findFrame, type Frame } from '../format/tables/frame-table.ts';
import { toText } from '../format/values/byte-string.ts';
import { byteStringsOf } from '../format/values/byte-strings.ts';
import { CHECKSUM_LENGTH } from '../format/values/constants.ts';
import type { FileColumns, LargeFile, LargePart } from '../target/chunk-files.ts';

/** A file to be written: an entry, under the name that it gets. */
export interface PlannedFile {
  ref: EntryRef;
  /** Path below the target directory, as a byte string. */
  path: string;
}

/** One blob to decompress and what to take from it. */
export interface ChunkJob {
  blob: number;
  frame: Frame;
  files: FileColumns;
  parts: LargePart[];
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
      paths: byteStringsOf(files.map((file) => file.path)),
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
 * Yields a job for each chunk that holds some of `files`, which come in archive order. With `owners`, jobs have the
 * owners of the files.
 */
export function* planJobs(
  files: Iterable<PlannedFile>,
  frames: readonly Frame[],
  owners = false,
): Generator<ChunkJob, void, undefined> {
  let blob = -1;
  let columns = new FileColumnsBuilder(owners);
  let parts: LargePart[] = [];
  /** Where the content before ends in the tar stream: members must not overlap. */
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
    // The content of an empty file is nowhere, so take the chunk that holds the header before it.
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

/** Looks first at the blob of the member before, where most members are; then searches. */
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
