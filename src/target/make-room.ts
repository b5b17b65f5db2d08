/**
 * Prepares what the files of a chunk are written into: their directories, and the files that are put together from
 * parts. Anything that cannot be there is skipped and reported. Main thread.
 */
import type { ZnipError } from '../errors.ts';
import { type ByteStrings, startOf, stringAt } from '../format/values/byte-strings.ts';
import { directoryLength, liesDirectlyIn } from '../format/values/member-path.ts';
import { type PartTarget, type FileColumns, type LargePart, rowsOf } from './chunk-files.ts';
import type { Directories, OnBlocked } from './directories.ts';
import type { LargeFiles } from './large-files.ts';

export interface Room {
  directories: Directories;
  largeFiles: LargeFiles;
  /** Called for each skipped file, if something else is where a directory above it must be. */
  onBlocked: OnBlocked;
}

/** What is left to write of a chunk. */
export interface Prepared {
  files: FileColumns;
  /** The rows of `files` that are left, if some are skipped; undefined if all are left. */
  rows: readonly number[] | undefined;
  targets: PartTarget[];
}

export function makeRoom(files: FileColumns, parts: readonly LargePart[], room: Room): Prepared {
  const { directories, largeFiles, onBlocked } = room;
  let rows: number[] | undefined;
  let block: ZnipError | undefined;
  for (let row = 0; row < files.count; row++) {
    if (row === 0 || !isSameDirectory(files.paths, row)) {
      block = directories.ensureParent(stringAt(files.paths, row));
    }
    if (block === undefined) rows?.push(row);
    else {
      rows ??= Array.from({ length: row }, (_, i) => i);
      onBlocked(stringAt(files.paths, row), block);
    }
  }
  for (const { large, fileOffset } of parts) {
    const blocked = fileOffset === 0 ? directories.ensureParent(large.path) : undefined;
    if (blocked === undefined) continue;
    largeFiles.pass(large);
    onBlocked(large.path, blocked);
  }
  return {
    files: rows === undefined ? files : rowsOf(files, rows),
    rows,
    targets: largeFiles.targets(parts),
  };
}

/** Whether a row's path is in the same directory as that of the row before. Most are, so no string is made. */
function isSameDirectory({ bytes, ends }: ByteStrings, row: number): boolean {
  const before = startOf(ends, row - 1);
  const start = startOf(ends, row);
  const length = directoryLength(bytes, start, ends[row] ?? start);
  return liesDirectlyIn(bytes, start, length, before, start);
}
