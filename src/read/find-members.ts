/**
 * Looks members up by name, and the files that hard links lead to, without a table of all names.
 */
import { ZnipError } from '../errors.ts';
import { toBytes, toText, type ByteString } from '../format/byte-string.ts';
import { KIND, KINDS } from '../format/entry.ts';
import type { Entries, EntryRef } from './entries.ts';
import { replaces } from './member-names.ts';
import { REPLACED_TARGET } from './member-tree.ts';

/**
 * Finds the members with these names; names that no member has are missing from the result. Where a name
 * is in the archive twice the later member counts, as it does for tar. Throws `inconsistent` when one name
 * belongs to a directory and to something else.
 */
export function findMembers(entries: Entries, names: Iterable<ByteString>): Map<ByteString, EntryRef> {
  const found = new Map<ByteString, EntryRef>();
  const wanted = new Set(names);
  for (const ref of wanted.size <= FEW_NAMES
    ? namedOneByOne(entries, wanted)
    : namedAtOnce(entries, wanted)) {
    const path = ref.batch.path(ref.row);
    const before = found.get(path);
    if (before !== undefined && !replaces(kindOf(ref), kindOf(before))) {
      const member = toText(path);
      throw new ZnipError(
        'inconsistent',
        `member '${member}' is in the archive twice, as ${KINDS[kindOf(before)]} and as ${KINDS[kindOf(ref)]}`,
        { member },
      );
    }
    found.set(path, ref);
  }
  return found;
}

/** So many names are searched for one after the other, column by column, in the time of looking at every entry once. */
const FEW_NAMES = 8;

/** Entries of a name in archive order, of one name after the other. */
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
 * The entry with the content of each member: itself for a file, its target for a hard link.
 * Throws `usage` for what has no content, `unsafe-link` for a hard link that leads to no file.
 */
export function findContents(entries: Entries, members: readonly EntryRef[]): EntryRef[] {
  for (const ref of members) refuseWithoutContent(ref);
  const links = members.filter((ref) => kindOf(ref) === KIND.hardlink);
  const targets = findMembers(
    entries,
    links.map(({ batch, row }) => batch.linkTarget(row)),
  );
  return members.map((ref) => {
    if (kindOf(ref) === KIND.file) return ref;
    const target = ref.batch.linkTarget(ref.row);
    const file = targets.get(target);
    const isFile = file !== undefined && kindOf(file) === KIND.file;
    // A file that comes after the link is not the one that it was made to.
    if (isFile && positionOf(file) < positionOf(ref)) return file;
    const member = toText(ref.batch.path(ref.row));
    const why =
      file === undefined
        ? 'no member has that name'
        : isFile
          ? REPLACED_TARGET
          : `that is a ${KINDS[kindOf(file)]}, expected a file`;
    throw new ZnipError('unsafe-link', `hard link '${member}' to '${toText(target)}' leads nowhere: ${why}`, {
      member,
    });
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

function positionOf({ batch, row }: EntryRef): number {
  return batch.streamOffsets[row] ?? 0;
}

function kindOf({ batch, row }: EntryRef): number {
  return batch.kinds[row] ?? KIND.file;
}
