/**
 * The entries of one or more sub-indexes, in archive order.
 */
import { ZnipError } from '../errors.ts';
import { firstFallingNumber } from '../format/tables/column-checks.ts';
import type { EntryBatch } from '../format/tables/sub-index.ts';
import { toBytes, toText, type ByteString } from '../format/values/byte-string.ts';
import { type Group, type Kind, KIND, KINDS } from '../format/values/entry.ts';

/** Entries of one group. */
export interface EntryPart {
  group: Group;
  batches: EntryBatch[];
}

/** One entry: a row of a batch. */
export interface EntryRef {
  /** Columns. Names in them are byte strings, one character for each byte. */
  batch: EntryBatch;
  row: number;
  group: Group;
}

/**
 * One entry in the form that callers get: names are text, with their bytes beside them. Cheap to make, and made only
 * when asked for.
 */
export class Entry implements EntryRef {
  readonly batch: EntryBatch;
  readonly row: number;
  readonly group: Group;

  constructor(batch: EntryBatch, row: number, group: Group) {
    this.batch = batch;
    this.row = row;
    this.group = group;
  }

  /** Its name as text: bytes that are not UTF-8 are U+FFFD. */
  get path(): string {
    return toText(this.batch.path(this.row));
  }

  /** Its name as bytes. */
  get pathBytes(): Uint8Array {
    return toBytes(this.batch.path(this.row));
  }

  get kind(): Kind {
    return KINDS[this.batch.kinds[this.row] ?? 0] ?? 'file';
  }

  /** Bytes of content. */
  get size(): number {
    return this.batch.sizes[this.row] ?? 0;
  }

  /** The target of a link, as text; null for all other kinds. */
  get linkTarget(): string | null {
    const target = this.batch.linkTarget(this.row);
    return target === '' ? null : toText(target);
  }

  get linkTargetBytes(): Uint8Array | null {
    const target = this.batch.linkTarget(this.row);
    return target === '' ? null : toBytes(target);
  }
}

/** A numeric owner and group, as an archive records them. */
export interface Owner {
  uid: number;
  gid: number;
}

/** Rows `from` to `to`, exclusive, of a batch. */
export interface EntryRun {
  batch: EntryBatch;
  group: Group;
  from: number;
  to: number;
}

export class Entries {
  readonly length: number;
  private readonly batches: EntryBatch[] = [];
  private readonly groups: Group[] = [];
  /** Position in archive order -> batch and row; undefined if the batches follow one another. */
  private order: { batch: Uint32Array; row: Uint32Array } | undefined;
  private readonly starts: number[] = [];

  constructor(parts: readonly EntryPart[]) {
    let length = 0;
    for (const { group, batches } of parts) {
      for (const batch of batches) {
        this.batches.push(batch);
        this.groups.push(group);
        this.starts.push(length);
        length += batch.length;
      }
    }
    this.length = length;
    for (const { batches } of parts) checkOrder(batches);
    if (!this.inOrder()) this.sort();
  }

  *[Symbol.iterator](): Generator<Entry, void, undefined> {
    for (let i = 0; i < this.length; i++) yield this.at(i);
  }

  at(position: number): Entry {
    let batch: number;
    let row: number;
    if (this.order === undefined) {
      batch = this.batchAt(position);
      row = position - (this.starts[batch] ?? 0);
    } else {
      batch = this.order.batch[position] ?? 0;
      row = this.order.row[position] ?? 0;
    }
    return new Entry(this.batches[batch] as EntryBatch, row, this.groups[batch] as Group);
  }

  /** The entries as runs of consecutive rows: a few long runs if groups do not alternate. */
  *runs(): Generator<EntryRun, void, undefined> {
    const { order } = this;
    if (order === undefined) {
      for (const [i, batch] of this.batches.entries()) {
        yield { batch, group: this.groups[i] as Group, from: 0, to: batch.length };
      }
      return;
    }
    for (let start = 0; start < this.length;) {
      const batch = order.batch[start] ?? 0;
      const from = order.row[start] ?? 0;
      let end = start + 1;
      while (order.batch[end] === batch && order.row[end] === from + end - start) end++;
      const group = this.groups[batch] as Group;
      yield { batch: this.batches[batch] as EntryBatch, group, from, to: from + end - start };
      start = end;
    }
  }

  /** How many entries from this position on, at most `most`, are consecutive rows of one batch. */
  runLength(position: number, most: number): number {
    const { batch, row } = this.at(position);
    let length = Math.min(most, batch.length - row);
    const { order } = this;
    if (order === undefined) return length;
    for (let i = 1; i < length; i++) {
      const isNext =
        order.batch[position + i] === order.batch[position] && order.row[position + i] === row + i;
      if (!isNext) length = i;
    }
    return length;
  }

  /** Its name as a byte string. */
  rawPath(position: number): ByteString {
    const { batch, row } = this.at(position);
    return batch.path(row);
  }

  private batchAt(position: number): number {
    // The last batch that starts at or before the position.
    let low = 0;
    let high = this.starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.starts[middle] ?? 0) > position) high = middle - 1;
      else low = middle;
    }
    return low;
  }

  private inOrder(): boolean {
    let previous = -1;
    for (const { streamOffsets } of this.batches) {
      if (streamOffsets.length === 0) continue;
      if ((streamOffsets[0] ?? 0) < previous) return false;
      previous = streamOffsets[streamOffsets.length - 1] ?? 0;
    }
    return true;
  }

  private sort(): void {
    const offsets = new Float64Array(this.length);
    const positions = new Uint32Array(this.length);
    this.batches.forEach((batch, i) => offsets.set(batch.streamOffsets, this.starts[i]));
    for (let i = 0; i < this.length; i++) positions[i] = i;
    positions.sort((a, b) => (offsets[a] ?? 0) - (offsets[b] ?? 0) || a - b);
    const batch = new Uint32Array(this.length);
    const row = new Uint32Array(this.length);
    for (let i = 0; i < this.length; i++) {
      const position = positions[i] ?? 0;
      const index = this.batchAt(position);
      batch[i] = index;
      row[i] = position - (this.starts[index] ?? 0);
    }
    this.order = { batch, row };
  }
}

/** Within a sub-index, entries are in archive order. Throws `damaged-sub-index`. */
function checkOrder(batches: readonly EntryBatch[]): void {
  let previous = 0;
  for (const { streamOffsets } of batches) {
    const row = firstFallingNumber(streamOffsets, previous);
    if (row < streamOffsets.length) throw new ZnipError('damaged-sub-index', `row ${row} is out of order`);
    previous = streamOffsets.at(-1) ?? previous;
  }
}

/** The owner in the index; null if it has none. */
export function recordedOwner({ batch, row }: EntryRef): Owner | null {
  const uid = batch.uid(row);
  const gid = batch.gid(row);
  return uid === null || gid === null ? null : { uid, gid };
}

/** Whether the entry is a file, the only kind with content. */
export function isFile({ batch, row }: EntryRef): boolean {
  return batch.kinds[row] === KIND.file;
}
