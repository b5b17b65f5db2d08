/**
 * One run that unpacks members in the order of a tar stream, wherever that comes from: what has arrived, what
 * is written, and the end of the tree. `unpack-blocks.ts`, `salvage.ts` and `unpack-tar.ts` feed it. Main thread.
 */
import { codec } from '../codec/codec.ts';
import { ZnipError } from '../errors.ts';
import { toText, type ByteString } from '../format/byte-string.ts';
import { CHECKSUM_LENGTH } from '../format/constants.ts';
import { KIND, type Member, NANOSECONDS } from '../format/entry.ts';
import { LEADING_SLASH } from '../format/remarks.ts';
import { resolveThreads } from '../ring/threads.ts';
import type { StreamKind } from '../stream/foreign-stream.ts';
import { ArrivedMembers, type NamedMember } from './arrived-members.ts';
import { Directories } from './directories.ts';
import { dryRun, type OnDryMember } from './dry-run.ts';
import { LargeFiles } from './large-files.ts';
import { type LimitOptions, Limits } from './limits.ts';
import type { KeepGoingOptions } from './lost.ts';
import { MemberChoice, type MemberChoiceOptions } from './member-choice.ts';
import { REPLACED_TARGET, refusedLink } from './member-tree.ts';
import type { IndexedAttributes } from './stream-check.ts';
import { StreamExtraction } from './stream-extraction.ts';
import { StreamLosses } from './stream-losses.ts';
import { type ChunkMembers, NO_FILES, TarMembers } from './tar-members.ts';
import { closeTarget, finishTree, openTarget, type TargetOptions } from './target.ts';
import type { TargetTree } from './target-tree.ts';
import type { UnpackProgress, UnpackResult } from './unpack.ts';
import { existsError, removeIfAny, restoreAttributes } from './write-file.ts';

export interface UnpackStreamOptions
  extends MemberChoiceOptions, TargetOptions, LimitOptions, KeepGoingOptions {
  /** For messages. Default: `standard input`. */
  name?: string;
  threads?: number;
  /** As for `unpack`; the length of the first chunk counts. */
  memory?: number;
  /** Called for each member that cannot be unpacked: devices, FIFOs, sparse files of foreign archives. */
  onSkipped?: (path: string, reason: string) => void;
  /** Called for each member that tar programs read differently: in what. */
  onDoubt?: (path: string, reason: string) => void;
  /** Called for what is done as every tar program does it, and is worth a word. */
  onNote?: (path: string, reason: string) => void;
  /** Called for each hard link that is left out because its file was not selected and has gone by. */
  onLost?: (path: string, reason: string) => void;
  /** Writes nothing: hears of each member that would be written or kept instead, when all have arrived. */
  dryRun?: OnDryMember;
  /** Totals are not known: they are 0. */
  onProgress?: (progress: UnpackProgress) => void;
  signal?: AbortSignal;
}

export class StreamRun {
  private readonly start = performance.now();
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
  /** Paths of hard links that were left out. */
  private readonly lost = new Set<ByteString>();
  private selectedBytes = 0;
  private readonly taken = new Set<ByteString>();
  /** Every block has arrived: only the index may be missing. */
  allBlocks = false;
  private readonly progress: UnpackProgress = { members: 0, contentBytes: 0, totalMembers: 0, totalBytes: 0 };

