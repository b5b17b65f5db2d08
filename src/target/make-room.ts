/**
 * Prepares what the files of a chunk are written into: their directories, and the files that are put together from
 * parts. Anything that cannot be there is skipped and reported. Main thread.
 */
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
  for (let row = 0; row < files.count; row++) {
    const path = files.paths[row] ?? '';
    const block = directories.ensureParent(path);
    if (block === undefined) rows?.push(row);
    else {
      rows ??= Array.from({ length: row }, (_, i) => i);
      onBlocked(path, block);
    }
  }
  for (const { large, fileOffset } of parts) {
    const block = fileOffset === 0 ? directories.ensureParent(large.path) : undefined;
    if (block === undefined) continue;
    largeFiles.pass(large);
    onBlocked(large.path, block);
  }
  return {
    files: rows === undefined ? files : rowsOf(files, rows),
    rows,
    targets: largeFiles.targets(parts),
  };
}
