/**
 * What the selected entries come to as a tree: checked as a whole before anything is written, because a
 * name that is harmless alone may not be so beside another.
 */
import { ZnipError } from '../errors.ts';
import { toText, type ByteString } from '../format/byte-string.ts';
import { KIND, KINDS } from '../format/entry.ts';
import type { DirectoryEntry } from './directories.ts';
import type { Entries, EntryRef } from './entries.ts';
import { type PlannedFile, recordedOwner } from './extract-plan.ts';
import type { Limits } from './limits.ts';
import { MemberNames } from './member-names.ts';
import { PlannedFiles } from './planned-files.ts';
import { checkPath } from './safe-path.ts';
import type { Owner } from './write-file.ts';

export interface Link {
  path: ByteString;
  target: ByteString;
  mtime: bigint;
  /** Of symlinks: whom they are to belong to. Hard links belong to whom their file does. */
  owner: Owner | null;
}

export interface MemberTree {
  /** Files with their content in this archive, in archive order. */
  files: Iterable<PlannedFile>;
  fileCount: number;
  contentBytes: number;
  directories: ({ path: ByteString } & DirectoryEntry)[];
  symlinks: Link[];
  hardLinks: Link[];
  /** Every name in archive order. */
  names: Iterable<ByteString>;
}

export interface TreeOptions {
  /** The name that a member gets, or undefined when it is not wanted. */
  select: (path: ByteString, kind: number) => ByteString | undefined;
  /** Every selected member has another name than in the archive. */
  renames: boolean;
  /** Finds the entry of a file that was not selected; for hard links to it. */
  find: (path: ByteString) => Promise<EntryRef | undefined>;
  /** Take owners from the index. */
  owners: boolean;
  limits: Limits;
  /** Called for members that are refused. What it does not throw is left out. */
  onRefused: (path: ByteString, error: ZnipError) => void;
}

/** Checks names and builds the tree. Throws `unsafe-path`, `unsafe-link` or `inconsistent`. */
export async function buildTree(entries: Entries, options: TreeOptions): Promise<MemberTree> {
  const memberNames = new MemberNames(options.limits);
  const files = new PlannedFiles(entries, options.renames);
  /** Names that had a file before what has them now. */
  const superseded = new Set<ByteString>();
  const directories = new Map<ByteString, DirectoryEntry>();
  const symlinks = new Map<ByteString, Link>();
  const hardLinks = new Map<ByteString, HardLink>();
  /** Archive path of each selected file -> the name it gets. */
  const names = new Map<ByteString, ByteString>();
  const renamed: { from: ByteString; to: ByteString }[] = [];

  let position = -1;
  for (const ref of entries) {
    position += 1;
    const { batch, row } = ref;
    const archived = batch.path(row);
    const kind = batch.kinds[row] ?? KIND.file;
    const path = options.select(archived, kind);
    if (path === undefined) continue;
    const added = addName(memberNames, path, kind, options);
    if (added === undefined) continue;
    const { before } = added;
    if (before === KIND.file) superseded.add(path);
    else if (before !== undefined) {
      symlinks.delete(path);
      hardLinks.delete(path);
    }
    const mtime = batch.mtimes[row] ?? 0n;
    const owner = options.owners ? recordedOwner(ref) : null;
    if (kind === KIND.file) {
      files.add(position, path);
    } else if (kind === KIND.directory) {
      directories.set(path, { mode: batch.modes[row] ?? 0, mtime, owner });
    } else {
      const link = { path, target: batch.linkTarget(row), mtime, owner };
      if (kind === KIND.symlink) symlinks.set(path, link);
      else hardLinks.set(path, { ...link, filesBefore: files.length });
    }
    if (path !== archived) renamed.push({ from: archived, to: path });
  }

  for (const { from, to } of renamed) names.set(from, to);
  refuseReplacedTargets(hardLinks, files, superseded, options);
  let kept: Iterable<PlannedFile> =
    superseded.size === 0 ? files : dropSuperseded(files, superseded, memberNames);
  const standIns: PlannedFile[] = [];
  await resolveHardLinks({ memberNames, standIns, hardLinks, names, options });
  if (standIns.length > 0) kept = [...kept, ...standIns].sort((a, b) => streamOffset(a) - streamOffset(b));
  let fileCount = 0;
  let contentBytes = 0;
  for (const { ref } of kept) {
    fileCount += 1;
    contentBytes += ref.batch.sizes[ref.row] ?? 0;
  }
  return {
    files: kept,
    fileCount,
    contentBytes,
    directories: [...directories].map(([path, entry]) => ({ path, ...entry })),
    symlinks: [...symlinks.values()],
    hardLinks: [...hardLinks.values()],
    names: memberNames.all(),
  };
}

