/**
 * Where the members of an archive belong in the directory that they are compared with.
 */
import { lstatSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Entries, EntryRef } from '../archive/entries.ts';
import { ZnipError } from '../errors.ts';
import { fromText, toFsPath, toText, type ByteString } from '../format/values/byte-string.ts';
import { KIND } from '../format/values/entry.ts';

export interface PlacedMembers {
  /** Path below the directory -> member. */
  members: Map<ByteString, EntryRef>;
  /** The member that is the directory itself, if the archive has it. */
  root: EntryRef | undefined;
}

/**
 * Drops `components` leading components of each name. Members without more components are not compared, except a
 * directory that is the same for all members. Throws `inconsistent` or `usage` if two members get the same name.
 */
export function placeMembers(entries: Entries, components: number): PlacedMembers {
  const members = new Map<ByteString, EntryRef>();
  const roots = new Map<ByteString, EntryRef>();
  for (const ref of entries) {
    const { batch, row } = ref;
    const name = batch.path(row);
    const path = dropComponents(name, components);
    if (path === undefined) continue;
    if (path === '') {
      if (batch.kinds[row] === KIND.directory) roots.set(name, ref);
      continue;
    }
    const before = members.get(path);
    if (before !== undefined) refuseClash(before, ref, components);
    members.set(path, ref);
  }
  const root = roots.size === 1 ? [...roots.values()][0] : undefined;
  return { members, root };
}

/** '' for a name with exactly this many components; undefined for a name with fewer. */
function dropComponents(name: ByteString, components: number): ByteString | undefined {
  let start = 0;
  for (let i = 0; i < components; i++) {
    const slash = name.indexOf('/', start);
    if (slash < 0) return i === components - 1 ? '' : undefined;
    start = slash + 1;
  }
  return name.slice(start);
}

/** The same name twice is allowed in tar: the later member counts. */
function refuseClash(before: EntryRef, ref: EntryRef, components: number): void {
  const [first, second] = [before, ref].map(({ batch, row }) => toText(batch.path(row)));
  if (first !== second) {
    throw new ZnipError(
      'usage',
      `\`stripComponents\` ${components} gives '${first}' and '${second}' the same name`,
    );
  }
}

/**
 * How many leading components to drop if the user does not say. `pack build/out` names its members `build/out/…`. So if
 * all members lie below the end of the directory's own path, they are what the directory holds. Throws `usage` if the
 * directory also has such a directory below it.
 */
export function componentsToDrop(entries: Entries, directory: string): number {
  const common = commonDirectory(entries);
  const own = fromText(resolve(directory))
    .split('/')
    .filter((component) => component !== '');
  for (let count = Math.min(common.length, own.length); count > 0; count--) {
    if (own.slice(-count).some((component, i) => component !== common[i])) continue;
    const below = common.slice(0, count).join('/');
    if (!isThere(`${fromText(directory)}/${below}`)) return count;
    throw new ZnipError(
      'usage',
      `all members lie below '${toText(below)}': that may be '${directory}' or '${directory}/${toText(below)}'; say \`stripComponents\` ${count} or 0`,
    );
  }
  return 0;
}

/** Components of the longest directory that every member is, or lies below. */
function commonDirectory(entries: Entries): ByteString[] {
  let common: ByteString[] | undefined;
  for (const { batch, row } of entries) {
    const components = batch.path(row).split('/');
    if (batch.kinds[row] !== KIND.directory) components.pop();
    common ??= components;
    let shared = 0;
    while (shared < common.length && common[shared] === components[shared]) shared += 1;
    common = common.slice(0, shared);
    if (shared === 0) break;
  }
  return common ?? [];
}

function isThere(path: ByteString): boolean {
  return lstatSync(toFsPath(path), { throwIfNoEntry: false }) !== undefined;
}
