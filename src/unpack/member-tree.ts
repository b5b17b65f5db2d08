/**
 * The tree that the selected entries make. It is checked as a whole before anything is written, because a name that is
 * harmless alone may be dangerous together with another.
 */
import { type Entries, type EntryRef, type EntryRun, recordedOwner } from '../archive/entries.ts';
import { hardLinkMeanings, type HardLinkMeanings, streamOffset } from '../archive/link-meanings.ts';
import { ZnipError } from '../errors.ts';
import { total } from '../format/tables/column-checks.ts';
import type { PlainEntries } from '../format/tables/sub-index.ts';
import { toText, type ByteString } from '../format/values/byte-string.ts';
import { KIND } from '../format/values/entry.ts';
import type { Limits } from '../rules/limits.ts';
import { MemberNames } from '../rules/member-names.ts';
import { checkPath } from '../rules/safe-path.ts';
import type { DirectoryEntry } from '../target/directories.ts';
import type { Link, HardLink } from '../target/links.ts';
import type { AttributedMember } from '../target/xattrs.ts';
import { type PlannedFile, PlannedFiles, totalsOf } from './planned-files.ts';

export interface MemberTree {
  /** Files with their content in this archive, in archive order. */
  files: PlannedFiles | PlannedFile[];
  fileCount: number;
  contentBytes: number;
  directories: ReadonlyMap<ByteString, DirectoryEntry>;
  symlinks: Link[];
  hardLinks: HardLink[];
  /** Files and symlinks with extended attributes. */
  attributed: ReadonlyMap<ByteString, AttributedMember>;
  /** Every name in archive order. */
  names: Iterable<ByteString>;
  /** Whether a member has this name, or members lie below it. */
  has: (path: ByteString) => boolean;
}

export interface TreeOptions {
  /** The name that a member gets, or undefined if it is not wanted. */
  select: (path: ByteString, kind: number) => ByteString | undefined;
  /** `select` wants everything, under its own name. */
  isEverything: boolean;
  /** Selected members get other names than in the archive. */
  renames: boolean;
  /** All entries of the archive, if only some groups are selected: hard links may lead to members of other groups. */
  all: Entries | undefined;
  /** Take owners from the index. */
  owners: boolean;
  limits: Limits;
  /** Called for members that are refused. If it does not throw, the member is left out. */
  onRefused: (path: ByteString, error: ZnipError) => void;
}

/** Checks names and builds the tree. Throws `unsafe-path`, `unsafe-link` or `inconsistent`. */
export function buildTree(entries: Entries, options: TreeOptions): MemberTree {
  const tree = new TreeBuilder(entries, options);
  const { isEverything, limits } = options;
  let position = 0;
  for (const run of entries.runs()) {
    const { batch, group, from, to } = run;
    const plain = isEverything && !limits.areNarrow ? batch.plain : undefined;
    for (let row = from; row < to;) {
      const count = plain === undefined ? 0 : tree.addRows(run, plain, row, position);
      row += count;
      position += count;
      if (row < to) tree.add({ batch, group, row: row++ }, position++);
    }
  }
  return tree.finish();
}

export const DIRECTORY_TARGET = 'its target is a directory, expected a file';

/** A hard link as it is in the archive, before it is known under which name its file is written. */
interface PendingLink {
  path: ByteString;
  /** As the archive has it. */
  target: ByteString;
  mtime: bigint;
  /** The entry that it means; undefined if it leads to nothing. */
  meaning: EntryRef | undefined;
}

class TreeBuilder {
  private readonly options: TreeOptions;
  private readonly names: MemberNames;
  private readonly files: PlannedFiles;
  private readonly meanings: HardLinkMeanings;
  /** Names that belonged to a file before, and to a later member now. */
  private readonly superseded = new Set<ByteString>();
  private readonly directories = new Map<ByteString, DirectoryEntry>();
  private readonly attributed = new Map<ByteString, AttributedMember>();
  private readonly symlinks = new Map<ByteString, Link>();
  private readonly links = new Map<ByteString, PendingLink>();
  /** Paths in the archive whose last member is refused. */
  private readonly refused = new Set<ByteString>();
  /** The same members, by stream offset. */
  private readonly refusedOffsets = new Set<number>();
  /** Members that hard links mean, by stream offset: the name that each gets in the tree, and who has that name now. */
  private readonly meant = new Map<number, ByteString | undefined>();
  private readonly holders = new Map<ByteString, number>();
  /** The row that was found last of what a hard link means. */
  private next: { entries: PlainEntries | undefined; row: number } = { entries: undefined, row: 0 };

  constructor(entries: Entries, options: TreeOptions) {
    this.options = options;
    this.names = new MemberNames(options.limits);
    this.files = new PlannedFiles(entries, options.renames);
    this.meanings = hardLinkMeanings(options.all ?? entries);
    for (const ref of this.meanings.all()) this.meant.set(streamOffset(ref), undefined);
  }

