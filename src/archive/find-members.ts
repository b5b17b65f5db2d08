/**
 * Finds members by name, and the files that hard links lead to, without a table of all names.
 */
import { ZnipError } from '../errors.ts';
import { toBytes, toText, type ByteString } from '../format/values/byte-string.ts';
import { KIND, KINDS } from '../format/values/entry.ts';
import type { Archive } from './archive.ts';
import type { Entries, EntryRef } from './entries.ts';
import { hardLinkMeanings } from './link-meanings.ts';

/**
 * Finds the members with these names. Names that no member has are missing from the result. If a name is in the archive
 * twice, the later member counts, as in tar.
 */
export function findMembers(entries: Entries, names: Iterable<ByteString>): Map<ByteString, EntryRef> {
  const found = new Map<ByteString, EntryRef>();
  const wanted = new Set(names);
  for (const ref of wanted.size <= FEW_NAMES
    ? namedOneByOne(entries, wanted)
    : namedAtOnce(entries, wanted)) {
    found.set(ref.batch.path(ref.row), ref);
  }
  return found;
}

/**
 * The entries of the sub-indexes that can have members with these names. All entries, if a name is not among them, or if
 * one is that of a hard link, which may lead anywhere.
 */
export async function entriesNear(
  archive: Archive,
  names: readonly ByteString[],
  signal?: AbortSignal,
): Promise<Entries> {
  const near = await archive.entries({ holding: names, signal });
  const found = findMembers(near, names);
  const isEnough = names.every((name) => {
    const ref = found.get(name);
    return ref !== undefined && kindOf(ref) !== KIND.hardlink;
  });
  return isEnough ? near : archive.entries({ signal });
}

/**
 * Searching for this many names, one after the other and column by column, takes as long as looking at every entry
 * once.
 */
const FEW_NAMES = 8;

/** Entries with these names, in archive order for each name, one name after the other. */
function* namedOneByOne(entries: Entries, names: Iterable<ByteString>): Generator<EntryRef, void, undefined> {
  for (const name of names) {
    const path = toBytes(name);
    for (const { batch, group, from, to } of entries.runs()) {
      for (const row of batch.rowsOf(path, from, to)) yield { batch, row, group };
    }
  }
}

function* namedAtOnce(
  entries: Entries,
  names: ReadonlySet<ByteString>,
): Generator<EntryRef, void, undefined> {
  for (const ref of entries) if (names.has(ref.batch.path(ref.row))) yield ref;
}

/**
 * The entry with the content of each member: the member itself for a file, its target for a hard link. Throws `usage`
 * for a member without content, and `unsafe-link` for a hard link that leads to no file.
 */
export function findContents(entries: Entries, members: readonly EntryRef[]): EntryRef[] {
  for (const ref of members) refuseWithoutContent(ref);
  return findMeant(entries, members).map((meant, i) => {
    const ref = members[i] as EntryRef;
    if (kindOf(meant) !== KIND.file)
      throw leadsNowhere(ref, `that is a ${KINDS[kindOf(meant)]}, expected a file`);
    return meant;
  });
}

/** The file or symlink that each hard link is a name of; other members unchanged. Throws `unsafe-link`. */
export function findMeant(entries: Entries, members: readonly EntryRef[]): EntryRef[] {
  if (members.every((ref) => kindOf(ref) !== KIND.hardlink)) return [...members];
  const meanings = hardLinkMeanings(entries);
  return members.map((ref) => {
    if (kindOf(ref) !== KIND.hardlink) return ref;
    const meant = meanings.of(ref);
    if (meant === undefined) throw leadsNowhere(ref, 'no member has that name');
    return meant;
  });
}

function leadsNowhere({ batch, row }: EntryRef, why: string): ZnipError {
  const member = toText(batch.path(row));
  const target = toText(batch.linkTarget(row));
  return new ZnipError('unsafe-link', `hard link '${member}' to '${target}' leads nowhere: ${why}`, {
    member,
  });
}

function refuseWithoutContent(ref: EntryRef): void {
  const kind = kindOf(ref);
  if (kind !== KIND.directory && kind !== KIND.symlink) return;
  const member = toText(ref.batch.path(ref.row));
  const what =
    kind === KIND.directory
      ? 'is a directory'
      : `is a symlink to '${toText(ref.batch.linkTarget(ref.row))}', which is not followed`;
  throw new ZnipError('usage', `member '${member}' ${what}: expected a file`, { member });
}

function kindOf({ batch, row }: EntryRef): number {
  return batch.kinds[row] ?? KIND.file;
}
