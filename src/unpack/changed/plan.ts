/**
 * Compares a tree of members with what the target has, and decides what is written, what is mended and what is removed. Writes
 * nothing. Main thread.
 */
import type { EntryRef } from '../../archive/entries.ts';
import { recordedOwner } from '../../archive/entries.ts';
import { errnoOf, isExhaustion, systemReason, ZnipError } from '../../errors.ts';
import { toBytes, toText, type ByteString } from '../../format/values/byte-string.ts';
import { KIND, KINDS } from '../../format/values/entry.ts';
import { lastComponent, parentOf } from '../../format/values/member-path.ts';
import { comparePaths } from '../../format/values/path-order.ts';
import { type FileIdentity, type FileStat, isSameFile, lstat } from '../../posix/stat.ts';
import type { DirectoryEntry } from '../../target/directories.ts';
import type { HardLink, Link } from '../../target/links.ts';
import type { Mend } from '../../target/mend.ts';
import type { OnLost } from '../../target/refusals.ts';
import type { TargetTree } from '../../target/target-tree.ts';
import { wantedBits } from '../../target/write-file.ts';
import { type AttributedMember, compareXattrs, type XattrChange } from '../../target/xattrs.ts';
import { Turns } from '../../threads/turns.ts';
import {
  type Attributes,
  type ChangedAspect,
  differentAttributes,
  type ExpectedContent,
  isOutdated,
  sameContents,
  sameLongContent,
} from './compare.ts';
import { DiskDirectories } from './disk-directories.ts';
import type { ChangedOptions, MemberChange } from './options.ts';
import { type Removal, removalsOf } from './removals.ts';

/** The tree of members that is compared. */
export interface ComparedTree {
  /** In archive order. */
  files: Iterable<{ ref: EntryRef; path: ByteString }>;
  directories: ReadonlyMap<ByteString, DirectoryEntry>;
  symlinks: readonly Link[];
  hardLinks: readonly HardLink[];
  /** Files and symlinks with extended attributes. */
  attributed: ReadonlyMap<ByteString, AttributedMember>;
  /** Whether a member has this name, or members lie below it. */
  has: (path: ByteString) => boolean;
}

export interface ChangePlan {
  /** 1 for each file of the tree that is written, in its order. */
  writes: Uint8Array;
  directories: Map<ByteString, DirectoryEntry>;
  symlinks: Link[];
  hardLinks: HardLink[];
  /** Those that are written of what has extended attributes. */
  attributed: ReadonlyMap<ByteString, AttributedMember>;
  mends: Mend[];
  /** Removed when what is written instead is there: for each name in the way, all that is below it. */
  inTheWay: ReadonlyMap<ByteString, readonly Removal[]>;
  /** Removed when everything has been written. */
  extras: Removal[];
  /** Members that cannot be written, because something is in their way and stays. */
  blocked: [ByteString, ZnipError][];
  /** Members that are as they should be. */
  unchanged: number;
  /** Members that are written, and members that are only mended. */
  written: number;
  amended: number;
  /** In the order of paths, if they are wanted. */
  changes: MemberChange[];
}

export interface PlanContext {
  target: TargetTree;
  /** Threads that compare contents. */
  threads: number;
  options: ChangedOptions;
  /** The top of the target stands for directories of the archive, because leading components are removed. */
  topIsMember: boolean;
  /** The archive, which may lie in the target, and is not removed. */
  archive: FileIdentity | undefined;
  onStays: OnLost;
  /** Somebody wants to hear of each change. */
  wantsChanges: boolean;
  signal: AbortSignal | undefined;
}

/** Throws `too-many-removals` if more would be removed than is allowed, and `io`. */
export async function planChanges(tree: ComparedTree, context: PlanContext): Promise<ChangePlan> {
  const planner = new ChangePlanner(tree, context);
  const turns = new Turns(context.signal, 64);
  for (const { ref, path } of tree.files) {
    if (turns.isDue()) await turns.take();
    if (planner.addFile(ref, path)) continue;
    await planner.compareContents(turns);
    await turns.take();
  }
  await planner.compareContents(turns);
  for (const link of tree.symlinks) {
    if (turns.isDue()) await turns.take();
    planner.addSymlink(link);
  }
  for (const [path, entry] of tree.directories) {
    if (turns.isDue()) await turns.take();
    planner.addDirectory(path, entry);
  }
  if (context.options.delete === true) {
    const top = context.topIsMember || context.options.deleteTop === true;
    for (const path of [...(top ? [''] : []), ...tree.directories.keys()]) {
      if (turns.isDue()) await turns.take();
      planner.findExtras(path);
    }
  }
  return planner.finish();
}

