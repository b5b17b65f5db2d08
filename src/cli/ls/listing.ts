/**
 * Decides which entries `ls` shows, and in which order.
 */
import type { Entries, EntryRef } from '../../archive/entries.ts';
import { ZnipError } from '../../errors.ts';
import { compareBytes, toText } from '../../format/values/byte-string.ts';

export type SortKey = 'name' | 'size' | 'mtime' | 'none';

/** Entries to show. Code may iterate over them more than once. */
export interface Listing extends Iterable<EntryRef> {
  readonly length: number;
}

/** Some entries of an archive, as positions: four bytes for each, in any order. */
class Positions implements Listing {
  private readonly entries: Entries;
  readonly positions: Uint32Array;

  constructor(entries: Entries, positions: Uint32Array) {
    this.entries = entries;
    this.positions = positions;
  }

  get length(): number {
    return this.positions.length;
  }

  *[Symbol.iterator](): Generator<EntryRef, void, undefined> {
    for (const position of this.positions) yield this.entries.at(position);
  }
}

/**
 * The entries that match the patterns, in archive order, and the patterns that match nothing. Throws `no-match` if no
 * pattern matches anything.
 */
export async function matchEntries(
  entries: Entries,
  patterns: readonly string[],
  archiveName: string,
): Promise<{ listing: Listing; unmatched: string[] }> {
  if (patterns.length === 0) return { listing: entries, unmatched: [] };
  const { compileSelection } = await import('../../select/patterns.ts');
  const selection = compileSelection(patterns);
  const positions: number[] = [];
  let position = 0;
  for (const { batch, row } of entries) {
    if (selection.matches(toText(batch.path(row)))) positions.push(position);
    position += 1;
  }
  const unmatched = selection.unmatched();
  if (positions.length === 0) {
    const names = patterns.map((pattern) => `'${pattern}'`).join(', ');
    throw new ZnipError('no-match', `nothing in '${archiveName}' matches ${names}`);
  }
  return { listing: new Positions(entries, Uint32Array.from(positions)), unmatched };
}

/**
 * Sorts as ls(1) does: names by their bytes, sizes with the largest first, times with the newest first. `reverse`
 * reverses all of this. Equal entries are in archive order, or in reverse archive order.
 */
export function sortEntries(listing: Listing, key: SortKey, reverse: boolean): Listing {
  if (key === 'none' && !reverse) return listing;
  const refs = [...listing];
  if (key === 'name') {
    const names = new Map(refs.map((ref) => [ref, ref.batch.path(ref.row)]));
    refs.sort((a, b) => compareBytes(names.get(a) ?? '', names.get(b) ?? ''));
  } else if (key === 'size') {
    refs.sort((a, b) => (b.batch.sizes[b.row] ?? 0) - (a.batch.sizes[a.row] ?? 0));
  } else if (key === 'mtime') {
    refs.sort((a, b) => {
      const first = a.batch.mtimes[a.row] ?? 0n;
      const second = b.batch.mtimes[b.row] ?? 0n;
      return first > second ? -1 : first < second ? 1 : 0;
    });
  }
  if (reverse) refs.reverse();
  return refs;
}
