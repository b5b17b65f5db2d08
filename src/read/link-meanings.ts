/**
 * What hard links mean: the file or symlink that had the target's name at that place of the archive, and where none
 * had it yet, the one that has it at the end. Implements docs/format.md, "Hard links".
 */
import type { ByteString } from '../format/byte-string.ts';
import { KIND } from '../format/entry.ts';
import type { Entries, EntryRef } from './entries.ts';

/** What the hard links among `entries` mean. */
export function hardLinkMeanings(entries: Entries): HardLinkMeanings {
  const wanted = linkTargets(entries);
  return wanted.size === 0 ? new HardLinkMeanings() : new Resolution(entries, wanted).finish();
}

export class HardLinkMeanings {
  /** By where the tar stream goes on behind the link's header, which is nowhere else. */
  private readonly positions = new Map<number, number>();

  add({ batch, row }: EntryRow, position: number): void {
    this.positions.set(batch.streamOffsets[row] ?? 0, position);
  }

  /** Position of the file, symlink or directory that a hard link means; undefined when it leads to nothing here. */
  of({ batch, row }: EntryRow): number | undefined {
    return this.at(batch.streamOffsets[row] ?? 0);
  }

  /** The same, of the link behind whose header the tar stream goes on at this byte. */
  at(streamOffset: number): number | undefined {
    return this.positions.get(streamOffset);
  }

  /** Positions of all that is meant, some of them more than once. */
  all(): Iterable<number> {
    return this.positions.values();
  }
}

type EntryRow = Pick<EntryRef, 'batch' | 'row'>;

function linkTargets(entries: Entries): Set<ByteString> {
  const targets = new Set<ByteString>();
  for (const { batch, from, to } of entries.runs()) {
    for (let row = from; row < to; row++) {
      if (batch.kinds[row] === KIND.hardlink) targets.add(batch.linkTarget(row));
    }
  }
  return targets;
}

class Resolution {
  private readonly entries: Entries;
  /** Names that links lead to: of no other is anything kept. */
  private readonly wanted: ReadonlySet<ByteString>;
  private readonly meanings = new HardLinkMeanings();
  /** What has a name so far: the position of a member that is no hard link. */
  private readonly current = new Map<ByteString, number>();
  /** Names that have a link whose target has not come: the name that it leads to. */
  private readonly early = new Map<ByteString, ByteString>();

  constructor(entries: Entries, wanted: ReadonlySet<ByteString>) {
    this.entries = entries;
    this.wanted = wanted;
  }

  finish(): HardLinkMeanings {
    const unresolved: { link: EntryRow; target: ByteString }[] = [];
    let position = -1;
    for (const link of this.entries) {
      position += 1;
      const { batch, row } = link;
      const path = batch.path(row);
      if (batch.kinds[row] !== KIND.hardlink) {
        if (this.wanted.has(path)) this.hold(path, position);
        continue;
      }
      const target = batch.linkTarget(row);
      const meaning = this.current.get(target);
      if (meaning === undefined) {
        unresolved.push({ link, target });
        if (this.wanted.has(path)) this.wait(path, target);
      } else {
        this.meanings.add(link, meaning);
        if (this.wanted.has(path)) this.hold(path, meaning);
      }
    }
    for (const { link, target } of unresolved) {
      const meaning = this.follow(target);
      if (meaning !== undefined) this.meanings.add(link, meaning);
    }
    return this.meanings;
  }

  private hold(path: ByteString, meaning: number): void {
    this.current.set(path, meaning);
    this.early.delete(path);
  }

  private wait(path: ByteString, target: ByteString): void {
    this.early.set(path, target);
    this.current.delete(path);
  }

  /** What has this name at the end, through links that came before their targets. Each name is gone through once. */
  private follow(name: ByteString): number | undefined {
    const passed: ByteString[] = [];
    let at: ByteString | undefined = name;
    while (at !== undefined && !this.current.has(at)) {
      passed.push(at);
      const next = this.early.get(at);
      // A name that is passed leads nowhere from now on: so a circle ends.
      this.early.delete(at);
      at = next;
    }
    const meaning = at === undefined ? undefined : this.current.get(at);
    if (meaning !== undefined) for (const path of passed) this.current.set(path, meaning);
    return meaning;
  }
}
