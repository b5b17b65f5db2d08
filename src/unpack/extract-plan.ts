/**
 * Decides, before anything is read or written, which blobs to decompress and which members come from each. It has no
 * side effects: it turns entries and frames into jobs.
 */
import { recordedOwner, type EntryRef } from '../archive/entries.ts';
import { ZnipError } from '../errors.ts';
import { findFrame, type Frame } from '../format/tables/frame-table.ts';
import type { EntryBatch } from '../format/tables/sub-index.ts';
import { type ByteString, toText } from '../format/values/byte-string.ts';
import type { FileColumns, LargeFile, LargePart } from '../target/chunk-files.ts';
import { type ChunkFile, FileColumnsBuilder, type FileRows } from '../target/file-columns.ts';
import type { FileRun } from './planned-files.ts';

/** One blob to decompress and what to take from it. */
export interface ChunkJob {
  blob: number;
  frame: Frame;
  files: FileColumns;
  parts: LargePart[];
}

/**
 * Yields a job for each chunk that holds some of `files`, which come in archive order. With `owners`, jobs have the
 * owners of the files.
 */
export function* planJobs(
  files: Iterable<FileRun>,
  frames: readonly Frame[],
  owners = false,
): Generator<ChunkJob, void, undefined> {
  let blob = -1;
  let columns = new FileColumnsBuilder({ owners, checksums: true });
  let parts: LargePart[] = [];
  /** Where the content before ends in the tar stream: members must not overlap. */
  let end = 0;

  const finishJob = (): ChunkJob => {
    const job = { blob, frame: frames[blob] as Frame, files: columns.finish(), parts };
    columns = new FileColumnsBuilder({ owners, checksums: true });
    parts = [];
    return job;
  };

  for (const { batch, group, from, to, name } of files) {
    const rows = name === undefined && !(owners && batch.hasOwners) ? fileRowsOf(batch) : undefined;
    for (let row = from; row < to; row++) {
      const ref = { batch, group, row };
      const start = batch.streamOffsets[row] ?? 0;
      const size = batch.sizes[row] ?? 0;
      if (start < end) throw inconsistent(ref, 'its content overlaps that of the member before');
      end = start + size;
      // The content of an empty file is nowhere, so take the chunk that holds the header before it.
      const first = size === 0 ? findFrame(frames, start - 1) : holdsOrLast(frames, blob, start);
      if (first < 0) throw inconsistent(ref, `its content, at stream byte ${start}, is in no blob`);
      if (first !== blob) {
        if (columns.count > 0 || parts.length > 0) yield finishJob();
        blob = first;
      }
      let frame = frames[blob] as Frame;
      const chunkEnd = frame.streamOffset + frame.streamLength;
      if (end <= chunkEnd) {
        if (rows === undefined) {
          columns.append({ ...fileOf(ref, name, owners), offset: start - frame.streamOffset });
          continue;
        }
        // All rows behind it that lie in the same chunk.
        const first = row;
        for (; row + 1 < to; row++) {
          const next = batch.streamOffsets[row + 1] ?? 0;
          const nextEnd = next + (batch.sizes[row + 1] ?? 0);
          if (next < end || next === nextEnd || nextEnd > chunkEnd) break;
          end = nextEnd;
        }
        columns.appendRows(rows, first, row + 1, frame.streamOffset);
        continue;
      }
      const large: LargeFile = { ...fileOf(ref, name, owners), replace: false, row: -1, held: false };
      for (let fileOffset = 0; fileOffset < size;) {
        const at = start + fileOffset;
        if (at >= frame.streamOffset + frame.streamLength) {
          yield finishJob();
          blob += 1;
          const next = frames[blob];
          if (next === undefined) throw inconsistent(ref, 'its content reaches past the last blob');
          frame = next;
        }
        const length = Math.min(size - fileOffset, frame.streamOffset + frame.streamLength - at);
        parts.push({ large, chunkOffset: at - frame.streamOffset, fileOffset, length });
        fileOffset += length;
      }
    }
  }
  if (columns.count > 0 || parts.length > 0) yield finishJob();
}

/** The columns of a batch, if paths can be taken over as they are. */
function fileRowsOf(batch: EntryBatch): FileRows | undefined {
  const plain = batch.plain;
  if (plain === undefined) return undefined;
  const { paths, pathEnds, sizes, modes, mtimes, streamOffsets, checksums } = plain;
  return { paths: { bytes: paths, ends: pathEnds }, sizes, modes, mtimes, offsets: streamOffsets, checksums };
}

function fileOf(ref: EntryRef, name: ByteString | undefined, owners: boolean): Omit<ChunkFile, 'offset'> {
  const { batch, row } = ref;
  return {
    path: name ?? batch.path(row),
    size: batch.sizes[row] ?? 0,
    mode: batch.modes[row] ?? 0,
    mtime: batch.mtimes[row] ?? 0n,
    owner: owners ? recordedOwner(ref) : null,
    checksum: batch.checksum(row),
  };
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

function inconsistent({ batch, row }: EntryRef, why: string): ZnipError {
  const member = toText(batch.path(row));
  return new ZnipError('inconsistent', `index: member '${member}': ${why}`, { member });
}