  /**
   * Adds rows `from` to `to` of a run, as far as that goes without saying: files and directories, each under its own name, which
   * nothing else has. The first is the entry at `position`. Returns how many it added.
   */
  addRows(run: EntryRun, entries: PlainEntries, from: number, position: number): number {
    if (this.refused.size > 0) return 0;
    const { batch, group } = run;
    const to = from + this.names.addRows(entries, from, this.firstMeant(entries, from, run.to));
    for (let row = from; row < to;) {
      const first = row++;
      if (batch.kinds[first] === KIND.directory) {
        this.addDirectory({ batch, group, row: first }, batch.path(first));
        continue;
      }
      while (row < to && batch.kinds[row] === KIND.file) row++;
      this.files.addRun(position + first - from, row - first);
    }
    // Directories have no content.
    this.files.contentBytes += total(batch.sizes.subarray(from, to));
    return to - from;
  }

  /** The first of these rows that a hard link means, or `to`. Looks at each row once, however often it is asked. */
  private firstMeant(entries: PlainEntries, from: number, to: number): number {
    if (this.meant.size === 0) return to;
    const { next } = this;
    if (next.entries === entries && next.row > from && next.row <= to) return next.row;
    let row = from;
    while (row < to && !this.meant.has(entries.streamOffsets[row] ?? 0)) row++;
    this.next = { entries, row };
    return row;
  }

  private addDirectory(ref: EntryRef, path: ByteString): void {
    const { batch, row } = ref;
    const owner = this.options.owners ? recordedOwner(ref) : null;
    this.directories.set(path, {
      mode: batch.modes[row] ?? 0,
      mtime: batch.mtimes[row] ?? 0n,
      owner,
      xattrs: batch.xattrs(row),
    });
  }

  /** Adds the next entry. */
  add(ref: EntryRef, position: number): void {
    const { options } = this;
    const { batch, row } = ref;
    const archived = batch.path(row);
    const kind = batch.kinds[row] ?? KIND.file;
    const path = options.select(archived, kind);
    if (path === undefined) return;
    const target = kind === KIND.hardlink || kind === KIND.symlink ? batch.linkTarget(row) : '';
    if (kind === KIND.hardlink) {
      // A link to its own name changes nothing.
      if (target === archived && this.names.kindOf(path) !== undefined) return;
      const refusal = this.refusalOf(ref, path);
      if (refusal !== undefined) {
        options.onRefused(path, refusal);
        this.noteRefused(ref, path);
        return;
      }
    }
    if (!this.addName(path, kind)) {
      this.noteRefused(ref, path);
      return;
    }
    this.refused.delete(archived);
    const offset = streamOffset(ref);
    this.holders.delete(path);
    if (this.meant.has(offset)) {
      this.meant.set(offset, path);
      this.holders.set(path, offset);
    }
    const mtime = batch.mtimes[row] ?? 0n;
    const owner = options.owners ? recordedOwner(ref) : null;
    noteXattrs(this.attributed, ref, path);
    if (kind === KIND.file) this.files.add(position, path, batch.sizes[row] ?? 0);
    else if (kind === KIND.directory) this.addDirectory(ref, path);
    else if (kind === KIND.symlink) this.symlinks.set(path, { path, target, mtime, owner });
    else this.links.set(path, { path, target, mtime, meaning: this.meanings.of(ref) });
  }

  /** Links to the member lead nowhere. So do links to its name, unless an earlier member has that name. */
  private noteRefused(ref: EntryRef, path: ByteString): void {
    this.refusedOffsets.add(streamOffset(ref));
    if (this.names.kindOf(path) === undefined) this.refused.add(ref.batch.path(ref.row));
  }

  finish(): MemberTree {
    const { files, names } = this;
    const standIns: PlannedFile[] = [];
    const hardLinks = this.resolveLinks(standIns);
    let kept: PlannedFiles | PlannedFile[] = this.superseded.size === 0 ? files : this.withoutSuperseded();
    if (standIns.length > 0)
      kept = [...kept, ...standIns].sort((a, b) => streamOffset(a.ref) - streamOffset(b.ref));
    return {
      files: kept,
      ...totalsOf(kept),
      directories: this.directories,
      attributed: this.attributed,
      symlinks: [...this.symlinks.values()],
      hardLinks,
      names: names.all(),
      has: (path) => names.kindOf(path) !== undefined || names.isDirectory(path),
    };
  }

