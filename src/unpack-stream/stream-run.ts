/**
 * One run that unpacks members in the order of a tar stream, from any source: it knows what has arrived and what is
 * written, and finishes the tree. `unpack-blocks.ts`, `salvage.ts` and `unpack-foreign.ts` feed it. Main thread.
 */
import { UnaskedAttributes } from '../archive/remarks.ts';
import { PlainMembers } from '../blocks/plain-members.ts';
import { codec } from '../codec/codec.ts';
import { core } from '../core/core.ts';
import { ZnipError } from '../errors.ts';
import { LEADING_SLASH, skippedReason, attributesReason, plainReason } from '../format/remarks.ts';
import { PlainAttributes } from '../format/values/attributes.ts';
import { toText, type ByteString } from '../format/values/byte-string.ts';
import { stringAt } from '../format/values/byte-strings.ts';
import { KIND, type Member } from '../format/values/entry.ts';
import type { StreamKind } from '../io/foreign-stream.ts';
import { type LimitOptions, Limits } from '../rules/limits.ts';
import { isDamage, type KeepGoingOptions } from '../rules/lost.ts';
import { MemberNames } from '../rules/member-names.ts';
import { MemberChoice, type MemberChoiceOptions } from '../select/member-choice.ts';
import type { LargeFile } from '../target/chunk-files.ts';
import { Directories, type DirectoryEntry } from '../target/directories.ts';
import { dryRun, type OnDryMember } from '../target/dry-run.ts';
import { isDirectory, nameExists, removeIfAny } from '../target/file-names.ts';
import { LargeFiles } from '../target/large-files.ts';
import { LinkedFiles } from '../target/linked-files.ts';
import type { HardLink } from '../target/links.ts';
import { RefusedMembers } from '../target/refusals.ts';
import { TakenNames } from '../target/taken-names.ts';
import type { TargetTree } from '../target/target-tree.ts';
import {
  closeTarget,
  createHardLinks,
  finishTree,
  openTarget,
  type TargetOptions,
} from '../target/target.ts';
import { milliseconds } from '../threads/clock.ts';
import { resolveThreads } from '../threads/thread-count.ts';
import type { UnpackProgress, UnpackResult } from '../unpack/unpack.ts';
import { ArrivedMembers, type NamedMember } from './arrived-members.ts';
import type { Change, Segment } from './segment.ts';
import { restore } from './restore.ts';
import type { AgreedRun } from './stream-check.ts';
import { StreamExtraction } from './stream-extraction.ts';
import { type Arrival, explain, explainForeign } from './stream-failures.ts';
import { StreamLosses } from './stream-losses.ts';
import { type ChunkMembers, TarMembers } from './tar-members.ts';

export interface UnpackStreamOptions
  extends MemberChoiceOptions, TargetOptions, LimitOptions, KeepGoingOptions {
  /** The stream's name in messages. Default: `standard input`. */
  name?: string | undefined;
  threads?: number | undefined;
  /** As for `unpack`. It is planned by the length of the first chunk. */
  memory?: number | undefined;
  /** In a .tar that znip did not make, read on after records of zeros: several archives in a row. Default: false. */
  ignoreZeros?: boolean | undefined;
  /** Called for each member that cannot be unpacked: devices, FIFOs, sparse files of a znip archive. */
  onSkipped?: ((path: string, reason: string) => void) | undefined;
  /** Called for each member that tar programs read differently. `reason` says what differs. */
  onDoubt?: ((path: string, reason: string) => void) | undefined;
  /** Called for something that is done as every tar program does it, but that users may want to know. */
  onNote?: ((path: string, reason: string) => void) | undefined;
  /**
   * Called for what could not be done about a member: a hard link that is left out because its file was not written and
   * has passed, or a time or owner that is not set because something else has the name by now.
   */
  onLost?: ((path: string, reason: string) => void) | undefined;
  /** Write nothing. Called for each member that would be written or kept instead, when all have arrived. */
  dryRun?: OnDryMember | undefined;
  /** The totals are 0, because they are not known. */
  onProgress?: ((progress: UnpackProgress) => void) | undefined;
  signal?: AbortSignal | undefined;
}

