/**
 * Members of a chunk as an index has them, for the pipeline that packs: with their hashes, which are not made again.
 */
import type { EntryRun } from '../archive/entries.ts';
import type { PlainEntries } from '../format/tables/sub-index.ts';
import { CHECKSUM_LENGTH } from '../format/values/constants.ts';
import type { Member } from '../format/values/entry.ts';
import { grown } from '../format/values/grown.ts';
import type { KnownResults } from '../pack/plan/chunk-plan.ts';
import type { MemberColumns } from '../pack/plan/member-columns.ts';
import { MemberColumnsBuilder } from '../pack/plan/member-columns-builder.ts';

export class KnownMembers {
  private readonly columns = new MemberColumnsBuilder();
  private checksums = new Uint8Array(FIRST_ROWS * CHECKSUM_LENGTH);
  private changed = new Uint8Array(FIRST_ROWS);
  private dataOffsets = new Uint32Array(FIRST_ROWS);

  append(
    member: Member,
    group: number,
    dataOffset: number,
    { checksum, changed }: { checksum: Uint8Array | null; changed: boolean },
  ): void {
    const row = this.columns.count;
    this.makeRoom(1);
    this.columns.append({ ...member, prefix: '', sourceMtime: null, follow: false, linked: false }, group);
    this.dataOffsets[row] = dataOffset;
    if (checksum !== null) this.checksums.set(checksum, row * CHECKSUM_LENGTH);
    this.changed[row] = changed ? 1 : 0;
  }

  /** Appends rows that have no owners, as they are. Their contents start behind `streamOffset`. */
  appendRows({ batch, from, to }: EntryRun, plain: PlainEntries, group: number, streamOffset: number): void {
    const start = this.columns.count;
    this.makeRoom(to - from);
    this.columns.appendEntries(plain, from, to, group, (row) => batch.linkTarget(row));
    this.checksums.set(
      plain.checksums.subarray(from * CHECKSUM_LENGTH, to * CHECKSUM_LENGTH),
      start * CHECKSUM_LENGTH,
    );
    for (let row = from, at = start; row < to; row++, at++) {
      this.dataOffsets[at] = (plain.streamOffsets[row] ?? 0) - streamOffset;
      this.changed[at] = batch.changed(row) ? 1 : 0;
    }
  }

  finish(): { members: MemberColumns; known: KnownResults; dataOffsets: Uint32Array } {
    const { count } = this.columns;
    return {
      members: this.columns.finish(),
      known: {
        checksums: this.checksums.slice(0, count * CHECKSUM_LENGTH),
        changed: this.changed.slice(0, count),
      },
      dataOffsets: this.dataOffsets.slice(0, count),
    };
  }

  private makeRoom(rows: number): void {
    const needed = this.columns.count + rows;
    if (needed <= this.changed.length) return;
    this.checksums = grown(new Uint8Array(2 * needed * CHECKSUM_LENGTH), this.checksums);
    this.changed = grown(new Uint8Array(2 * needed), this.changed);
    this.dataOffsets = grown(new Uint32Array(2 * needed), this.dataOffsets);
  }
}

const FIRST_ROWS = 64;
