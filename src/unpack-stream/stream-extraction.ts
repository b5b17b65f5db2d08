/**
 * Extraction while the archive arrives: chunks are decoded and written in parallel, but split into members in order.
 * Main thread.
 */
import { ChunkQueue, type ChunkSlot, type InUse } from '../blocks/chunk-queue.ts';
import { decodeBlob } from '../blocks/decode-blob.ts';
import type { DecodeTask } from '../blocks/decode-worker.ts';
import { codec } from '../codec/codec.ts';
import type { ZnipError } from '../errors.ts';
import { stringAt } from '../format/values/byte-strings.ts';
import { isDamage } from '../rules/lost.ts';
import type { FileColumns } from '../target/chunk-files.ts';
import type { Directories, OnBlocked } from '../target/directories.ts';
import type { CompletedFile, LargeFiles } from '../target/large-files.ts';
import { makeRoom, type Prepared } from '../target/make-room.ts';
import type { TargetTree } from '../target/target-tree.ts';
import { writeChunk, type WrittenFiles } from '../target/write-files.ts';
import { setTimes, type TimesTask } from '../target/written-times.ts';
import { type ExtractPool, startExtractPool } from '../unpack/extract-pool.ts';
import type { WriteTask } from '../unpack/extract-worker.ts';
import { planReadMemory } from '../unpack/memory.ts';
import type { Change, Segment } from './segment.ts';
import type { ChunkMembers } from './tar-members.ts';

/** Slots besides one for each worker: one is filled from the stream, one waits to be split into members. */
const SPARE_SLOTS = 2;

/** With fewer members, starting threads takes about as long as they would save. */
const LATE_MEMBERS = 32_768;

export interface StreamExtractionOptions {
  threads: number;
  /** Bytes of memory that unpacking may take; undefined: no limit. */
  memory: number | undefined;
  tree: TargetTree;
  directories: Directories;
  largeFiles: LargeFiles;
  /** Called with what was written of a segment, in the order of the stream. */
  onWritten: (segment: Segment, written: WrittenFiles, completed: CompletedFile[]) => void;
  /** Makes a change to what has been written. Called when everything before it is written. */
  change: (change: Change) => void;
  onTaken: (path: string) => void;
  onBlocked: OnBlocked;
  /** Whether a name was taken by something that this run did not write. */
  isTaken: (path: string) => boolean;
  /** Whether the earlier member with this name was not written. Then whatever has the name is not from this run. */
  isUnmade: (path: string) => boolean;
  signal: AbortSignal | undefined;
}

export class StreamExtraction {
  private readonly options: StreamExtractionOptions;
  readonly queue: ChunkQueue<ExtractPool>;
  /** The workers that wrote end before the index comes, which needs their memory. These come after it. */
  private late: ExtractPool | undefined;

  constructor(options: StreamExtractionOptions) {
    this.options = options;
    const { threads, memory, signal } = options;
    this.queue = new ChunkQueue({
      plan: (chunkLength) =>
        planReadMemory(memory, threads, {
          chunkLength,
          blobLength: chunkLength,
          members: 0,
          spareSlots: SPARE_SLOTS,
        }),
      start: startExtractPool,
      signal,
    });
  }

  /**
   * Decodes the blob in a slot. When the turn of the chunk comes, splits it into members with `take`, and writes them.
   * If the chunk cannot be decoded, `take` gets the error, and may throw it.
   */
  submit(slot: ChunkSlot, task: DecodeTask, take: (damage?: ZnipError) => ChunkMembers): void {
    const { before } = this.queue;
    this.queue.push(slot, this.decode(task), (damage) => this.accept(task.chunk, take(damage), before));
  }

  /** Splits a chunk that needs no decoding into members, at once, and writes them. Returns what was in it. */
  submitPlain(slot: ChunkSlot, chunk: Uint8Array, take: () => ChunkMembers): ChunkMembers {
    const { before } = this.queue;
    const members = take();
    this.queue.push(slot, Promise.resolve(), () => this.accept(chunk, members, before));
    return members;
  }

  /**
   * Starts to write the members of a chunk, segment by segment; some segments must wait for everything before them.
   * Later chunks are not split until then. Resolves when all segments have been started.
   */
  private async accept(
    chunk: Uint8Array,
    { segments }: ChunkMembers,
    before: Promise<unknown>,
  ): Promise<InUse> {
    let written = before;
    for (const segment of segments) {
      if (segment.waits) {
        await written;
        for (const change of segment.changes) this.options.change(change);
      }
      const prepared = makeRoom(segment.files, segment.parts, this.options);
      const { rows, files } = prepared;
      const kept =
        rows === undefined ? segment.rows : Uint32Array.from(rows, (row) => segment.rows[row] ?? 0);
      written = this.writeSegment({ ...segment, files, rows: kept }, prepared, chunk, written);
      // Later work awaits it. Until then, a failure must not count as unhandled.
      written.catch(() => {});
    }
    return { until: written };
  }

  private async writeSegment(
    segment: Segment,
    { files, targets }: Prepared,
    chunk: Uint8Array,
    before: Promise<unknown>,
  ): Promise<void> {
    const { tree, largeFiles, onTaken, onWritten } = this.options;
    const { paths } = files;
    const written = await this.write({
      files: { ...files, replace: this.replacing(files) },
      parts: targets,
      chunk,
      settings: tree.settings,
    });
    await before;
    const completed = largeFiles.finishParts(segment.parts, chunk, written.hashed, () => {});
    for (const row of written.taken) onTaken(stringAt(paths, row));
    onWritten(segment, written, completed);
  }

  /** The rows that replace a file of this run. Files that were kept for the user are never replaced. */
  private replacing({ paths, replace }: FileColumns): number[] {
    const { isTaken, isUnmade } = this.options;
    return replace.filter((row) => !isTaken(stringAt(paths, row)) && !isUnmade(stringAt(paths, row)));
  }

  /** Starts workers for `setTimes`, if it pays for so many members. */
  async startLate(members: number): Promise<void> {
    const { threads, memory, signal } = this.options;
    const pays = members >= LATE_MEMBERS && threads > 1 && memory === undefined;
    if (pays) this.late = await startExtractPool(threads, signal);
  }

  /** Sets times of files that were written. Resolves to the rows that are left. */
  async setTimes(task: TimesTask): Promise<readonly number[]> {
    return this.late === undefined ? setTimes(task) : this.late.run('times', task);
  }

  /** Ends all workers. */
  async stop(): Promise<void> {
    await this.late?.stop();
    await this.queue.stop();
  }

  /** Resolves to the damage of the blob, if there is any. */
  private async decode(task: DecodeTask): Promise<ZnipError | undefined> {
    try {
      const { workers } = this.queue;
      if (workers === undefined) await decodeBlob(task.stored, task.chunk, task.frame, task.blob, codec());
      else await workers.run('decode', task);
      return undefined;
    } catch (error) {
      if (isDamage(error)) return error;
      throw error;
    }
  }

  private async write(task: WriteTask): Promise<WrittenFiles> {
    const { workers } = this.queue;
    if (workers !== undefined) return workers.run('write', task);
    const { tree } = this.options;
    return writeChunk(task, task.chunk, tree, codec());
  }
}
