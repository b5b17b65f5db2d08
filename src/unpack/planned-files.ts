/**
 * The files that a run writes, in archive order: as positions in the index, because an object and a name for each of
 * millions would be most of what the run takes of memory. What belongs to a file is made when it is its turn.
 */
import type { Entries } from '../archive/entries.ts';
import { grown } from '../format/tables/grow.ts';
import type { ByteString } from '../format/values/byte-string.ts';
import type { PlannedFile } from './extract-plan.ts';

export class PlannedFiles implements Iterable<PlannedFile> {
  private readonly entries: Entries;
  private positions = new Uint32Array(64);
  /** Where names differ from the archive's. */
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

  *[Symbol.iterator](): Generator<PlannedFile, void, undefined> {
    for (let i = 0; i < this.length; i++) {
      const ref = this.entries.at(this.positions[i] ?? 0);
      yield { ref, path: this.names?.[i] ?? ref.batch.path(ref.row) };
    }
  }
}