export class StreamRun {
  private readonly start = milliseconds();
  private readonly isForeign: boolean;
  readonly options: UnpackStreamOptions;
  private readonly target: TargetTree;
  private readonly directories: Directories;
  private readonly largeFiles: LargeFiles;
  readonly extraction: StreamExtraction;
  readonly members: TarMembers;
  readonly arrived: ArrivedMembers;
  private readonly choice: MemberChoice;
  private readonly limits: Limits;
  readonly losses: StreamLosses;
  /**
   * For members that were selected but left out, or that change nothing: where their contents start in the tar stream.
   */
  private readonly passed = new Set<number>();
  private selectedBytes = 0;
  private readonly plainAttributes = new PlainAttributes();
  private readonly unasked: UnaskedAttributes;
  private readonly taken = new TakenNames();
  /** Names of members that were not written. Whatever has such a name is not from this run. */
  private readonly unmade = new Set<ByteString>();
  private readonly linked = new LinkedFiles();
  private readonly refused: RefusedMembers;
  private readonly onBlocked = (path: ByteString, block: ZnipError): void => {
    if (block.code === 'exists') this.taken.addBlocked(path, block);
    else if (block.code === 'io') this.onLost(path, `left out: ${block.message}`);
    else this.losses.refuse(path, block);
  };
  private readonly onLost = (path: ByteString, reason: string): void =>
    this.refuse(path, { written: false, reason });
  /** Every block has arrived, so only the index may be missing. */
  allBlocks = false;
  private readonly progress: UnpackProgress = { members: 0, contentBytes: 0, totalMembers: 0, totalBytes: 0 };

  constructor(options: UnpackStreamOptions, kind: StreamKind) {
    this.options = options;
    this.isForeign = kind !== 'znip';
    this.choice = new MemberChoice(options);
    this.limits = new Limits(options);
    this.refused = new RefusedMembers(options.onLost);
    this.losses = new StreamLosses(options);
    this.unasked = new UnaskedAttributes(options);
    const names = new MemberNames(this.limits);
    this.arrived = new ArrivedMembers(names.table, this.choice.renames);
    this.target = openTarget(options, options.dryRun !== undefined);
    const directories = new Map<ByteString, DirectoryEntry>();
    this.directories = new Directories(this.target, directories);
    const onTaken = (path: ByteString): void => this.taken.add(path);
    const isTaken = (path: ByteString): boolean => this.taken.has(path);
    const isUnmade = (path: ByteString): boolean => this.unmade.has(path);
    this.largeFiles = new LargeFiles({
      tree: this.target,
      codec: codec(),
      onTaken,
      isTaken: (path) => isTaken(path) || isUnmade(path),
      onRefused: (path, refusal) => this.refuse(path, refusal),
    });
    this.extraction = new StreamExtraction({
      threads: resolveThreads(options.threads),
      memory: options.memory,
      tree: this.target,
      directories: this.directories,
      largeFiles: this.largeFiles,
      onTaken,
      isTaken,
      isUnmade,
      onBlocked: this.onBlocked,
      change: (change) => this.change(change),
      onWritten: (segment, { checksums, refused }, completed) => {
        const { files, parts } = segment;
        if (checksums !== null) this.noteAllWritten(segment, checksums);
        for (const { row, ...refusal } of refused) this.refuse(stringAt(files.paths, row), refusal);
        for (const { file, checksum } of completed) this.noteWritten(file.path, file.row, checksum);
        for (const size of files.sizes) this.progress.contentBytes += size;
        for (const { length } of parts) this.progress.contentBytes += length;
        this.options.onProgress?.(this.progress);
      },
      signal: options.signal,
    });
    this.members = new TarMembers({
      select: (path, memberKind) => this.choice.nameFor(path, memberKind),
      onSkipped: (path, typeFlag) => options.onSkipped?.(toText(path), skippedReason(typeFlag)),
      foreign: kind !== 'znip',
      ignoreZeros: kind !== 'znip' && options.ignoreZeros === true,
      names,
      renames: this.choice.renames,
      directories,
      onDoubt: (path, reason) => options.onDoubt?.(toText(path), reason),
      onAttributes: (path, attributes) => {
        const reason = attributesReason(attributes);
        if (reason === undefined) this.plainAttributes.add(toText(path));
        else options.onDoubt?.(toText(path), reason);
      },
      onRecorded: (path, xattrs) => {
        if (options.xattrs === undefined) this.unasked.add(path, xattrs);
      },
      onLeadingSlash: (path) => options.onNote?.(toText(path), LEADING_SLASH),
      onLostTarget: (path, target) => {
        this.onLost(
          path,
          `left out: it is a hard link to '${toText(target)}', which is not selected and has already passed; select it, too, or unpack from a file`,
        );
      },
      onPassed: (streamOffset) => void this.passed.add(streamOffset),
      onHeir: (name, heir) => this.arrived.setHeir(name, heir),
      onAny: (count) => this.limits.addMembers(count),
      plain: this.plainMembers(),
      onMember: (member, archived, streamOffset) => this.noteMember(member, archived, streamOffset),
      onFiles: (members, from, to, streamOffset) => this.noteFiles(members, from, to, streamOffset),
      owners: this.restoresOwners,
      xattrs: this.target.settings.xattrs !== undefined,
      holdsSpecial: this.target.settings.sameOwner && kind === 'znip',
      limits: this.limits,
      onRefused: (path, error) => this.losses.refuseEntry(path, error),
      onLeadsNowhere: (path, error) => this.losses.refuse(path, error),
    });
  }

