/**
 * Decides which members go into an archive that is merged from several, when more than one has a name.
 */
import type { EntryRef, EntryRun } from '../archive/entries.ts';
import { ZnipError } from '../errors.ts';
import { toText, type ByteString } from '../format/values/byte-string.ts';
import { equalBytes } from '../format/values/bytes.ts';
import { KIND } from '../format/values/entry.ts';
import { parentOf } from '../format/values/member-path.ts';
import { Limits } from '../rules/limits.ts';
import { MemberNames } from '../rules/member-names.ts';
import { Turns } from '../threads/turns.ts';
import type { GrowSource } from './grow-source.ts';

/** What happens if two archives have different members of a name: an error, or the first or the last archive counts. */
export type ConflictPolicy = 'error' | 'first' | 'last';

/**
 * Marks in each source what goes into the archive. Directories are no conflict, and the same member twice is none: the first in
 * order stays. Throws `conflict` if the policy is `error` and there are conflicts.
 */
export async function resolveConflicts(
  sources: readonly GrowSource[],
  policy: ConflictPolicy,
  signal: AbortSignal | undefined,
): Promise<void> {
  const resolution = new Resolution(sources);
  const turns = new Turns(signal);
  const order = [...sources.keys()];
  if (policy === 'last') order.reverse();
  for (const source of order) {
    let position = 0;
    for (const run of (sources[source] as GrowSource).entries.runs()) {
      for (let row = run.from; row < run.to;) {
        if (turns.isDue()) await turns.take();
        const count = resolution.addRows(run, row, source, position);
        row += count;
        position += count;
        if (row < run.to) resolution.add({ ...run, row: row++ }, source, position++);
      }
    }
  }
  if (policy === 'error') resolution.throwIfAny();
}

/** The entry that has a name. */
interface Holder {
  source: number;
  position: number;
  /** No other entry of its archive has it. */
  isOnly: boolean;
}

class Resolution {
  private readonly sources: readonly GrowSource[];
  /** Names of members so far. */
  private readonly names = new MemberNames(new Limits({}));
  /** Which entries the names are of: from row `row` of the table on, those of a source from `position` on. */
  private readonly runs: { row: number; source: number; position: number }[] = [];
  /** By row, where it is another. */
  private readonly holders = new Map<number, Holder>();
  private conflicts = 0;
  private first: string | undefined;

  constructor(sources: readonly GrowSource[]) {
    this.sources = sources;
  }

  /** Takes entries whose names are new, as most are, from row `from` on. Returns how many. */
  addRows({ batch, to }: EntryRun, from: number, source: number, position: number): number {
    const { plain } = batch;
    if (plain === undefined) return 0;
    this.runs.push({ row: this.names.table.size, source, position });
    return this.names.addRows(plain, from, to);
  }

  /** Takes an entry, or drops it if another archive has its name. */
  add(ref: EntryRef, source: number, position: number): void {
    const { kept, twins } = this.sources[source] as GrowSource;
    const path = ref.batch.path(ref.row);
    const kind = ref.batch.kinds[ref.row] ?? KIND.file;
    const row = this.names.table.rowOf(path);
    if (row < 0) {
      if (this.isClear(path, kind, source)) {
        this.runs.push({ row: this.names.table.size, source, position });
        this.names.add(path, kind);
      } else {
        this.conflict(path, source);
        kept[position] = 0;
      }
      return;
    }
    const holder = this.holderOf(row);
    if (holder.source === source) {
      // In one archive, a name may come more than once; the last one counts.
      this.holders.set(row, { source, position, isOnly: false });
      this.names.add(path, kind);
      return;
    }
    const other = this.sources[holder.source] as GrowSource;
    const held = other.entries.at(holder.position);
    if (kind !== KIND.directory && isSame(ref, held)) {
      // The first in the tar stream stays, so that links to the name still follow it.
      if (source < holder.source && holder.isOnly) {
        other.kept[holder.position] = 0;
        other.twins[holder.position] = 1;
        this.holders.set(row, { source, position, isOnly: true });
        return;
      }
      if (source > holder.source) twins[position] = 1;
    } else if (kind !== KIND.directory || held.batch.kinds[held.row] !== KIND.directory) {
      this.conflict(path, source);
    }
    kept[position] = 0;
  }

  throwIfAny(): void {
    if (this.conflicts === 0) return;
    const others = this.conflicts > 1 ? `, and ${this.conflicts - 1} more members are not` : '';
    throw new ZnipError(
      'conflict',
      `${this.first}${others}: say with \`onConflict\` whether the first or the last archive counts`,
    );
  }

  private conflict(path: ByteString, source: number): void {
    this.conflicts += 1;
    this.first ??= `'${toText(path)}' in '${this.sources[source]?.name}' is not what another archive has`;
  }

  private holderOf(row: number): Holder {
    const known = this.holders.get(row);
    if (known !== undefined) return known;
    let low = 0;
    let high = this.runs.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.runs[middle]?.row ?? 0) <= row) low = middle;
      else high = middle - 1;
    }
    const { row: first = 0, source = 0, position = 0 } = this.runs[low] ?? {};
    return { source, position: position + row - first, isOnly: true };
  }

  /** Whether another archive has nothing that a member with a new name cannot be beside. */
  private isClear(path: ByteString, kind: number, source: number): boolean {
    if (kind !== KIND.directory && this.names.isDirectory(path)) return false;
    for (let above = parentOf(path); above !== ''; above = parentOf(above)) {
      const row = this.names.table.rowOf(above);
      const isOther = row >= 0 && this.names.kindOf(above) !== KIND.directory;
      if (isOther && this.holderOf(row).source !== source) return false;
    }
    return true;
  }
}

/** Whether two entries say the same about a member. */
function isSame(a: EntryRef, b: EntryRef): boolean {
  const same =
    a.batch.kinds[a.row] === b.batch.kinds[b.row] &&
    a.batch.sizes[a.row] === b.batch.sizes[b.row] &&
    a.batch.modes[a.row] === b.batch.modes[b.row] &&
    a.batch.mtimes[a.row] === b.batch.mtimes[b.row] &&
    a.batch.linkTarget(a.row) === b.batch.linkTarget(b.row) &&
    a.batch.uid(a.row) === b.batch.uid(b.row) &&
    a.batch.gid(a.row) === b.batch.gid(b.row);
  if (!same) return false;
  const [one, other] = [a.batch.checksum(a.row), b.batch.checksum(b.row)];
  return one === null || other === null ? one === other : equalBytes(one, other);
}
