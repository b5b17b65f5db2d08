/**
 * What hard links mean: the file or symlink that had the target's name at the link's place in the archive. If no
 * earlier member had the name, it is the first later member that gets it. Implements docs/format.md, "Hard links".
 */
import type { ByteString } from '../format/values/byte-string.ts';
import { KIND } from '../format/values/entry.ts';
import { unsafePathReason } from '../format/values/member-path.ts';
import type { Entries, EntryRef } from './entries.ts';
import { LinkedNames } from './linked-names.ts';

/** What the hard links among `entries` mean. */
export function hardLinkMeanings(entries: Entries): HardLinkMeanings {
  const wanted = linkTargets(entries);
  return wanted.size === 0 ? new HardLinkMeanings() : new Resolution(entries, wanted).finish();
}

export class HardLinkMeanings {
  /** By the tar stream byte after the link's header, which no other link has. */
  private readonly meant = new Map<number, EntryRef>();

  add(link: EntryRow, meant: EntryRef): void {
    this.meant.set(streamOffset(link), meant);
  }

  /** The file, symlink or directory that a hard link means; undefined if it leads to nothing. */
  of(link: EntryRow): EntryRef | undefined {
    return this.at(streamOffset(link));
  }

  /** The same, for the link whose header ends at this byte of the tar stream. */
  at(offset: number): EntryRef | undefined {
    return this.meant.get(offset);
  }

  /** Everything that a link means; some of it more than once. */
  all(): Iterable<EntryRef> {
    return this.meant.values();
  }
}

/** Identifies one entry: content starts after a header, and no two entries share a header. */
export function streamOffset({ batch, row }: EntryRow): number {
  return batch.streamOffsets[row] ?? 0;
}

type EntryRow = Pick<EntryRef, 'batch' | 'row'>;

export function hasHardLinks(entries: Entries): boolean {
  for (const { batch, from, to } of entries.runs()) {
    if (batch.kinds.subarray(from, to).includes(KIND.hardlink)) return true;
  }
  return false;
}

function linkTargets(entries: Entries): Set<ByteString> {
  const targets = new Set<ByteString>();
  for (const { batch, from, to } of entries.runs()) {
    const next = (row: number): number => batch.kinds.indexOf(KIND.hardlink, row);
    for (let row = next(from); row >= 0 && row < to; row = next(row + 1)) targets.add(batch.linkTarget(row));
  }
  return targets;
}

class Resolution {
  private readonly entries: Entries;
  /** Names that links lead to. Nothing is kept about other names. */
  private readonly wanted: ReadonlySet<ByteString>;
  private readonly meanings = new HardLinkMeanings();
  /** Finds members that are refused; they change nothing. */
  private readonly names: LinkedNames;
  /** What has a name so far: the position of a member that is not a hard link, but may be a directory. */
  private readonly current = new Map<ByteString, number>();
  /** Names of links whose target has not come yet. */
  private readonly early = new Map<ByteString, EarlyLink>();
  /** Links whose target has not come yet, by the target's name. */
  private readonly waiting = new Map<ByteString, EarlyLink[]>();

  constructor(entries: Entries, wanted: ReadonlySet<ByteString>) {
    this.entries = entries;
    this.wanted = wanted;
    this.names = new LinkedNames(wanted);
  }

  finish(): HardLinkMeanings {
    let position = -1;
    for (const link of this.entries) {
      position += 1;
      const { batch, row } = link;
      const path = batch.path(row);
      const kind = batch.kinds[row];
      if (kind === KIND.hardlink) this.addLink({ link, path, target: batch.linkTarget(row) });
      else if (this.names.add(path, kind ?? KIND.file) && this.wanted.has(path)) {
        if (kind === KIND.directory) this.holdDirectory(path, position);
        else this.hold(path, position);
      }
    }
    return this.meanings;
  }

  private addLink(early: EarlyLink): void {
    const { link, path, target } = early;
    const meaning = this.current.get(target);
    if (meaning !== undefined) this.meanings.add(link, this.entries.at(meaning));
    if (path === target) {
      // The link changes nothing, and waits for the same target as its name.
      const waiting = meaning === undefined ? this.early.get(path) : undefined;
      if (waiting !== undefined) this.waiting.get(waiting.target)?.push(early);
      return;
    }
    const isRefused = this.names.isDirectory(target) || unsafePathReason(target) !== undefined;
    if (isRefused || !this.names.add(path, KIND.hardlink)) return;
    if (meaning === undefined) this.wait(early);
    else if (this.wanted.has(path)) this.hold(path, meaning);
  }

  /** A directory has a name. The links that wait for this name do not get it as their target. */
  private holdDirectory(path: ByteString, position: number): void {
    this.current.set(path, position);
    this.early.delete(path);
  }

  /** From now on, a name has this meaning, and so have the links that waited for it. */
  private hold(name: ByteString, meaning: number): void {
    const names = [name];
    for (let held = names.pop(); held !== undefined; held = names.pop()) {
      this.current.set(held, meaning);
      this.early.delete(held);
      const links = this.waiting.get(held) ?? [];
      this.waiting.delete(held);
      for (const early of links) {
        this.meanings.add(early.link, this.entries.at(meaning));
        if (this.early.get(early.path) === early) names.push(early.path);
      }
    }
  }

  private wait(early: EarlyLink): void {
    const { target } = early;
    if (this.wanted.has(early.path)) {
      this.early.set(early.path, early);
      this.current.delete(early.path);
    }
    const links = this.waiting.get(target);
    if (links === undefined) this.waiting.set(target, [early]);
    else links.push(early);
  }
}

interface EarlyLink {
  link: EntryRow;
  path: ByteString;
  target: ByteString;
}
