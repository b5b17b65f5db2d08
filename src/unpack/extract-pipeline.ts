/**
 * Runs extraction jobs: on this thread alone, or on a pool of workers. Slots bound the memory: a job is
 * handed out only when one is free, and a slot with a part of a large file is free once that is hashed.
 * Workers read blobs from a file themselves; those of any other source are read here, into the slots.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { damagedMember, decodeBlob } from '../blocks/decode-blob.ts';
import { codec } from '../codec/codec.ts';
import type { Frame } from '../format/tables/frame-table.ts';
import type { ByteString } from '../format/values/byte-string.ts';
import type { ByteSource } from '../io/source.ts';
import { isDamage, lostMember, type LostMember } from '../rules/lost.ts';
import type { PartTarget } from '../target/chunk-files.ts';
import type { Directories, OnBlocked } from '../target/directories.ts';
import type { LargeFiles } from '../target/large-files.ts';
import { makeRoom } from '../target/make-room.ts';
import type { TargetTree } from '../target/target-tree.ts';
import { type RefusedFile, writeFiles, writeParts, type WrittenFiles } from '../target/write-files.ts';
import type { ChunkJob } from './extract-plan.ts';
import type { ExtractPool } from './extract-pool.ts';

export interface ExtractOptions {
  /** Workers, of which `threads` says how many there are; undefined: everything runs on this thread. */
  pool: ExtractPool | undefined;
  threads: number;
  /** Jobs that may be under way where there is a pool. */
  slots: number;
  source: ByteSource;
  frames: readonly Frame[];
  tree: TargetTree;
  directories: Directories;
  largeFiles: LargeFiles;
  /** Names that were taken. */
  onTaken: (path: ByteString) => void;
  /** Files that are passed over because their directory cannot be there. */
  onBlocked: OnBlocked;
  /** Files of which the file system refused something. */
  onRefused: (path: ByteString, refused: RefusedFile) => void;
  /** Files that are left out because they are damaged, when the run keeps going. */
  onLost: (path: ByteString, lost: LostMember) => void;
  onJob: (job: ChunkJob, completed: number) => void;
  signal: AbortSignal | undefined;
}

interface Slot {
  stored: Uint8Array;
  chunk: Uint8Array;
}

function createSlot(frames: readonly Frame[]): Slot {
  let longestChunk = 0;
  let longestBlob = 0;
  for (const frame of frames) {
    longestChunk = Math.max(longestChunk, frame.streamLength);
    longestBlob = Math.max(longestBlob, frame.blobLength);
  }
  return {
    stored: new Uint8Array(new SharedArrayBuffer(longestBlob)),
    chunk: new Uint8Array(new SharedArrayBuffer(longestChunk)),
  };
}

interface ReadyJob {
  job: ChunkJob;
  targets: PartTarget[];
}

/** Makes the directories and temporary files that a job writes into; the job is what can be written of it. */
function prepare(job: ChunkJob, options: ExtractOptions): ReadyJob {
  const { files, targets } = makeRoom(job.files, job.parts, options);
  return { job: files === job.files ? job : { ...job, files }, targets };
}

/** Takes in what was written of a job. `chunk` still holds its content. */
function finishJob(job: ChunkJob, written: WrittenFiles, chunk: Uint8Array, options: ExtractOptions): void {
  const { files, parts, blob, frame } = job;
  const place = { blob, offset: frame.blobOffset };
  for (const row of written.taken) options.onTaken(files.paths[row] ?? '');
  for (const refused of written.refused) options.onRefused(files.paths[refused.row] ?? '', refused);
  for (const row of written.damaged) {
    const path = files.paths[row] ?? '';
    options.onLost(path, { ...lostMember(path, damagedMember(path)), ...place });
  }
  const completed = options.largeFiles.finishParts(parts, chunk, ({ path }, cause) =>
    options.onLost(path, { ...lostMember(path, cause), ...place }),
  ).length;
  const left = written.refused.filter((refused) => !refused.written).length + written.damaged.length;
  options.onJob(job, files.count - written.taken.length - left + completed);
}

