/**
 * Unpacks an archive while it arrives, in one pass: the library's `unpackStream`.
 *
 * Members come from the tar stream and the block headers; the index, which arrives last, is held against
 * what was written and supplies the nanoseconds of the times. Implements docs/format.md, "Reading".
 */
import { codec } from '../codec/codec.ts';
import { ZnipError } from '../errors.ts';
import { toText, type ByteString } from '../format/byte-string.ts';
import { CHECKSUM_LENGTH } from '../format/constants.ts';
import { KIND, type Member, NANOSECONDS } from '../format/entry.ts';
import type { Frame } from '../format/frame-table.ts';
import { resolveThreads } from '../ring/threads.ts';
import { type ArrivedMember, ArrivedMembers } from './arrived-members.ts';
import { checkBlock } from './block-check.ts';
import { type ArrivedBlock, BlockStream } from './block-stream.ts';
import { Directories } from './directories.ts';
import { dryRun, type OnDryMember } from './dry-run.ts';
import type { EntryRef } from './entries.ts';
import { detectStream, openTarStream, type StreamKind } from '../stream/foreign-stream.ts';
import { LargeFiles } from './large-files.ts';
import { type LimitOptions, Limits } from './limits.ts';
import type { KeepGoingOptions } from './lost.ts';
import { MemberChoice, type MemberChoiceOptions } from './member-choice.ts';
import { checkAgainstIndex, type IndexedAttributes } from './stream-check.ts';
import { salvageBlocks } from './salvage.ts';
import { StreamExtraction } from './stream-extraction.ts';
import { StreamLosses } from './stream-losses.ts';
import { type ByteStream, FdStream } from '../stream/byte-stream.ts';
import { REPLACED_TARGET, refusedLink } from './member-tree.ts';
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
  /** Called for each member that cannot be unpacked: devices, FIFOs, sparse files of foreign archives. */
  onSkipped?: (path: string, reason: string) => void;
  /** Called for each hard link that is left out because its file was not selected and has gone by. */
  onLost?: (path: string, reason: string) => void;
  /** Writes nothing: hears of each member that would be written or kept instead, when all have arrived. */
  dryRun?: OnDryMember;
  /** Totals are not known: they are 0. */
  onProgress?: (progress: UnpackProgress) => void;
  signal?: AbortSignal;
}

/** Tar streams of others are written in pieces of this much; longer members are put together from parts. */
const FOREIGN_CHUNK = 4 * 1024 * 1024;

/**
 * Unpacks what arrives on a descriptor: a znip archive, or a .tar, .tar.zst or .tar.gz of others.
 *
 * A stream that is cut short or damaged leaves the members that had arrived whole, and throws: `truncated`,
 * `damaged-block`, `inconsistent`, `unsafe-path`, `unsafe-link`, `not-an-archive`. Names that were taken
 * throw `exists`, after everything else is written, as with `unpack`. `limit` is thrown before anything is
 * written of the member that exceeds it.
 *
 * With `keep-newer`, an archive of znip replaces a file when its time is newer by whole seconds: the rest of
 * the time is in the index, which comes last.
 *
 * With `keepGoing`, what is damaged of a znip archive is told to `onDamaged` and counted in the result, and
 * everything else is unpacked. The index, when it comes, tells which members a damaged blob held.
 */
export async function unpackStream(fd: number, options: UnpackStreamOptions = {}): Promise<UnpackResult> {
  const stream = new FdStream(fd, options.name ?? 'standard input', options.signal);
  try {
    const kind = await detectStream(stream);
    const run = new StreamRun(options, kind);
    try {
      return await run.unpack(stream, kind);
    } finally {
      await run.stop();
    }
  } finally {
    await stream.close();
  }
}

/**
 * Unpacks all that is whole of a znip archive of which anything may be damaged or missing, the beginning too:
 * `unpackStream` with `keepGoing`, for what is not recognised as an archive any more. Throws `not-an-archive`
 * when there is no whole block in it. `frames` is a frame table that can be believed, or empty.
 */
export async function salvageStream(
  fd: number,
  options: UnpackStreamOptions,
  frames: readonly Frame[],
): Promise<UnpackResult> {
  const run = new StreamRun({ ...options, keepGoing: true }, 'znip', frames);
  const stream = new FdStream(fd, options.name ?? 'standard input', options.signal);
  try {
    return await run.unpack(stream, 'znip');
  } finally {
    await run.stop();
    await stream.close();
  }
}