/** Contents that are compared in one go: so many, or so many bytes. Then signals are noticed. */
const MOST_WAITING = 4096;
const MOST_WAITING_BYTES = 256 * 1024 * 1024;

interface WaitingFile extends ExpectedContent {
  /** Number of the file in the tree. */
  index: number;
  stats: FileStat;
  attributes: Attributes;
  aspects: ChangedAspect[];
}

class ChangePlanner {
  private readonly tree: ComparedTree;
  private readonly context: PlanContext;
  private readonly disk: DiskDirectories;
  /** Links to each file or symlink of the tree. */
  private readonly linksTo = new Map<ByteString, HardLink[]>();
  private readonly wantedDirectories = new Set<ByteString>();
  /** Directories in which names come or go, so that their times must be set again. */
  private readonly touched = new Set<ByteString>();
  private readonly symlinks: Link[] = [];
  private readonly hardLinks: HardLink[] = [];
  private readonly mends: Mend[] = [];
  private readonly blocked: [ByteString, ZnipError][] = [];
  private readonly changes: { raw: ByteString; change: MemberChange }[] = [];
  /** By directory: attributes to remove. */
  private readonly staleXattrs = new Map<ByteString, readonly ByteString[]>();
  /** Of what is written. */
  private readonly attributed = new Map<ByteString, AttributedMember>();
  /** Names in the way of members, and what it takes to remove them. */
  private readonly obstacles = new Map<ByteString, Removal[]>();
  private readonly extras: Removal[] = [];
  private unchanged = 0;
  private written = 0;
  private amended = 0;
  private readonly isByHash: boolean;
  /** The times of the entries that are compared, two words each. */
  private times: Uint32Array = new Uint32Array(0);
  /** 1 for each file that is written. */
  private readonly writes: number[] = [];
  /** Files whose contents decide. */
  private waiting: WaitingFile[] = [];
  private waitingBytes = 0;

  constructor(tree: ComparedTree, context: PlanContext) {
    this.tree = tree;
    this.context = context;
    this.isByHash = context.options.checksum === true;
    this.disk = new DiskDirectories(context.target);
    for (const link of tree.hardLinks) {
      const links = this.linksTo.get(link.target);
      if (links === undefined) this.linksTo.set(link.target, [link]);
      else links.push(link);
    }
  }

  /** Adds the next file. Returns false if enough contents wait to be compared. */
  addFile(ref: EntryRef, path: ByteString): boolean {
    const { target } = this.context;
    const { batch, row } = ref;
    const index = this.writes.push(0) - 1;
    if (this.isUnchanged(ref, path)) {
      this.unchanged += 1;
      return true;
    }
    const attributes: Attributes = {
      mode: batch.modes[row] ?? 0,
      mtime: batch.mtimes[row] ?? 0n,
      owner: target.settings.sameOwner ? recordedOwner(ref) : null,
    };
    const stats = this.lookUp(path);
    if (stats === 'blocked') {
      // The first of its other names becomes the file.
      this.writeLinks(path);
      return true;
    }
    if (stats === undefined || !stats.isFile()) {
      this.writeFile(index, path, stats, []);
      return true;
    }
    const aspects = differentAttributes(attributes, stats, target.settings);
    const size = batch.sizes[row] ?? 0;
    const byHash = this.isByHash;
    const checksum = byHash && size > 0 ? batch.checksum(row) : null;
    if (isOutdated(size, stats, aspects, { byHash }) || !this.hasLinks(path, stats)) {
      this.writeFile(index, path, stats, aspects);
    } else if (checksum === null) this.keep(path, KIND.file, stats, attributes, aspects);
    else {
      this.waiting.push({ index, path, checksum, stats, attributes, aspects });
      this.waitingBytes += size;
    }
    return this.waiting.length < MOST_WAITING && this.waitingBytes < MOST_WAITING_BYTES;
  }

