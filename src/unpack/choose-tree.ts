/**
 * Which members a run unpacks by the index, and the tree that they make: checked before anything is written.
 */
import type { Archive, EntrySelection, GroupSummary } from '../archive/archive.ts';
import type { Entries } from '../archive/entries.ts';
import { hasHardLinks } from '../archive/link-meanings.ts';
import { ZnipError } from '../errors.ts';
import type { Limits } from '../rules/limits.ts';
import { MemberChoice, type MemberChoiceOptions } from '../select/member-choice.ts';
import type { TargetOptions } from '../target/target.ts';
import type { IndexLosses } from './index-losses.ts';
import { buildTree, type MemberTree } from './member-tree.ts';

type Choice = EntrySelection & MemberChoiceOptions & Pick<TargetOptions, 'sameOwner'>;

/** The selected members. Limits that need no sub-index are checked before one is read. */
export async function chooseTree(
  archive: Archive,
  options: Choice,
  limits: Limits,
  losses: IndexLosses,
  read: Entries | undefined,
): Promise<MemberTree> {
  const { packageTypes, repos } = options;
  for (const { members } of selectedGroups(archive, options)) limits.addMembers(members);
  const entries = read ?? (await archive.entries(options, (error) => losses.refuse(null, error)));
  if (entries.length === 0 && (packageTypes !== undefined || repos !== undefined)) {
    throw new ZnipError(
      'no-match',
      `no members of that type or repo in '${archive.source.name}': info shows which there are`,
    );
  }
  const choice = new MemberChoice(options);
  const tree = buildTree(entries, {
    select: (path, kind) => choice.nameFor(path, kind),
    isEverything: choice.isEverything,
    renames: choice.renames,
    all: await allEntries(archive, options, entries, losses),
    owners: options.sameOwner === true,
    limits,
    onRefused: (path, error) => losses.refuse(path, error),
  });
  choice.finish(`'${archive.source.name}'`);
  return tree;
}

/** All entries, if only some groups are selected and have hard links, which may lead to members of other groups. */
export async function allEntries(
  archive: Archive,
  { packageTypes, repos, signal }: EntrySelection,
  selected: Entries,
  { keepGoing }: IndexLosses,
): Promise<Entries | undefined> {
  if ((packageTypes === undefined && repos === undefined) || !hasHardLinks(selected)) return undefined;
  // Damage of the index has been reported already, or belongs to groups that nobody selected.
  return archive.entries({ signal }, keepGoing ? () => {} : undefined);
}

export function selectedGroups(archive: Archive, { packageTypes, repos }: EntrySelection): GroupSummary[] {
  return archive
    .groups()
    .filter(
      ({ packageType, repo }) =>
        packageTypes?.includes(packageType) !== false && repos?.includes(repo) !== false,
    );
}
