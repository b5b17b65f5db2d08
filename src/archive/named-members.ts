/**
 * What each name of an archive stands for. Implements docs/format.md, "Entries".
 */
import type { ByteString } from '../format/values/byte-string.ts';
import { KIND } from '../format/values/entry.ts';
import type { Entries, EntryRef } from './entries.ts';
import { hardLinkMeanings } from './link-meanings.ts';

/**
 * By name: the file, directory or symlink that has it. If a name comes more than once, the last member counts. A hard link
 * is a name of what it means; one that means nothing stands for itself.
 */
export function namedMembers(entries: Entries): Map<ByteString, EntryRef> {
  const meanings = hardLinkMeanings(entries);
  const named = new Map<ByteString, EntryRef>();
  for (const ref of entries) {
    const { batch, row } = ref;
    const path = batch.path(row);
    if (batch.kinds[row] !== KIND.hardlink) named.set(path, ref);
    // A link to its own name changes nothing.
    else if (batch.linkTarget(row) !== path || !named.has(path)) named.set(path, meanings.of(ref) ?? ref);
  }
  return named;
}