  /** Why a hard link is refused, as far as that can be known when it is added. */
  private refusalOf(link: EntryRef, path: ByteString): ZnipError | undefined {
    const { batch, row } = link;
    const target = batch.linkTarget(row);
    try {
      checkPath(target);
    } catch (error) {
      if (error instanceof ZnipError) return error;
      throw error;
    }
    if (target === batch.path(row)) return refusedLink(path, target, 'it is a link to itself');
    const name = this.options.select(target, KIND.file);
    const isDirectory = name !== undefined && this.names.isDirectory(name);
    return isDirectory ? refusedLink(path, target, DIRECTORY_TARGET) : undefined;
  }

  /** Adds a name. It replaces an earlier member with that name. Returns false if the member is refused. */
  private addName(path: ByteString, kind: number): boolean {
    let before: number | undefined;
    try {
      before = this.names.add(path, kind);
    } catch (error) {
      if (!(error instanceof ZnipError)) throw error;
      this.options.onRefused(path, error);
      return false;
    }
    if (before === KIND.file) this.superseded.add(path);
    else if (before !== undefined && before !== kind) this.directories.delete(path);
    this.symlinks.delete(path);
    this.links.delete(path);
    this.attributed.delete(path);
    return true;
  }

  /** The files without those that a later member replaces: in a tar, a name may come twice, and the last one counts. */
  private withoutSuperseded(): PlannedFile[] {
    const { files, superseded, names } = this;
    const all = [...files];
    const last = new Map<ByteString, PlannedFile>();
    for (const file of all) {
      if (superseded.has(file.path) && names.kindOf(file.path) === KIND.file) last.set(file.path, file);
    }
    return all.filter((file) => !superseded.has(file.path) || last.get(file.path) === file);
  }

  /**
   * Points every hard link at a file that this run writes. If its file is not written, because it was not selected or
   * another member has its name now, the first link becomes that file itself, with its content.
   */
  private resolveLinks(standIns: PlannedFile[]): HardLink[] {
    /** For the offset of each entry that a link means: the name under which it is written. */
    const homes = new Map<number, ByteString>();
    const resolved: HardLink[] = [];
    for (const link of this.links.values()) {
      try {
        const ref = this.meaningOf(link);
        const { path, mtime } = link;
        const kind = ref.batch.kinds[ref.row] ?? KIND.file;
        if (kind === KIND.directory) throw badLink(link, DIRECTORY_TARGET);
        const symlink = kind === KIND.symlink ? this.symlinkOf(ref, path) : undefined;
        const offset = streamOffset(ref);
        const target = homes.get(offset) ?? this.homeOf(offset);
        homes.set(offset, target ?? path);
        if (target !== undefined) {
          const file = symlink === undefined ? ref : undefined;
          resolved.push({ path, target, mtime, owner: null, symlink, file });
        } else {
          noteXattrs(this.attributed, ref, path);
          if (symlink === undefined) standIns.push({ ref, path });
          else this.symlinks.set(path, symlink);
        }
      } catch (error) {
        if (!(error instanceof ZnipError)) throw error;
        this.options.onRefused(link.path, error);
      }
    }
    return resolved;
  }

  private meaningOf(link: PendingLink): EntryRef {
    const { meaning, target } = link;
    const isRefused = meaning !== undefined && this.refusedOffsets.has(streamOffset(meaning));
    if (isRefused || this.refused.has(target)) throw badLink(link, 'its target is refused');
    if (meaning === undefined) throw badLink(link, 'its target is not a file of the archive');
    return meaning;
  }

  /** The name under which this member is written; undefined if it is not written, or if another has its name now. */
  private homeOf(offset: number): ByteString | undefined {
    const name = this.meant.get(offset);
    return name !== undefined && this.holders.get(name) === offset ? name : undefined;
  }

  private symlinkOf(ref: EntryRef, path: ByteString): Link {
    const { batch, row } = ref;
    const owner = this.options.owners ? recordedOwner(ref) : null;
    return { path, target: batch.linkTarget(row), mtime: batch.mtimes[row] ?? 0n, owner };
  }
}

/** Takes note of the attributes of a file or symlink that gets this name. */
export function noteXattrs(
  attributed: Map<ByteString, AttributedMember>,
  { batch, row }: EntryRef,
  path: ByteString,
): void {
  const kind = batch.kinds[row] ?? KIND.file;
  const xattrs = kind === KIND.file || kind === KIND.symlink ? batch.xattrs(row) : undefined;
  if (xattrs !== undefined)
    attributed.set(path, { kind, size: batch.sizes[row] ?? 0, uid: batch.uid(row), xattrs });
}

function badLink({ path, target }: Pick<Link, 'path' | 'target'>, why: string): ZnipError {
  return refusedLink(path, target, why);
}

export function refusedLink(path: ByteString, target: ByteString, why: string): ZnipError {
  const member = toText(path);
  return new ZnipError('unsafe-link', `hard link '${member}' to '${toText(target)}' is refused: ${why}`, {
    member,
  });
}
