/**
 * Unpacks an archive into a directory by its index: the library's `unpack`.
 */
import type { Archive, EntrySelection } from '../archive/archive.ts';
import type { Entries } from '../archive/entries.ts';
import { streamOffset } from '../archive/link-meanings.ts';
import { type OnDoubt, UnaskedAttributes } from '../archive/remarks.ts';
import { codec } from '../codec/codec.ts';
import { ZnipError } from '../errors.ts';
import type { ByteString } from '../format/values/byte-string.ts';
import { KIND } from '../format/values/entry.ts';
import { type LimitOptions, Limits } from '../rules/limits.ts';
import { type KeepGoingOptions, lostLink } from '../rules/lost.ts';
import type { MemberChoiceOptions } from '../select/member-choice.ts';
import { Directories } from '../target/directories.ts';
import { dryRun, type DryEntry, type OnDryMember } from '../target/dry-run.ts';
import { LargeFiles } from '../target/large-files.ts';
import { LinkedFiles } from '../target/linked-files.ts';
import type { HardLink } from '../target/links.ts';
import { linkWithoutFile, type OnLost, RefusedMembers } from '../target/refusals.ts';
import { TakenNames } from '../target/taken-names.ts';
import { closeTarget, createLinks, finishXattrs, openTarget, type TargetOptions } from '../target/target.ts';
import type { TargetTree } from '../target/target-tree.ts';
import { milliseconds } from '../threads/clock.ts';
import type { MemoryPlan } from '../threads/memory.ts';
import { resolveThreads, INLINE_BYTES } from '../threads/thread-count.ts';
import { type ChangedOptions, checkChangedOptions } from './changed/options.ts';
import { chooseTree, selectedGroups } from './choose-tree.ts';
import { extractJobs } from './extract-pipeline.ts';
import { type ChunkJob, planJobs } from './extract-plan.ts';
import { type ExtractPool, startExtractPool } from './extract-pool.ts';
import { IndexLosses } from './index-losses.ts';
import { type MemberTree, noteXattrs } from './member-tree.ts';
import { planReadMemory } from './memory.ts';
import { type PlannedFile, runsOf } from './planned-files.ts';
import { Update, type UpdateResult } from './update.ts';

export type { ChangedAspect, ChangedOptions, MemberChange } from './changed/options.ts';
export type { UpdateResult } from './update.ts';

export interface UnpackOptions
  extends EntrySelection, MemberChoiceOptions, TargetOptions, LimitOptions, KeepGoingOptions, ChangedOptions {
  /** Worker threads, 1 to 256. Default: one for each core. */
  threads?: number | undefined;
  /**
   * About how many bytes of memory unpacking may use. If they are too few for all threads, fewer threads run. Default:
   * what the threads and the index need.
   */
  memory?: number | undefined;
  /** Write nothing. Called for each member that would be written or kept instead, in archive order. */
  dryRun?: OnDryMember | undefined;
  onProgress?: ((progress: UnpackProgress) => void) | undefined;
  /** Called for a member that loses a recorded access control list or capabilities, because nobody asked for `xattrs`. */
  onDoubt?: OnDoubt | undefined;
  /** Called once, if members lose attributes that only hold somebody's notes. */
  onNote?: OnDoubt | undefined;
  signal?: AbortSignal | undefined;
}

export interface UnpackProgress {
  members: number;
  contentBytes: number;
  totalMembers: number;
  totalBytes: number;
}

export interface UnpackResult {
  /** Members that were written, or that a dry run would have written. */
  members: number;
  /** Bytes of content of all selected members. */
  contentBytes: number;
  /** Members whose names existed already, and whose old files were kept. */
  kept: number;
  /** What was left out because it is damaged or refused, if the run keeps going. */
  lost: number;
  /** Members that the file system refused, or whose mode, owner or time it refused. They are told to `onLost`. */
  refused: number;
  /** How long it took, in milliseconds. */
  elapsedMs: number;
  /** With `changed`. Then `members` are those that were written. */
  update?: UpdateResult;
}

/** With fewer members than this, and less content than INLINE_BYTES, starting threads takes longer than the work. */
const INLINE_MEMBERS = 1000;

/**
 * Unpacks the selected members. Every content is verified before it is written. Files come before links, and directory
 * times come last.
 *
 * Throws ZnipError: `exists` if files exist already (everything else is written); before anything is written
 * `unsafe-path`, `unsafe-link`, `inconsistent`, `no-match` and `limit`, by an index whose hash has matched;
 * `damaged-block`, `damaged-member` or `truncated` if the archive is damaged; `io` if something cannot be written.
 * With `keepGoing`, damage in blobs, contents and sub-indexes, and refused names, are told to `onDamaged` and counted
 * in the result. Footer, manifest and frame table must still be whole.
 */
export function unpack(archive: Archive, options: UnpackOptions = {}): Promise<UnpackResult> {
  return unpackEntries(archive, options, undefined);
}

