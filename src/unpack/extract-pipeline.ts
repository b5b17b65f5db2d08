/**
 * Runs extraction jobs, on this thread alone or on a pool of workers. Slots limit the memory: a job starts only when a
 * slot is free. A slot with a part of a large file is free once that part is hashed. Workers read blobs from a file
 * themselves. Blobs from any other source are read here, into the slots.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { ChunkQueue } from '../blocks/chunk-queue.ts';
import { damagedMember, decodeBlob } from '../blocks/decode-blob.ts';
import { codec } from '../codec/codec.ts';
import { ZnipError } from '../errors.ts';
import type { Frame } from '../format/tables/frame-table.ts';
import type { ByteString } from '../format/values/byte-string.ts';
import { stringAt } from '../format/values/byte-strings.ts';
import type { ByteSource } from '../io/source.ts';
import { isDamage, lostMember, type LostMember } from '../rules/lost.ts';
import type { PartTarget } from '../target/chunk-files.ts';
import type { Directories, OnBlocked } from '../target/directories.ts';
import type { LargeFiles } from '../target/large-files.ts';
import { makeRoom } from '../target/make-room.ts';
import type { TargetTree } from '../target/target-tree.ts';
import { type RefusedFile, writeChunk, type WrittenFiles } from '../target/write-files.ts';
import type { ChunkJob } from './extract-plan.ts';
import { type ExtractPool, startExtractPool } from './extract-pool.ts';

export interface ExtractOptions {
  /** The workers; `threads` is their number. undefined: everything runs on this thread. */
  pool: ExtractPool | undefined;
  threads: number;
  /** How many jobs may run at a time, if there is a pool. */
  slots: number;
  source: ByteSource;
  frames: readonly Frame[];
  tree: TargetTree;
  directories: Directories;
  largeFiles: LargeFiles;
  /** Called for names that were taken. */
  onTaken: (path: ByteString) => void;
  /** Called for files that are left out because their directory cannot be made. */
  onBlocked: OnBlocked;
  /** Called for files about which the file system refused something. */
  onRefused: (path: ByteString, refused: RefusedFile) => void;
  /** Called for files that are left out because they are damaged, if the run keeps going. */
  onLost: (path: ByteString, lost: LostMember) => void;
  onJob: (job: ChunkJob, completed: number) => void;
  signal: AbortSignal | undefined;
}

interface ReadyJob {
  job: ChunkJob;
  targets: PartTarget[];
}

/** Makes the directories and temporary files that a job writes into. The resulting job has only what can be written. */
function prepare(job: ChunkJob, options: ExtractOptions): ReadyJob {
  const { files, targets } = makeRoom(job.files, job.parts, options);
  return { job: files === job.files ? job : { ...job, files }, targets };
}

/** Records what a job has written. `chunk` still holds its content. */
function finishJob(job: ChunkJob, written: WrittenFiles, chunk: Uint8Array, options: ExtractOptions): void {
  const { files, parts, blob, frame } = job;
  const place = { blob, offset: frame.blobOffset };
  for (const row of written.taken) options.onTaken(stringAt(files.paths, row));
  for (const refused of written.refused) options.onRefused(stringAt(files.paths, refused.row), refused);
  for (const row of written.damaged) {
    const path = stringAt(files.paths, row);
    options.onLost(path, { ...lostMember(path, damagedMember(path)), ...place });
  }
  const completed = options.largeFiles.finishParts(parts, chunk, written.hashed, ({ path }, cause) =>
    options.onLost(path, { ...lostMember(path, cause), ...place }),
  ).length;
  const left = written.refused.filter((refused) => !refused.written).length + written.damaged.length;
  options.onJob(job, files.count - written.taken.length - left + completed);
}

/** A job failed because of damage: only its files are lost. */
function loseJob(job: ChunkJob, damage: ZnipError, options: ExtractOptions): void {
  for (let row = 0; row < job.files.count; row++) {
    const path = stringAt(job.files.paths, row);
    options.onLost(path, lostMember(path, damage));
  }
  for (const { path } of options.largeFiles.loseParts(job.parts))
    options.onLost(path, lostMember(path, damage));
  options.onJob(job, 0);
}

function longest(frames: readonly Frame[], lengthOf: (frame: Frame) => number): number {
  return frames.reduce((most, frame) => Math.max(most, lengthOf(frame)), 0);
}

export async function extractJobs(jobs: Iterable<ChunkJob>, options: ExtractOptions): Promise<void> {
  const { pool, slots, signal, tree } = options;
  const queue = new ChunkQueue<ExtractPool>({
    plan: () => (pool === undefined ? { threads: 1, slots: 1 } : { threads: options.threads, slots }),
    start: startExtractPool,
    workers: pool,
    signal,
  });
  const keepGoing = tree.settings.keepGoing;
  // Each slot is made once, for the longest: a slot that grows takes more than it needs.
  const longestChunk = longest(options.frames, ({ streamLength }) => streamLength);
  const longestBlob = pool === undefined ? 0 : longest(options.frames, ({ blobLength }) => blobLength);
  try {
    for (const planned of jobs) {
      // With the native core, all of this is synchronous: without a turn of the event loop, znip would notice no signal.
      if (pool === undefined) await turn();
      const { blobLength, streamLength } = planned.frame;
      const slot = await queue.take(longestBlob, longestChunk);
      const ready = prepare(planned, options);
      const { job } = ready;
      const chunk = slot.chunk.subarray(0, streamLength);
      const written =
        pool === undefined
          ? extractHere(ready, chunk, options)
          : extractThere(ready, slot.stored.subarray(0, blobLength), chunk, pool, options);
      queue.push(slot, keepGoing ? orDamage(written) : written, (result) => {
        if (result instanceof ZnipError) loseJob(job, result, options);
        else finishJob(job, result, chunk, options);
      });
    }
    await queue.drain();
  } finally {
    await queue.stop();
  }
}

/** On a worker. */
async function extractThere(
  { job: { blob, frame, files }, targets: parts }: ReadyJob,
  stored: Uint8Array,
  chunk: Uint8Array,
  pool: ExtractPool,
  { source, tree: { settings } }: ExtractOptions,
): Promise<WrittenFiles> {
  const { fd, name } = source;
  // The worker knows only the number. If the archive is closed meanwhile, another file must not get this number.
  const release = source.hold?.();
  try {
    // Workers can read only from files. Any other source is read here, into the slot.
    if (fd === undefined) await pool.failure.unless(readBlob(source, frame, stored));
    return await pool.run('extract', { fd, name, blob, frame, files, parts, stored, chunk, settings });
  } finally {
    release?.();
  }
}

async function readBlob(source: ByteSource, { blobOffset }: Frame, stored: Uint8Array): Promise<void> {
  stored.set(await source.read(blobOffset, stored.byteLength));
}

/** Does on this thread what a worker would do. */
async function extractHere(
  { job: { blob, frame, files }, targets: parts }: ReadyJob,
  chunk: Uint8Array,
  { source, tree }: ExtractOptions,
): Promise<WrittenFiles> {
  const stored = await source.read(frame.blobOffset, frame.blobLength);
  await decodeBlob(stored, chunk, frame, blob, codec());
  return writeChunk({ files, parts }, chunk, tree, codec());
}

async function orDamage(written: Promise<WrittenFiles>): Promise<WrittenFiles | ZnipError> {
  try {
    return await written;
  } catch (error) {
    if (isDamage(error)) return error;
    throw error;
  }
}