  constructor(options: UnpackStreamOptions, kind: StreamKind) {
    this.options = options;
    this.choice = new MemberChoice(options);
    this.limits = new Limits(options);
    this.losses = new StreamLosses(options);
    this.arrived = new ArrivedMembers(this.choice.renames);
    this.target = openTarget(options, options.dryRun !== undefined);
    this.directories = new Directories(this.target);
    this.largeFiles = new LargeFiles(this.target, codec());
    const onTaken = (path: ByteString): void => void this.taken.add(path);
    this.extraction = new StreamExtraction({
      threads: resolveThreads(options.threads),
      memory: options.memory,
      tree: this.target,
      directories: this.directories,
      largeFiles: this.largeFiles,
      onTaken,
      isTaken: (path) => this.taken.has(path),
      onWritten: (chunk, { checksums }, completed) => {
        chunk.files.paths.forEach((path, row) => {
          const checksum = checksums?.subarray(row * CHECKSUM_LENGTH, (row + 1) * CHECKSUM_LENGTH) ?? null;
          this.noteWritten(path, checksum);
        });
        for (const { file, checksum } of completed) this.noteWritten(file.path, checksum);
        for (const size of chunk.files.sizes) this.progress.contentBytes += size;
        for (const { length } of chunk.parts) this.progress.contentBytes += length;
        this.options.onProgress?.(this.progress);
      },
      signal: options.signal,
    });
    this.members = new TarMembers({
      select: (path, memberKind) => this.choice.nameFor(path, memberKind),
      onSkipped: (path, typeFlag) =>
        options.onSkipped?.(
          toText(path),
          `skipped: a tar member of type '${typeFlag}' is no file, directory or link`,
        ),
      onDoubt: (path, reason) => options.onDoubt?.(toText(path), reason),
      onLeadingSlash: (path) => options.onNote?.(toText(path), LEADING_SLASH),
      onLostTarget: (path, target) => {
        this.lost.add(path);
        options.onLost?.(
          toText(path),
          `left out: it is a hard link to '${toText(target)}', which is not selected and has gone by; select that too, or unpack from a file`,
        );
      },
      onAny: () => this.limits.addMembers(1),
      onMember: (member, archived, streamOffset) => this.noteMember(member, archived, streamOffset),
      owners: this.target.settings.sameOwner && kind !== 'znip',
      limits: this.limits,
      onRefused: (path, error) => {
        this.losses.addMember(path, this.losses.damage(error));
      },
    });
  }

  /** Unpacks what `feed` takes out of a stream, as far as it gets, and ends the tree. */
  async unpack(feed: () => Promise<void>): Promise<UnpackResult> {
    let failure: unknown;
    try {
      await feed();
    } catch (error) {
      failure = error;
      // What was submitted before still gets written; its own failure is not news.
      await this.extraction.halt.unless(this.extraction.drain()).catch(() => {});
      if (this.options.signal?.aborted === true) throw error;
    }
    const incomplete = this.largeFiles.incomplete();
    this.largeFiles.discard();
    try {
      this.finish();
    } catch (error) {
      // What went wrong first is what there is to know.
      failure ??= error;
    }
    if (failure !== undefined)
      throw this.explain(failure, incomplete[0]?.path ?? this.members.unfinished?.path);
    this.choice.finish(this.options.name ?? 'standard input');
    const paths = [...this.taken].map((path) => `${this.target.settings.target}${path}`);
    if (paths.length > 0 && this.target.settings.existing === 'fail') throw existsError(paths);
    const lostNames = this.losses.countNames((name) => this.arrived.has(name));
    return {
      members: this.arrived.nameCount - this.taken.size - lostNames,
      contentBytes: this.selectedBytes,
      kept: this.taken.size,
      lost: this.losses.count,
      elapsedMs: performance.now() - this.start,
    };
  }

  async stop(): Promise<void> {
    // The workers first: they reach into the target by its descriptor.
    await this.extraction.stop();
    this.largeFiles.discard();
    closeTarget(this.target);
  }

  /** The name that a member gets; undefined when it is not wanted, or must not have the one that it would get. */
  nameOf(path: ByteString, kind: number): ByteString | undefined {
    try {
      return this.choice.nameFor(path, kind);
    } catch (error) {
      this.losses.damage(error);
      return undefined;
    }
  }

  /** Whether the index must confirm a member: it was selected, and there was something to link to. */
  isWanted(path: ByteString, kind: number): boolean {
    return !this.lost.has(path) && this.nameOf(path, kind) !== undefined;
  }

  isTaken(path: ByteString): boolean {
    return this.taken.has(path);
  }

