/**
 * How one archive differs from another, by their indexes alone: the library's `diff` of two archives.
 */
import type { Archive } from '../archive/archive.ts';
import type { EntryRef } from '../archive/entries.ts';
import { namedMembers } from '../archive/named-members.ts';
import { type ByteString, compareBytes } from '../format/values/byte-string.ts';
import { equalBytes } from '../format/values/bytes.ts';
import { KIND } from '../format/values/entry.ts';
import { Turns } from '../threads/turns.ts';
import { type Aspect, changed, type Difference, difference, type DiffOptions } from './diff.ts';

/**
 * Yields the differences, sorted by the bytes of the paths: `added` is only in `after`. A hard link is compared as the file
 * that it is. Nothing is read but the indexes.
 *
 * Throws ZnipError: the code of any damage in them.
 */
export async function* diffArchives(
  before: Archive,
  after: Archive,
  { mtime = false, signal }: Pick<DiffOptions, 'mtime' | 'signal'> = {},
): AsyncGenerator<Difference, void> {
  if (before.rootHash === after.rootHash) return;
  const turns = new Turns(signal);
  const old = namedMembers(await before.entries({ signal }));
  const now = namedMembers(await after.entries({ signal }));
  for (const path of sortedNames(old, now)) {
    if (turns.isDue()) await turns.take();
    const was = old.get(path);
    const is = now.get(path);
    if (was === undefined) yield difference(path, 'added');
    else if (is === undefined) yield difference(path, 'removed');
    else yield* changed(path, compare(was, is, mtime));
  }
}

function sortedNames(old: Map<ByteString, unknown>, now: Map<ByteString, unknown>): ByteString[] {
  const names = [...old.keys()];
  for (const path of now.keys()) if (!old.has(path)) names.push(path);
  return names.sort(compareBytes);
}

function compare({ batch: a, row: i }: EntryRef, { batch: b, row: k }: EntryRef, mtime: boolean): Aspect[] {
  const kind = a.kinds[i];
  if (kind !== b.kinds[k]) return ['kind'];
  const aspects: Aspect[] = [];
  const [was, is] = [a.checksum(i), b.checksum(k)];
  if (was !== null && is !== null && !equalBytes(was, is)) aspects.push('content');
  if (a.linkTarget(i) !== b.linkTarget(k)) aspects.push('target');
  // The permissions of a symlink mean nothing, and systems do not agree on them.
  if (kind !== KIND.symlink && a.modes[i] !== b.modes[k]) aspects.push('mode');
  if (differ(a.uid(i), b.uid(k)) || differ(a.gid(i), b.gid(k))) aspects.push('owner');
  if (mtime && a.mtimes[i] !== b.mtimes[k]) aspects.push('mtime');
  if (a.xattrs(i) !== b.xattrs(k)) aspects.push('xattrs');
  return aspects;
}

/** An owner that is not recorded is not known to be another one. */
function differ(was: number | null, is: number | null): boolean {
  return was !== null && is !== null && was !== is;
}