/** The same, with all entries of the archive if they have been read already. */
export async function unpackEntries(
  archive: Archive,
  options: UnpackOptions,
  read: Entries | undefined,
): Promise<UnpackResult> {
  const start = milliseconds();
  const limits = new Limits(options);
  checkChangedOptions(options);
  const { threads, slots } = await planThreads(archive, options);
  const run: Run = { start, threads, slots, limits, pool: undefined, read };
  // Workers load while this thread reads the index and checks the tree. If only what differs is written, that may be little.
  if (options.changed !== true) await startPool(run, mostWork(archive, options), options);
  try {
    return await unpackSelected(archive, options, run);
  } finally {
    await run.pool?.stop();
  }
}

/** Starts threads, if the work is worth it. */
async function startPool(run: Run, { members, contentBytes }: Work, options: UnpackOptions): Promise<void> {
  const isSmall = members < INLINE_MEMBERS && contentBytes < INLINE_BYTES;
  if (run.threads === 1 || options.dryRun !== undefined || isSmall) return;
  run.pool = await startExtractPool(run.threads, options.signal);
}

interface Work {
  members: number;
  contentBytes: number;
}

interface Run {
  start: number;
  threads: number;
  /** How many jobs may run at a time, if there is a pool. */
  slots: number;
  limits: Limits;
  pool: ExtractPool | undefined;
  /** All entries, if they have been read already. */
  read: Entries | undefined;
}

async function unpackSelected(archive: Archive, options: UnpackOptions, run: Run): Promise<UnpackResult> {
  const { limits, read } = run;
  const losses = new IndexLosses(options);
  const chosen = await chooseTree(archive, options, limits, losses, read);
  limits.addContent(chosen.contentBytes);
  limits.checkRatio(chosen.contentBytes, archive.source.byteLength);
  if (options.xattrs === undefined) tellUnasked(chosen, options);
  const overwrites = options.changed === true ? { existing: 'overwrite' as const, atomic: true } : {};
  const target = openTarget({ ...options, ...overwrites }, options.dryRun !== undefined);
  try {
    const update = options.changed === true ? await Update.plan(chosen, target, archive, options) : undefined;
    return await writeTree(archive, options, run, { tree: update?.tree ?? chosen, update, target, losses });
  } finally {
    // Stop the workers first: they use the target's descriptor.
    await run.pool?.stop();
    closeTarget(target);
  }
}

function tellUnasked({ attributed, directories }: MemberTree, options: UnpackOptions): void {
  const unasked = new UnaskedAttributes(options);
  for (const [path, { xattrs }] of attributed) unasked.add(path, xattrs);
  for (const [path, { xattrs }] of directories) if (xattrs !== undefined) unasked.add(path, xattrs);
  unasked.finish();
}

interface Job {
  tree: MemberTree;
  /** If only what differs is written. */
  update: Update | undefined;
  target: TargetTree;
  losses: IndexLosses;
}

async function writeTree(
  archive: Archive,
  options: UnpackOptions,
  run: Run,
  { tree, update, target, losses }: Job,
): Promise<UnpackResult> {
  const { start, threads, slots } = run;
  const { settings } = target;
  const refused = new RefusedMembers(options.onLost);
  const totalMembers =
    update?.members ?? tree.fileCount + tree.directories.size + tree.symlinks.length + tree.hardLinks.length;
  const result = (taken: TakenNames): UnpackResult => {
    losses.throwRefused();
    taken.throwIfAny(settings);
    const members = totalMembers - taken.size - losses.ofTree - refused.countLeftOut(() => true);
    refused.throwIfNothing(members, taken.size);
    return {
      members,
      contentBytes: tree.contentBytes,
      kept: taken.size,
      lost: losses.count,
      refused: refused.count,
      elapsedMs: milliseconds() - start,
      ...(update === undefined ? {} : { update: update.result(options.dryRun !== undefined) }),
    };
  };
  if (options.dryRun !== undefined && update === undefined) {
    return result(new TakenNames(dryRun(dryEntries(tree), target, options.dryRun)));
  }
  const taken = new TakenNames();
  update?.block(taken);
  if (options.dryRun !== undefined) {
    update?.tell(options.dryRun);
    return result(taken);
  }
  if (update !== undefined)
    await startPool(run, { members: tree.fileCount, contentBytes: tree.contentBytes }, options);
  const onTaken = (path: ByteString): void => taken.add(path);
  const onBlocked = (path: ByteString, block: ZnipError): void => {
    if (block.code === 'exists') taken.addBlocked(path, block);
    else if (block.code === 'io') onLost(path, `left out: ${block.message}`);
    else losses.block(path, block);
  };
  const onLost: OnLost = (path, reason) => refused.add(path, { written: false, reason });
  const largeFiles = new LargeFiles({
    tree: target,
    codec: codec(),
    onTaken,
    isTaken: (path) => taken.has(path),
    onRefused: (path, refusal) => refused.add(path, refusal),
  });
  try {
    const frames = await archive.frames();
    const directories = new Directories(target, tree.directories);
    update?.clear(directories);
    const progress: UnpackProgress = {
      members: 0,
      contentBytes: 0,
      totalMembers,
      totalBytes: tree.contentBytes,
    };
    const extract = (files: Iterable<PlannedFile>): Promise<void> =>
      extractJobs(planJobs(runsOf(files), frames, settings.sameOwner), {
        pool: run.pool,
        threads,
        slots,
        source: archive.source,
        frames,
        tree: target,
        directories,
        largeFiles,
        onTaken,
        onBlocked,
        onRefused: (path, refusal) => refused.add(path, refusal),
        onLost: (path, lost) => losses.add(path, lost),
        onJob: (job, completed) => {
          progress.members += completed;
          progress.contentBytes += jobBytes(job);
          options.onProgress?.(progress);
        },
        signal: options.signal,
      });
    await extract(tree.files);
    let hardLinks = tree.hardLinks.filter(({ path, target }) => {
      if (losses.has(target)) losses.add(path, lostLink(path, target));
      else if (refused.has(target)) onLost(path, linkWithoutFile(target));
      else return true;
      return false;
    });
    // A file that was kept for the user is not the file that the archive's links mean.
    const attributed = new Map(tree.attributed);
    for (;;) {
      const { standIns, links } = replaceKeptTargets(hardLinks, taken);
      for (const { ref, path } of standIns) noteXattrs(attributed, ref, path);
      hardLinks = links;
      if (standIns.length === 0) break;
      await extract(standIns);
    }
    const end = {
      ...tree,
      attributed,
      hardLinks,
      madeDirectories: directories,
      tree: target,
      taken,
      onBlocked,
      onLost,
      onUnset: (path: ByteString, reason: string) => refused.add(path, { written: true, reason }),
      isLeft: (path: ByteString) => losses.has(path) || refused.has(path),
      linked: new LinkedFiles(),
    };
    createLinks(end);
    finishXattrs(end);
    const isWhole = taken.size === 0 && losses.count === 0 && refused.isNone;
    update?.settle(isWhole);
    update?.finish(isWhole, directories);
    directories.finish(end);
  } finally {
    // Stop the workers first: they use these files.
    await run.pool?.stop();
    largeFiles.discard();
    update?.settle(false);
  }
  return result(taken);
}