  /** Gives a member what only the index has: nanoseconds, and owners that are recorded. */
  restore({ name, kind, mode, mtime, owner: recorded }: IndexedAttributes): void {
    const owner = this.target.settings.sameOwner ? recorded : null;
    const later = this.members.directories.get(name) ?? this.members.symlinks.get(name);
    if (later !== undefined) Object.assign(later, { mtime, owner });
    if (this.options.dryRun !== undefined) this.arrived.setTime(name, mtime);
    else if (kind === KIND.file && !this.taken.has(name)) {
      if (owner !== null) restoreAttributes(name, { mode, mtime, owner }, this.target);
      else if (this.target.settings.mtime && mtime % NANOSECONDS !== 0n) this.target.setTime(name, mtime);
    }
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
    for (const size of taken.files.sizes) this.selectedBytes += size;
    for (const { length } of taken.parts) this.selectedBytes += length;
    this.limits.checkRatio(this.selectedBytes, archiveOffset);
    return this.options.dryRun === undefined ? taken : { ...taken, files: NO_FILES, parts: [] };
  }

  /** Links, then directories: the end of the tree, as far as it has arrived. */
  private finish(): void {
    if (this.options.dryRun !== undefined) {
      for (const path of dryRun(this.dryEntries(), this.target, this.options.dryRun)) this.taken.add(path);
      return;
    }
    for (const [path, directory] of this.members.directories) this.directories.announce(path, directory);
    const present = ({ path, target }: { path: ByteString; target: ByteString }): boolean => {
      if (this.arrived.isWritten(target) || this.taken.has(target)) return true;
      if (this.losses.keepGoing) this.losses.addLink(path, target);
      return false;
    };
    for (const path of this.members.replacedByLinks) this.removeReplaced(path);
    const replaced = this.members.takeReplacedTargets();
    finishTree({
      symlinks: this.members.symlinks.values(),
      hardLinks: [...this.members.hardLinks.values()].filter(present),
      madeDirectories: this.directories,
      tree: this.target,
      onTaken: (path) => void this.taken.add(path),
    });
    for (const { path, target } of replaced) {
      this.losses.addMember(path, this.losses.damage(refusedLink(path, target, REPLACED_TARGET)));
    }
  }

  /** Takes away a file of this run, which a link has replaced; what was kept for the user stays. */
  private removeReplaced(path: ByteString): void {
    if (!this.taken.has(path)) removeIfAny(path, this.target);
  }

  private *dryEntries(): Generator<NamedMember, void, undefined> {
    for (const member of this.arrived.last()) if (!this.losses.has(member.path)) yield member;
  }

  /** Waits for work, unless what was submitted before fails first. */
  async unlessFailed<T>(work: Promise<T>): Promise<T> {
    return this.extraction.failure.unless(work);
  }

  private noteMember(member: Member, archived: ByteString, streamOffset: number): void {
    this.arrived.add(archived, member, streamOffset);
    this.limits.addContent(member.size, toText(archived));
    if (member.kind !== KIND.file) this.progress.members += 1;
  }

  private noteWritten(path: ByteString, checksum: Uint8Array | null): void {
    if (checksum !== null) this.arrived.noteWritten(path, checksum);
    this.progress.members += 1;
  }

  /** Adds to a failure what it means for the tree. */
  private explain(failure: unknown, unfinished: ByteString | undefined): unknown {
    if (!(failure instanceof ZnipError) || failure.code !== 'truncated') return failure;
    if (this.allBlocks) {
      return new ZnipError(
        'truncated',
        `${failure.message}; all ${this.arrived.size} members are unpacked, but the index cannot confirm them`,
        failure.context,
        failure,
      );
    }
    const whole = this.arrived.countWhole();
    const partial =
      unfinished === undefined ? '' : ` '${toText(unfinished)}' had not arrived whole and is left out;`;
    return new ZnipError(
      'truncated',
      `${failure.message}; the ${whole} members that arrived whole are unpacked;${partial} what else is missing is not known, because the index did not arrive`,
      failure.context,
      failure,
    );
  }
}
