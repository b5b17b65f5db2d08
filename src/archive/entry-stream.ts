/**
 * Entries as one Arrow table for Polars, pandas, DuckDB and the like: the entry columns of docs/format.md, "Sub-index",
 * and the group of each member. The column names are those of JSON and CSV.
 */
import { setImmediate } from 'node:timers/promises';
import { SubIndexBuilder } from '../format/tables/sub-index-builder.ts';
import { binaryColumn, BytesBuilder, type Column, utf8Column } from '../format/tables/table-columns.ts';
import { fromText } from '../format/values/byte-string.ts';
import { MAX_SUB_INDEX_ROWS } from '../format/values/constants.ts';
import type { EntryRef } from './entries.ts';

/**
 * Yields an Arrow IPC stream of the entries, in their order, in record batches of at most 65,536 rows. `metadata` goes
 * into its schema.
 */
export async function* encodeEntryStream(
  entries: Iterable<EntryRef>,
  metadata: ReadonlyMap<string, string>,
): AsyncGenerator<Uint8Array, void> {
  const { encodeTableStream } = await import('../format/tables/table-writer.ts');
  for (const bytes of encodeTableStream(batches(entries), metadata)) {
    // A batch takes a while. Between batches, signals are noticed.
    await setImmediate();
    yield bytes;
  }
}

function* batches(entries: Iterable<EntryRef>): Generator<Column[], void, undefined> {
  let batch = new EntryColumns();
  let yielded = false;
  for (const entry of entries) {
    batch.append(entry);
    if (batch.length < MAX_SUB_INDEX_ROWS) continue;
    yield batch.finish();
    yielded = true;
    batch = new EntryColumns();
  }
  // A table without rows still has its columns.
  if (batch.length > 0 || !yielded) yield batch.finish();
}

/** `link_target` is called `linkTarget` wherever programs read it. */
function camelCase(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

class EntryColumns {
  private readonly entries = new SubIndexBuilder();
  private readonly packageTypes = new BytesBuilder();
  private readonly repos = new BytesBuilder();
  private readonly repoBytes = new BytesBuilder();

  get length(): number {
    return this.entries.length;
  }

  append({ batch, row, group }: EntryRef): void {
    const streamOffset = batch.streamOffsets[row] ?? 0;
    this.entries.append(batch.member(row), streamOffset, batch.checksum(row), batch.changed(row));
    this.packageTypes.append(fromText(group.packageType));
    this.repos.append(fromText(group.repo));
    this.repoBytes.append(group.repoBytes ?? null);
  }

  finish(): Column[] {
    return [
      ...this.entries.entryColumns().map((column) => ({ ...column, name: camelCase(column.name) })),
      utf8Column('packageType', this.packageTypes),
      utf8Column('repo', this.repos),
      binaryColumn('repoBytes', this.repoBytes),
    ];
  }
}
