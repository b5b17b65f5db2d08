/**
 * The files that a run writes, in archive order. They are kept as positions in the index: with millions of files, an
 * object and a name for each would take most of the run's memory.
 */
import type { Entries, EntryRef, EntryRun } from '../archive/entries.ts';
import type { ByteString } from '../format/values/byte-string.ts';
import { grown } from '../format/values/grown.ts';

/** A file to be written: an entry, under the name that it gets. */
export interface PlannedFile {
  ref: EntryRef;
  /** Path below the target directory, as a byte string. */
  path: ByteString;
}

/** Files that follow one another in the index. */
export interface FileRun extends EntryRun {
  /** The name that it gets, if it is another than in the archive. Then there is only one. */
  name?: ByteString | undefined;
}

export class PlannedFiles implements Iterable<PlannedFile> {
  private readonly entries: Entries;
  private positions = new Uint32Array(64);
  /** The names of the files, if they differ from those in the archive. */
  private readonly names: ByteString[] | undefined;
  length = 0;
  /** Bytes of content of all of them. */
  contentBytes = 0;

  constructor(entries: Entries, renames: boolean) {
    this.entries = entries;
    this.names = renames ? [] : undefined;
  }

  /** `path` is the name that the entry at this position gets, `size` its bytes of content. */
  add(position: number, path: ByteString, size: number): void {
    this.makeRoom(1);
    this.contentBytes += size;
    this.positions[this.length++] = position;
    this.names?.push(path);
  }

  /** Entries that follow one another, under their own names. The caller adds their content. */
  addRun(position: number, count: number): void {
    this.makeRoom(count);
    for (let i = 0; i < count; i++) this.positions[this.length++] = position + i;
  }

  /** Those whose mark is 1. */
  marked(marks: Uint8Array): PlannedFiles {
    const { entries, positions, names } = this;
    const marked = new PlannedFiles(entries, names !== undefined);
    for (let i = 0; i < this.length; i++) {
      if (marks[i] !== 1) continue;
      const position = positions[i] ?? 0;
      const { batch, row } = entries.at(position);
      marked.add(position, names?.[i] ?? '', batch.sizes[row] ?? 0);
    }
    return marked;
  }

  *runs(): Generator<FileRun, void, undefined> {
    const { entries, positions, names } = this;
    for (let i = 0; i < this.length;) {
      const position = positions[i] ?? 0;
      const { batch, row, group } = entries.at(position);
      let count = 1;
      if (names === undefined) {
        while (i + count < this.length && positions[i + count] === position + count) count++;
        count = entries.runLength(position, count);
      }
      yield { batch, group, from: row, to: row + count, name: names?.[i] };
      i += count;
    }
  }

  *[Symbol.iterator](): Generator<PlannedFile, void, undefined> {
    for (const { batch, group, from, to, name } of this.runs()) {
      for (let row = from; row < to; row++) {
        yield { ref: { batch, group, row }, path: name ?? batch.path(row) };
      }
    }
  }

  private makeRoom(count: number): void {
    const needed = this.length + count;
    if (needed > this.positions.length) this.positions = grown(new Uint32Array(2 * needed), this.positions);
  }
}

export function totalsOf(files: PlannedFiles | readonly PlannedFile[]): {
  fileCount: number;
  contentBytes: number;
} {
  const contentBytes =
    files instanceof PlannedFiles
      ? files.contentBytes
      : files.reduce((sum, { ref }) => sum + (ref.batch.sizes[ref.row] ?? 0), 0);
  return { fileCount: files.length, contentBytes };
}

/** The files whose mark is 1, and how much they are. */
export function markedFiles(
  files: PlannedFiles | Iterable<PlannedFile>,
  marks: Uint8Array,
): { files: PlannedFiles | PlannedFile[]; fileCount: number; contentBytes: number } {
  const marked =
    files instanceof PlannedFiles ? files.marked(marks) : [...files].filter((_, i) => marks[i] === 1);
  return { files: marked, ...totalsOf(marked) };
}

/** The same files as runs: as long as they can be. */
export function* runsOf(files: PlannedFiles | Iterable<PlannedFile>): Generator<FileRun, void, undefined> {
  if (files instanceof PlannedFiles) {
    yield* files.runs();
    return;
  }
  for (const { ref, path } of files) {
    const { batch, row, group } = ref;
    yield { batch, group, from: row, to: row + 1, name: path };
  }
}