  /** Reads members many at a time; undefined if more must be known about each than its header says. */
  private plainMembers(): PlainMembers | undefined {
    const native = core();
    if (native === undefined || !this.choice.isEverything) return undefined;
    return this.limits.areNarrow || this.restoresOwners ? undefined : new PlainMembers(native);
  }

  /** Owners are those of the headers. In znip's own archives, the index has them. */
  private get restoresOwners(): boolean {
    return this.target.settings.sameOwner && this.isForeign;
  }

  /** Unpacks what `feed` takes from a stream, as far as it gets, and finishes the tree. */
  async unpack(feed: () => Promise<void>): Promise<UnpackResult> {
    let failure: unknown;
    try {
      await feed();
    } catch (error) {
      failure = error;
      // What was submitted before is still written. If that fails, too, only the first failure is reported.
      await this.extraction.queue.halt.unless(this.extraction.queue.drain()).catch(() => {});
      if (this.options.signal?.aborted === true) throw error;
    }
    this.tellPlainAttributes();
    const incomplete = this.largeFiles.incomplete();
    try {
      this.largeFiles.discard();
      this.finish();
    } catch (error) {
      // Only the first failure is reported.
      failure ??= error;
    }
    if (failure !== undefined) {
      const arrival: Arrival = {
        allBlocks: this.allBlocks,
        members: this.arrived.size,
        whole: this.arrived.countWhole(),
        unfinished: incomplete[0]?.path ?? this.members.unfinished?.path,
      };
      if (!this.isForeign) throw explain(failure, arrival);
      const explained = explainForeign(failure, arrival);
      if (!this.losses.keepGoing || !isDamage(explained)) throw explained;
      this.losses.addDamage(explained);
    }
    this.choice.finish(this.options.name ?? 'standard input');
    this.losses.throwRefused();
    this.taken.throwIfAny(this.target.settings);
    const arrived = failure === undefined ? this.arrived.nameCount : this.arrived.countWhole();
    const members = arrived - this.countMissing();
    this.refused.throwIfNothing(members, this.taken.size);
    return {
      members,
      contentBytes: this.selectedBytes,
      kept: this.taken.size,
      lost: this.losses.count,
      refused: this.refused.count,
      elapsedMs: milliseconds() - this.start,
    };
  }

  /** How many names do not have the member that they should have. */
  private countMissing(): number {
    const { taken, losses, refused } = this;
    const isOther = (name: ByteString): boolean => this.arrived.has(name) && !taken.has(name);
    const lost = losses.countNames(isOther);
    return taken.size + lost + refused.countLeftOut((name) => isOther(name) && !losses.has(name));
  }

  async stop(): Promise<void> {
    // Stop the workers first: they use the target's descriptor.
    await this.extraction.stop();
    this.largeFiles.discard();
    closeTarget(this.target);
  }

  /** The name that a member gets; undefined if it is not wanted, or if the name is not allowed. */
  nameOf(path: ByteString, kind: number): ByteString | undefined {
    try {
      return this.choice.nameFor(path, kind);
    } catch (error) {
      this.losses.damage(error);
      return undefined;
    }
  }