/**
 * If the name of a file was taken, the first hard link to it becomes the file itself, with its content. The other links
 * lead to that one.
 */
function replaceKeptTargets(
  hardLinks: readonly HardLink[],
  taken: TakenNames,
): { standIns: PlannedFile[]; links: HardLink[] } {
  const standIns = new Map<ByteString, PlannedFile>();
  const links: HardLink[] = [];
  for (const link of hardLinks) {
    const { path, target, file } = link;
    if (file === undefined || !taken.has(target)) links.push(link);
    else {
      const first = standIns.get(target);
      if (first === undefined) standIns.set(target, { ref: file, path });
      else links.push({ ...link, target: first.path });
    }
  }
  return {
    standIns: [...standIns.values()].sort((a, b) => streamOffset(a.ref) - streamOffset(b.ref)),
    links,
  };
}

/** Jobs that are ready, besides one for each worker, so that no worker waits for the main thread. */
const SPARE_SLOTS = 1;

/** As many threads as fit into memory. Each slot has room for the longest blob and the longest chunk. */
async function planThreads(archive: Archive, options: UnpackOptions): Promise<MemoryPlan> {
  const threads = resolveThreads(options.threads);
  const needs = { chunkLength: 0, blobLength: 0, members: 0, spareSlots: SPARE_SLOTS };
  if (options.memory !== undefined) {
    for (const { members } of selectedGroups(archive, options)) needs.members += members;
    for (const { streamLength, blobLength } of await archive.frames()) {
      needs.chunkLength = Math.max(needs.chunkLength, streamLength);
      needs.blobLength = Math.max(needs.blobLength, blobLength);
    }
  }
  return planReadMemory(options.memory, threads, needs);
}

/** What the members may come to that may be selected. Only the manifest is known at this point. */
function mostWork(archive: Archive, options: UnpackOptions): Work {
  let members = 0;
  let contentBytes = 0;
  for (const group of selectedGroups(archive, options)) {
    members += group.members;
    contentBytes += group.contentBytes;
  }
  return { members, contentBytes };
}

function* dryEntries(tree: MemberTree): Generator<DryEntry, void, undefined> {
  const entries = new Map<ByteString, { kind: number; mtime: bigint }>();
  for (const { ref, path } of tree.files) {
    entries.set(path, { kind: KIND.file, mtime: ref.batch.mtimes[ref.row] ?? 0n });
  }
  for (const [path, { mtime }] of tree.directories) entries.set(path, { kind: KIND.directory, mtime });
  for (const { path, mtime } of tree.symlinks) entries.set(path, { kind: KIND.symlink, mtime });
  for (const { path, mtime } of tree.hardLinks) entries.set(path, { kind: KIND.hardlink, mtime });
  for (const path of tree.names) {
    const entry = entries.get(path);
    if (entry !== undefined) yield { path, ...entry };
  }
}

function jobBytes({ files, parts }: ChunkJob): number {
  let total = 0;
  for (const size of files.sizes) total += size;
  for (const { length } of parts) total += length;
  return total;
}