  /** Decides about the files whose contents wait to be compared. */
  async compareContents(turns: Turns): Promise<void> {
    const { waiting } = this;
    this.waiting = [];
    this.waitingBytes = 0;
    const { target, threads } = this.context;
    // Behind a long one, no other waits.
    const isLong = (waiting.at(-1)?.stats.size ?? 0) > MOST_WAITING_BYTES;
    const long = isLong ? waiting.pop() : undefined;
    if (waiting.length > 0) this.decide(waiting, sameContents(waiting, target, threads));
    if (long !== undefined) this.decide([long], [await sameLongContent(long, target, turns)]);
  }

  private decide(files: readonly WaitingFile[], same: readonly boolean[]): void {
    files.forEach(({ index, path, stats, attributes, aspects }, i) => {
      if (same[i] === true) this.keep(path, KIND.file, stats, attributes, aspects);
      else this.writeFile(index, path, stats, ['content', ...aspects]);
    });
  }

  /** Whether a file is as it should be, as most are. False if that takes more than a look. */
  private isUnchanged({ batch, row }: EntryRef, path: ByteString): boolean {
    const { settings } = this.context.target;
    if (this.isByHash || settings.sameOwner || !settings.mtime || settings.xattrs !== undefined) return false;
    if (this.linksTo.size > 0 && this.linksTo.has(path)) return false;
    const directory = this.disk.at(parentOf(path));
    if (typeof directory === 'string') return false;
    // The same memory: a BigInt for each file is dear.
    const { mtimes } = batch;
    if (this.times.buffer !== mtimes.buffer || this.times.byteOffset !== mtimes.byteOffset) {
      this.times = new Uint32Array(mtimes.buffer, mtimes.byteOffset, 2 * mtimes.length);
    }
    return directory.hasFile(
      lastComponent(path),
      wantedBits(batch.modes[row] ?? 0, null, settings),
      batch.sizes[row] ?? 0,
      this.times[2 * row] ?? 0,
      this.times[2 * row + 1] ?? 0,
    );
  }

  addSymlink(link: Link): void {
    const { path, target, mtime, owner } = link;
    const stats = this.lookUp(path);
    if (stats === 'blocked') {
      const [, block] = this.blocked.at(-1) as [ByteString, ZnipError];
      for (const other of this.linksTo.get(path) ?? []) this.blocked.push([other.path, block]);
      return;
    }
    const isLink = stats?.isSymbolicLink() === true;
    const isRight = isLink && this.disk.linkTarget(path) === target && this.hasLinks(path, stats);
    if (stats === undefined || !isRight) {
      this.symlinks.push(link);
      this.write(path, KIND.symlink, stats, isLink ? ['target'] : []);
      return;
    }
    const attributes = { mode: 0, mtime, owner };
    const aspects = differentAttributes(attributes, stats, this.context.target.settings);
    this.keep(path, KIND.symlink, stats, attributes, aspects);
  }

  addDirectory(path: ByteString, entry: DirectoryEntry): void {
    const stats = this.lookUp(path);
    if (stats === 'blocked') return;
    if (stats === undefined || !stats.isDirectory()) {
      // Only with `delete`: otherwise what is there is in the way.
      this.wantedDirectories.add(path);
      this.write(path, KIND.directory, stats, []);
      return;
    }
    const aspects = differentAttributes(entry, stats, this.context.target.settings);
    const xattrs = this.differentXattrs(path, KIND.directory, entry.xattrs, aspects);
    if (xattrs !== undefined) this.staleXattrs.set(path, xattrs.remove);
    if (aspects.length === 0) {
      this.unchanged += 1;
      return;
    }
    this.wantedDirectories.add(path);
    this.change(path, KIND.directory, 'amended', aspects);
  }

  /** Finds what a directory has and the archive does not. */
  findExtras(path: ByteString): void {
    const directory = this.disk.at(path);
    if (directory === 'unreadable')
      this.context.onStays(path, 'nothing was removed in it: it cannot be read');
    if (typeof directory === 'string') return;
    const prefix = path === '' ? '' : `${path}/`;
    const { listing } = directory;
    for (let row = 0; row < listing.count; row++) {
      const name = `${prefix}${listing.name(row)}`;
      if (this.tree.has(name)) continue;
      const stats = directory.statRow(row);
      if (stats === undefined) continue;
      const removals = this.removalsOf(name, stats);
      for (const removal of removals) this.extras.push(removal);
      if (removals.length > 0) this.touched.add(path);
    }
  }