  /** Whether the index must confirm a member: it was selected and not left out. */
  isWanted(path: ByteString, kind: number, streamOffset: number): boolean {
    return !this.passed.has(streamOffset) && this.nameOf(path, kind) !== undefined;
  }

  /** Whether `isWanted` is true of everything. */
  get wantsAll(): boolean {
    return this.choice.isEverything && this.passed.size === 0;
  }

  isTaken(path: ByteString): boolean {
    return this.taken.has(path);
  }

  /** Gives members what only the index has: nanoseconds and recorded owners. */
  async restore(agreed: readonly AgreedRun[]): Promise<void> {
    const { losses, taken, unmade, options } = this;
    const isDry = options.dryRun !== undefined;
    const setsTimes = !isDry && this.target.settings.mtime && core() !== undefined;
    if (setsTimes) await this.extraction.startLate(this.arrived.size);
    const restored = restore(agreed, {
      target: this.target,
      arrived: this.arrived,
      tree: this.members.tree,
      largeFiles: this.largeFiles,
      linked: this.linked,
      isLeft: (path) => losses.has(path),
      isTaken: (path) => taken.has(path),
      isWhole: losses.areNone && taken.size === 0 && unmade.size === 0 && !isDry,
      isDry,
      setTimes: (task) => this.extraction.setTimes(task),
      onRefused: (path, reason) => this.refuse(path, { written: true, reason }),
    });
    await this.unlessFailed(restored);
  }

  /** Takes members out of a chunk that ends at byte `archiveOffset` of the archive. */
  take(
    bytes: Buffer,
    streamOffset: number,
    complete: boolean,
    longest: number,
    archiveOffset: number,
    start = 0,
  ): ChunkMembers {
    const taken = this.members.take(bytes, streamOffset, complete, longest, start);
    for (const { files, parts } of taken.segments) {
      for (const size of files.sizes) this.selectedBytes += size;
      for (const { length } of parts) this.selectedBytes += length;
    }
    this.limits.checkRatio(this.selectedBytes, archiveOffset);
    return this.options.dryRun === undefined ? taken : { ...taken, segments: [] };
  }

  private tellPlainAttributes(): void {
    const { first } = this.plainAttributes;
    const reason = plainReason(this.plainAttributes);
    if (first !== undefined && reason !== undefined) this.options.onNote?.(first, reason);
    this.unasked.finish();
  }

  /** Finishes the tree, as far as it has arrived: links, then directories. */
  private finish(): void {
    if (this.options.dryRun !== undefined) {
      for (const path of dryRun(this.dryEntries(), this.target, this.options.dryRun)) this.taken.add(path);
      return;
    }
    this.makeRoomForLinks();
    finishTree({
      symlinks: this.members.tree.symlinks.values(),
      hardLinks: this.members.tree.finalLinks().filter((link) => this.isThere(link)),
      madeDirectories: this.directories,
      tree: this.target,
      taken: this.taken,
      onBlocked: this.onBlocked,
      onLost: this.onLost,
      onUnset: (path, reason) => this.refuse(path, { written: true, reason }),
      isLeft: (path) => this.losses.has(path) || this.unmade.has(path),
      linked: this.linked,
      attributed: this.members.tree.attributed,
    });
  }

  /** Removes the files of this run that links have replaced. */
  makeRoomForLinks(): void {
    // Nothing was written, so whatever has these names belongs to the user.
    if (this.options.dryRun !== undefined) return;
    const { replacedByLinks } = this.members.tree;
    for (const path of replacedByLinks) this.removeReplaced(path);
    replacedByLinks.clear();
  }

  private refuse(path: ByteString, refusal: { written: boolean; reason: string }): void {
    if (!refusal.written) this.unmade.add(path);
    this.refused.add(path, refusal);
  }

  /** A part of the stream is missing here, so the file that has not arrived completely is lost. */
  interrupt(): LargeFile | undefined {
    const unfinished = this.members.interrupt();
    if (unfinished !== undefined) this.unmade.add(unfinished.path);
    return unfinished;
  }

