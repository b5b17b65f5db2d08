/**
 * The files that a run writes, in archive order. They are kept as positions in the index: with millions of files, an
 * object and a name for each would take most of the run's memory. The object for a file is made when its turn comes.
 */
import type { Entries } from '../archive/entries.ts';
import { grown } from '../format/tables/grow.ts';
import type { ByteString } from '../format/values/byte-string.ts';
import type { PlannedFile } from './extract-plan.ts';

export class PlannedFiles implements Iterable<PlannedFile> {
  private readonly entries: Entries;
  private positions = new Uint32Array(64);
  /** The names of the files, if they differ from those in the archive. */
  private readonly names: ByteString[] | undefined;
  length = 0;

  constructor(entries: Entries, renames: boolean) {
    this.entries = entries;
    this.names = renames ? [] : undefined;
  }

  /** `path` is the name that the entry at this position gets. */
  add(position: number, path: ByteString): void {
    if (this.length === this.positions.length) {
      this.positions = grown(new Uint32Array(this.length * 2), this.positions);
    }
    this.positions[this.length++] = position;
    this.names?.push(path);
  }

  /** Bytes of content of all of them. */
  contentBytes(): number {
    let total = 0;
    for (let i = 0; i < this.length; i++) {
      const { batch, row } = this.entries.at(this.positions[i] ?? 0);
      total += batch.sizes[row] ?? 0;
    }
    return total;
  }

  *[Symbol.iterator](): Generator<PlannedFile, void, undefined> {
    for (let i = 0; i < this.length; i++) {
      const ref = this.entries.at(this.positions[i] ?? 0);
      yield { ref, path: this.names?.[i] ?? ref.batch.path(ref.row) };
    }
  }
}