  finish(): ChangePlan {
    const writes = Uint8Array.from(this.writes);
    const { symlinks, hardLinks, mends, blocked, unchanged, written, amended, extras, changes } = this;
    const inTheWay = this.obstacles;
    const removals = [...inTheWay.values(), extras].flat();
    this.checkRemovals(removals.length);
    for (const { path, kind } of removals) this.change(path, kind, 'removed', []);
    changes.sort((a, b) => comparePaths(a.raw, b.raw));
    const directories = new Map<ByteString, DirectoryEntry>();
    for (const [path, entry] of this.tree.directories) {
      if (!this.wantedDirectories.has(path) && !this.touched.has(path)) continue;
      const staleXattrs = this.staleXattrs.get(path);
      directories.set(path, staleXattrs === undefined ? entry : { ...entry, staleXattrs });
    }
    return {
      writes,
      directories,
      symlinks,
      hardLinks,
      attributed: this.attributed,
      mends,
      inTheWay,
      extras,
      blocked,
      unchanged,
      written,
      amended,
      changes: changes.map(({ change }) => change),
    };
  }

  private checkRemovals(count: number): void {
    const { maxDelete } = this.context.options;
    if (maxDelete === undefined || count <= maxDelete) return;
    throw new ZnipError(
      'too-many-removals',
      `${count} names would be removed, more than \`maxDelete\` allows (${maxDelete}): nothing was changed`,
    );
  }

  /**
   * What has the name of a member; undefined if nothing has, or if what is in its way will be removed. 'blocked' if that
   * stays, and the member cannot be written.
   */
  private lookUp(path: ByteString): FileStat | undefined | 'blocked' {
    const obstacle = this.obstacleAbove(path);
    if (obstacle !== undefined)
      return this.clear(obstacle, path, 'is not a directory, as the archive has it');
    const stats = this.disk.stat(path);
    const isMember = this.tree.directories.has(path);
    if (stats?.isDirectory() === true && !isMember) {
      return this.clear(path, path, 'is a directory, as the archive does not have it');
    }
    if (stats !== undefined && !stats.isDirectory() && isMember) {
      return this.clear(path, path, 'is not a directory, as the archive has it');
    }
    return stats;
  }

  /** The name above `path` that has something other than a directory. */
  private obstacleAbove(path: ByteString): ByteString | undefined {
    const parent = parentOf(path);
    if (this.disk.at(parent) !== 'other') return undefined;
    let slash = parent.indexOf('/');
    while (slash >= 0 && this.disk.at(parent.slice(0, slash)) !== 'other') {
      slash = parent.indexOf('/', slash + 1);
    }
    return slash < 0 ? parent : parent.slice(0, slash);
  }

  /** Removes what is in the way of a member, if that is asked for. */
  private clear(obstacle: ByteString, path: ByteString, what: string): undefined | 'blocked' {
    const { target, options } = this.context;
    if (this.obstacles.has(obstacle)) return undefined;
    const stats = options.delete === true ? this.disk.stat(obstacle) : undefined;
    const removals = stats === undefined ? [] : this.removalsOf(obstacle, stats);
    // Behind everything in it comes the name itself, unless something stays.
    if (removals.at(-1)?.path === obstacle) {
      this.obstacles.set(obstacle, removals);
      this.touch(obstacle);
      return undefined;
    }
    const shown = target.text(obstacle);
    const how = options.delete === true ? 'move it away' : '`delete` replaces it';
    this.blocked.push([path, new ZnipError('exists', `'${shown}' ${what}: ${how}`, { path: shown })]);
    return 'blocked';
  }

  private removalsOf(path: ByteString, stats: FileStat): Removal[] {
    const { archive: avoid, onStays } = this.context;
    return removalsOf(path, stats, this.deviceAbove(path), { disk: this.disk, avoid, onStays });
  }

  /** The file system that the directory of a name is on. */
  private deviceAbove(path: ByteString): bigint {
    const { target } = this.context;
    const parent = parentOf(path);
    const stats = parent === '' ? undefined : this.disk.stat(parent);
    return stats?.dev ?? lstat(target.settings.target).dev;
  }