/** A job failed. When the run keeps going and it was for damage, its files are lost and nothing else is. */
function loseJob(job: ChunkJob, error: unknown, options: ExtractOptions): void {
  if (!options.tree.settings.keepGoing || !isDamage(error)) throw error;
  for (const path of job.files.paths) options.onLost(path, lostMember(path, error));
  for (const { path } of options.largeFiles.loseParts(job.parts))
    options.onLost(path, lostMember(path, error));
  options.onJob(job, 0);
}

export async function extractJobs(jobs: Iterable<ChunkJob>, options: ExtractOptions): Promise<void> {
  const { pool } = options;
  await (pool === undefined ? extractInline(jobs, options) : extractOnPool(jobs, pool, options));
}

async function extractInline(jobs: Iterable<ChunkJob>, options: ExtractOptions): Promise<void> {
  const { signal } = options;
  let slot: Slot | undefined;
  for (const job of jobs) {
    // All of this is synchronous with the fast codec: without a turn of the event loop no signal is heard.
    await turn();
    signal?.throwIfAborted();
    slot ??= createSlot(options.frames);
    const ready = prepare(job, options);
    try {
      finishJob(ready.job, await extractHere(ready, slot.chunk, options), slot.chunk, options);
    } catch (error) {
      loseJob(ready.job, error, options);
    }
  }
}

/** What a worker does with a job, on this thread. */
async function extractHere(
  { job, targets }: ReadyJob,
  memory: Uint8Array,
  { source, tree }: ExtractOptions,
): Promise<WrittenFiles> {
  const { frame, blob, files } = job;
  const chunk = memory.subarray(0, frame.streamLength);
  const stored = await source.read(frame.blobOffset, frame.blobLength);
  await decodeBlob(stored, chunk, frame, blob, codec());
  writeParts(targets, chunk, tree);
  return writeFiles(files, chunk, tree, codec());
}

async function readBlob(source: ByteSource, { blobOffset }: Frame, stored: Uint8Array): Promise<void> {
  stored.set(await source.read(blobOffset, stored.byteLength));
}

async function extractOnPool(
  jobs: Iterable<ChunkJob>,
  pool: ExtractPool,
  options: ExtractOptions,
): Promise<void> {
  const { source, slots } = options;
  const { settings } = options.tree;
  const { fd, name } = source;
  const free: Slot[] = Array.from({ length: slots }, () => createSlot(options.frames));
  const inFlight: { job: ChunkJob; slot: Slot; result: Promise<WrittenFiles> }[] = [];

  /** Takes in the oldest job's result: in order, so that large files are hashed in order. */
  const finishOldest = async (): Promise<void> => {
    const oldest = inFlight.shift();
    if (oldest === undefined) return;
    const { job, slot } = oldest;
    try {
      finishJob(job, await oldest.result, slot.chunk, options);
    } catch (error) {
      loseJob(job, error, options);
    }
    free.push(slot);
  };

  for (const planned of jobs) {
    const { job, targets } = prepare(planned, options);
    if (free.length === 0) await finishOldest();
    const slot = free.pop() as Slot;
    // The worker knows the number alone: whoever closes the archive meanwhile must not free it for another file.
    const release = source.hold?.();
    const { blob, frame, files } = job;
    const stored = slot.stored.subarray(0, frame.blobLength);
    const chunk = slot.chunk.subarray(0, frame.streamLength);
    const task = { fd, name, blob, frame, files, parts: targets, stored, chunk, settings };
    const result =
      fd === undefined
        ? pool.failure.unless(readBlob(source, frame, stored)).then(() => pool.run('extract', task))
        : pool.run('extract', task);
    // It is awaited in its turn; until then its failure is not unhandled.
    result.catch(() => {}).finally(release);
    inFlight.push({ job, slot, result });
  }
  while (inFlight.length > 0) await finishOldest();
}