/** Takes in a name; returns the kind that it replaces, if any, or undefined when the member is refused. */
function addName(
  memberNames: MemberNames,
  path: ByteString,
  kind: number,
  { onRefused }: TreeOptions,
): { before: number | undefined } | undefined {
  try {
    return { before: memberNames.add(path, kind) };
  } catch (error) {
    if (!(error instanceof ZnipError)) throw error;
    onRefused(path, error);
    return undefined;
  }
}

/** A hard link, and how many of the files come before it. */
interface HardLink extends Link {
  filesBefore: number;
}

/** A name twice, as tar archives may have it: the last member counts, and is a file or not. */
function dropSuperseded(
  files: Iterable<PlannedFile>,
  superseded: ReadonlySet<ByteString>,
  memberNames: MemberNames,
): PlannedFile[] {
  const all = [...files];
  const last = new Map<ByteString, PlannedFile>();
  for (const file of all) {
    if (superseded.has(file.path) && memberNames.kindOf(file.path) === KIND.file) last.set(file.path, file);
  }
  return all.filter((file) => !superseded.has(file.path) || last.get(file.path) === file);
}

/** Refuses links to content that is replaced after them: what they mean is in no file of the tree. */
function refuseReplacedTargets(
  hardLinks: Map<ByteString, HardLink>,
  files: Iterable<PlannedFile>,
  superseded: ReadonlySet<ByteString>,
  { onRefused }: TreeOptions,
): void {
  if (superseded.size === 0) return;
  const lastFile = new Map<ByteString, number>();
  let position = 0;
  for (const { path } of files) {
    if (superseded.has(path)) lastFile.set(path, position);
    position += 1;
  }
  for (const link of hardLinks.values()) {
    if ((lastFile.get(link.target) ?? -1) < link.filesBefore) continue;
    hardLinks.delete(link.path);
    onRefused(link.path, badLink(link, REPLACED_TARGET));
  }
}

/** Why a hard link is refused when tar would keep the earlier content for it. */
export const REPLACED_TARGET = 'its target is replaced by a later member of the same name';

interface HardLinkContext {
  memberNames: MemberNames;
  /** Takes the files that are written in the place of a link. */
  standIns: PlannedFile[];
  hardLinks: Map<ByteString, HardLink>;
  names: ReadonlyMap<ByteString, ByteString>;
  options: TreeOptions;
}

/**
 * Points every hard link at a file that is written in this run. The first link to a file that was not
 * selected becomes that file itself, with its content.
 */
async function resolveHardLinks(context: HardLinkContext): Promise<void> {
  const { hardLinks, options } = context;
  const standInNames = new Map<ByteString, ByteString>();
  for (const link of hardLinks.values()) {
    try {
      await resolveHardLink(link, standInNames, context);
    } catch (error) {
      if (!(error instanceof ZnipError)) throw error;
      hardLinks.delete(link.path);
      options.onRefused(link.path, error);
    }
  }
}

async function resolveHardLink(
  link: Link,
  standInNames: Map<ByteString, ByteString>,
  { memberNames, standIns, hardLinks, names, options }: HardLinkContext,
): Promise<void> {
  checkPath(link.target);
  // Where names change, another member may have got the one that the link's target has in the archive.
  const unchanged = options.renames ? undefined : link.target;
  const target = names.get(link.target) ?? standInNames.get(link.target) ?? unchanged;
  const kind = target === undefined ? undefined : memberNames.kindOf(target);
  if (target === link.path) throw badLink(link, 'it is a link to itself');
  if (target !== undefined && (kind === KIND.file || standInNames.has(link.target))) {
    link.target = target;
    return;
  }
  if (kind !== undefined) throw badLink(link, `its target is a ${KINDS[kind]}, expected a file`);
  const ref = await options.find(link.target);
  if (ref === undefined) throw badLink(link, 'its target is not a file of the archive');
  standInNames.set(link.target, link.path);
  hardLinks.delete(link.path);
  standIns.push({ ref, path: link.path });
}

function streamOffset({ ref }: PlannedFile): number {
  return ref.batch.streamOffsets[ref.row] ?? 0;
}

function badLink({ path, target }: Link, why: string): ZnipError {
  return refusedLink(path, target, why);
}

export function refusedLink(path: ByteString, target: ByteString, why: string): ZnipError {
  const member = toText(path);
  return new ZnipError('unsafe-link', `hard link '${member}' to '${toText(target)}' is refused: ${why}`, {
    member,
  });
}