  /** Whether every hard link to the file or symlink `path` is another name of what was found there. */
  private hasLinks(path: ByteString, found: FileStat): boolean {
    const links = this.linksTo.get(path);
    if (links === undefined) return true;
    return links.every((link) => {
      const stats = this.disk.stat(link.path);
      return stats !== undefined && isSameFile(stats, found);
    });
  }

  private writeFile(
    index: number,
    path: ByteString,
    stats: FileStat | undefined,
    aspects: ChangedAspect[],
  ): void {
    this.writes[index] = 1;
    this.write(path, KIND.file, stats, aspects);
  }

  /** A member is written, and with it all other names that it has. */
  private write(path: ByteString, kind: number, stats: FileStat | undefined, aspects: ChangedAspect[]): void {
    this.touch(path);
    const attributed = this.tree.attributed.get(path);
    if (attributed !== undefined) this.attributed.set(path, attributed);
    if (stats === undefined) this.change(path, kind, 'created', []);
    else {
      const isKind = kind === KIND.symlink ? stats.isSymbolicLink() : stats.isFile();
      this.change(path, kind, 'replaced', isKind ? (aspects.length > 0 ? aspects : ['link']) : ['kind']);
    }
    this.writeLinks(path);
  }

  /** Writes all other names of a file or symlink. */
  private writeLinks(path: ByteString): void {
    for (const link of this.linksTo.get(path) ?? []) {
      const there = this.lookUp(link.path);
      if (there === 'blocked') continue;
      this.hardLinks.push(link);
      this.touch(link.path);
      this.change(
        link.path,
        KIND.hardlink,
        there === undefined ? 'created' : 'replaced',
        there === undefined ? [] : ['link'],
      );
    }
  }

  /** A member has its content already, and so have all other names of it. */
  private keep(
    path: ByteString,
    kind: number,
    found: FileStat,
    { mode, mtime, owner }: Attributes,
    aspects: ChangedAspect[],
  ): void {
    const links = this.linksTo.get(path)?.length ?? 0;
    this.unchanged += links;
    const xattrs = this.differentXattrs(path, kind, this.tree.attributed.get(path)?.xattrs, aspects);
    if (aspects.length === 0) {
      this.unchanged += 1;
      return;
    }
    const isOwned = !aspects.includes('uid') && !aspects.includes('gid');
    // A new owner takes set-user-id away, so the mode is set again.
    const setsMode = kind !== KIND.symlink && (aspects.includes('mode') || !isOwned);
    this.mends.push({
      path,
      found,
      mode: setsMode ? mode : undefined,
      mtime: aspects.includes('mtime') ? mtime : undefined,
      // Only who owns a file may have its set-user-id bit.
      owner: isOwned && !setsMode ? null : owner,
      xattrs,
    });
    this.change(path, kind, 'amended', aspects);
  }

  /** What to do about extended attributes, if they are restored. Adds to what differs. */
  private differentXattrs(
    path: ByteString,
    kind: number,
    records: ByteString | undefined,
    aspects: ChangedAspect[],
  ): XattrChange | undefined {
    const { target, onStays } = this.context;
    if (target.settings.xattrs === undefined) return undefined;
    try {
      const { change, reason } = compareXattrs(path, kind, records, target);
      if (reason !== undefined) onStays(path, reason);
      if (change !== undefined) aspects.push('xattrs');
      return change;
    } catch (error) {
      if (errnoOf(error) === undefined || isExhaustion(error)) throw error;
      onStays(path, `its extended attributes are not compared: ${systemReason(error)}`);
      return undefined;
    }
  }

  private touch(path: ByteString): void {
    this.touched.add(parentOf(path));
  }

  private change(
    path: ByteString,
    kind: number,
    change: MemberChange['change'],
    aspects: ChangedAspect[],
  ): void {
    if (change === 'amended') this.amended += 1;
    else if (change !== 'removed') this.written += 1;
    if (!this.context.wantsChanges) return;
    this.changes.push({
      raw: path,
      change: { path: toText(path), pathBytes: toBytes(path), kind: KINDS[kind] ?? 'file', change, aspects },
    });
  }
}