  /** Makes a change to what has been written, before a later member takes one of its names. */
  private change(change: Change): void {
    if (change.type === 'remove') {
      this.removeReplaced(change.path);
      // If a directory was in the way of the file, it now serves as the directory that comes.
      if (this.taken.has(change.path) && this.isDirectory(change.path)) this.taken.delete(change.path);
      return;
    }
    const { link } = change;
    if (!this.isLinkable(link) || !this.isOnDisk(link)) {
      this.unmade.add(link.path);
      return;
    }
    this.unmade.delete(link.path);
    createHardLinks([link], {
      madeDirectories: this.directories,
      tree: this.target,
      taken: this.taken,
      onBlocked: this.onBlocked,
      onLost: this.onLost,
      linked: this.linked,
    });
  }

  private isDirectory(path: ByteString): boolean {
    return this.directories.ensureParent(path) === undefined && isDirectory(path, this.target);
  }

  /** Whether the target of a hard link has arrived and is written. If not, the link is reported. */
  private isThere(link: HardLink): boolean {
    const { path, target } = link;
    if (this.losses.has(path) || !this.isLinkable(link)) return false;
    return this.arrived.isWritten(target) || this.loseLink(link);
  }

  private isOnDisk(link: HardLink): boolean {
    return nameExists(link.target, this.target) || this.loseLink(link);
  }

  private loseLink({ path, target }: HardLink): false {
    if (this.losses.keepGoing) this.losses.addLink(path, target);
    return false;
  }

  /** Whether a link can be made. A file that was kept for the user is no target: the link means another content. */
  private isLinkable({ path, target, symlink }: HardLink): boolean {
    // The symlink is made later, or the link takes its place.
    if (symlink !== undefined) return true;
    const isKept = this.taken.has(target);
    if (!isKept && !this.unmade.has(target)) return true;
    const why = isKept ? 'which was there before and is kept' : 'which is left out';
    this.onLost(
      path,
      `left out: it is a hard link to '${toText(target)}', ${why}; unpack from a file, or with \`overwrite\``,
    );
    return false;
  }

  /** Removes a file of this run that a link has replaced. A file that was kept for the user stays. */
  private removeReplaced(path: ByteString): void {
    if (!this.taken.has(path) && !this.unmade.has(path)) removeIfAny(path, this.target);
  }

  private *dryEntries(): Generator<NamedMember, void, undefined> {
    for (const member of this.arrived.last()) if (!this.losses.has(member.path)) yield member;
  }

  /** Waits for `work`, unless something that was submitted before fails first. */
  async unlessFailed<T>(work: Promise<T>): Promise<T> {
    return this.extraction.queue.failure.unless(work);
  }

  private noteMember(member: Member, archived: ByteString, streamOffset: number): number {
    this.limits.addContent(member.size, toText(archived));
    if (member.kind !== KIND.file) this.progress.members += 1;
    this.losses.forget(member.path);
    this.refused.forget(member.path);
    return this.arrived.add(archived, member, streamOffset);
  }

  private noteFiles(members: PlainMembers, from: number, to: number, streamOffset: number): number {
    for (let row = from; row < to; row++) {
      this.limits.addContent(members.sizes[row] ?? 0);
      if (!this.losses.areNone) this.losses.forget(members.path(row));
      if (!this.refused.isNone) this.refused.forget(members.path(row));
    }
    return this.arrived.addFiles(members, from, to, streamOffset);
  }

  private noteAllWritten({ files, rows }: Segment, checksums: Uint8Array): void {
    this.arrived.noteAllWritten(rows, checksums);
    this.progress.members += files.count;
    if (this.unmade.size === 0 && this.refused.isNone) return;
    for (let row = 0; row < files.count; row++) {
      this.unmade.delete(stringAt(files.paths, row));
      this.refused.forget(stringAt(files.paths, row));
    }
  }

  private noteWritten(path: ByteString, row: number, checksum: Uint8Array): void {
    this.arrived.noteWritten(row, checksum);
    this.unmade.delete(path);
    this.refused.forget(path);
    this.progress.members += 1;
  }

  /** There are bytes other than zeros after the end of a tar stream. The first of them is at this byte of it. */
  tellBehindEnd(streamOffset: number): void {
    this.options.onLost?.(
      this.options.name ?? 'standard input',
      `there are more bytes after the end of the tar stream, at byte ${streamOffset} of it, which are not read: if several archives are in a row, \`ignoreZeros\` reads all of them`,
    );
  }
}