class StreamRun {
  private readonly start = performance.now();
  private readonly options: UnpackStreamOptions;
  private readonly target: TargetTree;
  private readonly directories: Directories;
  private readonly largeFiles: LargeFiles;
  private readonly extraction: StreamExtraction;
  private readonly members: TarMembers;
  private readonly arrived: ArrivedMembers;
  private readonly choice: MemberChoice;
  private readonly limits: Limits;
  private readonly losses: StreamLosses;
  private readonly frames: readonly Frame[];
  /** Paths of hard links that were left out. */
  private readonly lost = new Set<ByteString>();
  private selectedBytes = 0;
  private readonly taken = new Set<ByteString>();
  /** Every block has arrived: only the index may be missing. */
  private allBlocks = false;
  private readonly progress: UnpackProgress = { members: 0, contentBytes: 0, totalMembers: 0, totalBytes: 0 };

  constructor(options: UnpackStreamOptions, kind: StreamKind, frames: readonly Frame[] = []) {
    this.frames = frames;
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
      tree: this.target,
      directories: this.directories,
      largeFiles: this.largeFiles,
      onTaken,
      isTaken: (path) => this.taken.has(path),
      onWritten: (chunk, { checksums }, completed) => {
        chunk.files.paths.forEach((path, row) => {
          const checksum = checksums?.slice(row * CHECKSUM_LENGTH, (row + 1) * CHECKSUM_LENGTH) ?? null;
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

  async unpack(stream: FdStream, kind: StreamKind): Promise<UnpackResult> {
    let failure: unknown;
    try {
      if (kind !== 'znip') await this.unpackTar(await openTarStream(stream, kind), stream);
      else if (this.losses.keepGoing) await this.salvage(stream);
      else await this.unpackBlocks(stream);
    } catch (error) {
      failure = error;
      // What was submitted before still gets written; its own failure is not news.
      await Promise.race([this.extraction.drain(), this.extraction.stopped]).catch(() => {});
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
    const lostNames = this.losses.countNames((name) => this.arrived.named(name).length > 0);
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

  private async unpackBlocks(stream: FdStream): Promise<void> {
    const { hash } = codec();
    const blocks = new BlockStream(stream, hash);
    await blocks.readPrologue();
    const arrivedBlocks: ArrivedBlock[] = [];
    for (let last = false; !last;) {
      const block = await this.unlessFailed(blocks.next());
      arrivedBlocks.push(block);
      const { header, number, blobOffset } = block;
      last = header.last;
      const slot = await this.extraction.takeSlot(header.blobLength, header.chunkLength);
      const stored = slot.stored.subarray(0, header.blobLength);
      const chunk = slot.chunk.subarray(0, header.chunkLength);
      await this.unlessFailed(blocks.readBlob(block, stored));
      const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
      const task = { blob: number, frame: { blobOffset, checksum: header.checksum }, stored, chunk };
      this.extraction.submit(slot, task, (damage) => {
        if (damage !== undefined) throw damage;
        const { continued } = this.members;
        const taken = this.take(bytes, header.streamOffset, true, 0, blobOffset + header.blobLength);
        const { firstHeader, consumed, ended } = taken;
        checkBlock(header, bytes, { continued, firstHeader, consumed, ended }, number, blobOffset);
        return taken;
      });
    }
    await this.unlessFailed(this.extraction.drain());
    this.allBlocks = true;
    await this.confirm(stream, arrivedBlocks);
  }

  /** Holds the index, which is all that is left of the stream, against what was unpacked. */
  private async confirm(stream: FdStream, arrivedBlocks: readonly ArrivedBlock[]): Promise<void> {
    const attributes = await checkAgainstIndex({
      stream,
      blocks: arrivedBlocks,
      arrived: this.arrived,
      isWanted: (path, kind) => !this.lost.has(path) && this.choice.nameFor(path, kind) !== undefined,
    });
    for (const indexed of attributes) this.restore(indexed);
  }

  /** Unpacks what is whole, by blocks, then by what is left of the index. */
  private async salvage(stream: FdStream): Promise<void> {
    const { losses } = this;
    const { blocks, cut } = await salvageBlocks({
      stream,
      extraction: this.extraction,
      members: this.members,
      losses,
      frames: this.frames,
      take: (bytes, { header, blobOffset }, start) =>
        this.take(bytes, header.streamOffset, true, 0, blobOffset + header.blobLength, start),
      nameFor: (path) => this.nameOf(path, KIND.file),
      unlessFailed: (work) => this.unlessFailed(work),
    });
    if (!cut) await this.confirmSalvaged(stream, blocks);
    this.loseUnwritten();
    losses.settle();
  }

  private async confirmSalvaged(stream: FdStream, blocks: readonly ArrivedBlock[]): Promise<void> {
    const { losses } = this;
    try {
      const attributes = await checkAgainstIndex({
        stream,
        blocks,
        arrived: this.arrived,
        isWanted: (path, kind) => !this.lost.has(path) && this.nameOf(path, kind) !== undefined,
        onFault: (error, ref) => this.noteFault(error, ref),
      });
      for (const indexed of attributes) if (!losses.has(indexed.name)) this.restore(indexed);
    } catch (error) {
      // The blocks are of a version that is known: so is the rest, or it is damaged.
      const unknown = error instanceof ZnipError && error.code === 'unsupported-version';
      losses.addDamage(unknown ? error : losses.damage(error));
    }
  }

  /** Something that the index says did not come, or is not so. */
  private noteFault(error: ZnipError, ref: EntryRef | undefined): void {
    const { losses } = this;
    losses.damage(error);
    if (ref === undefined) {
      // Blocks that are missing are not described by the frame table either: that is no news.
      if (!losses.hasRanges || error.code !== 'inconsistent') losses.addDamage(error);
      return;
    }
    const { batch, row } = ref;
    const name = this.nameOf(batch.path(row), batch.kinds[row] ?? 0);
    const start = batch.streamOffsets[row] ?? 0;
    if (name !== undefined) losses.addMemberAt(name, start - 1, start + (batch.sizes[row] ?? 0), error);
  }

  /** Files whose headers came and that nobody wrote, because something else in their chunk was refused. */
  private loseUnwritten(): void {
    if (this.options.dryRun !== undefined) return;
    for (const { path, kind, checksum } of this.arrived.last()) {
      if (kind === KIND.file && checksum === null && !this.taken.has(path)) {
        this.losses.addMember(path, this.losses.lastCause);
      }
    }
  }

  /** The name that a member gets; undefined when it is not wanted, or must not have the one that it would get. */
  private nameOf(path: ByteString, kind: number): ByteString | undefined {
    try {
      return this.choice.nameFor(path, kind);
    } catch (error) {
      this.losses.damage(error);
      return undefined;
    }
  }

  /** Gives a member what only the index has: nanoseconds, and owners that are recorded. */
  private restore({ name, kind, mode, mtime, owner: recorded }: IndexedAttributes): void {
    const owner = this.target.settings.sameOwner ? recorded : null;
    const later = this.members.directories.get(name) ?? this.members.symlinks.get(name);
    if (later !== undefined) Object.assign(later, { mtime, owner });
    if (this.options.dryRun !== undefined) {
      const member = this.arrived.named(name).at(-1);
      if (member !== undefined) member.mtime = mtime;
    } else if (kind === KIND.file && !this.taken.has(name)) {
      if (owner !== null) restoreAttributes(name, { mode, mtime, owner }, this.target);
      else if (this.target.settings.mtime && mtime % NANOSECONDS !== 0n) this.target.setTime(name, mtime);
    }
  }

  /** Takes members out of a chunk that ends at byte `archiveOffset` of the archive. */
  private take(
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

  private async unpackTar(stream: ByteStream, archive: ByteStream): Promise<void> {
    let rest: Uint8Array = new Uint8Array(0);
    let streamOffset = 0;
    for (let ended = false; !ended;) {
      const slot = await this.extraction.takeSlot(0, FOREIGN_CHUNK);
      slot.chunk.set(rest);
      const room = slot.chunk.subarray(rest.byteLength, FOREIGN_CHUNK);
      const read = await this.unlessFailed(stream.readInto(room));
      const length = rest.byteLength + read;
      const chunk = slot.chunk.subarray(0, length);
      const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, length);
      const taken = this.extraction.submitPlain(slot, chunk, () =>
        this.take(bytes, streamOffset, false, FOREIGN_CHUNK, archive.position),
      );
      ended = taken.ended;
      if (!ended && read < room.byteLength) {
        await this.unlessFailed(this.extraction.drain());
        // POSIX wants two zero records at the end; tar streams without them are common and complete.
        if (taken.consumed === length && this.members.unfinished === undefined) return;
        throw new ZnipError(
          'truncated',
          `${stream.name} ends at byte ${stream.position} of its tar stream, within a member`,
          {
            offset: stream.position,
          },
        );
      }
      rest = Uint8Array.from(chunk.subarray(taken.consumed));
      streamOffset += taken.consumed;
    }
    await this.unlessFailed(this.extraction.drain());
    // Whoever writes the stream may have padding left to write: take it, so that he sees no broken pipe.
    const sink = new Uint8Array(64 * 1024);
    while ((await stream.readInto(sink)) > 0);
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

  private *dryEntries(): Generator<ArrivedMember, void, undefined> {
    for (const member of this.arrived.last()) if (!this.losses.has(member.path)) yield member;
  }

  private async unlessFailed<T>(work: Promise<T>): Promise<T> {
    return Promise.race([work, this.extraction.failed]);
  }

  private noteMember(member: Member, archived: ByteString, streamOffset: number): void {
    const { path, kind, mode, mtime, size, linkTarget } = member;
    this.arrived.add(archived, {
      path,
      kind,
      mode,
      mtime,
      size,
      streamOffset,
      linkTarget,
      checksum: null,
    });
    this.limits.addContent(size, toText(archived));
    if (kind !== KIND.file) this.progress.members += 1;
  }

  private noteWritten(path: ByteString, checksum: Uint8Array | null): void {
    this.arrived.noteWritten(path, checksum);
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
