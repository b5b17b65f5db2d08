/**
 * Extraction while the archive arrives: chunks are decoded and written in parallel, taken apart in order.
 * Slots bound the memory: nothing more is read from the stream until one is free. Main thread.
 */
import { decodeBlob } from '../blocks/decode-blob.ts';
import type { DecodeTask } from '../blocks/decode-worker.ts';
import { codec } from '../codec/codec.ts';
import type { ZnipError } from '../errors.ts';
import { isDamage } from '../rules/lost.ts';
import type { FileColumns } from '../target/chunk-files.ts';
import type { Directories, OnBlocked } from '../target/directories.ts';
import type { CompletedFile, LargeFiles } from '../target/large-files.ts';
import { makeRoom, type Prepared } from '../target/make-room.ts';
import type { TargetTree } from '../target/target-tree.ts';
import { writeFiles, writeParts, type WrittenFiles } from '../target/write-files.ts';
import { Failure } from '../threads/failure.ts';
import { INLINE_BYTES } from '../threads/thread-count.ts';
import { type ExtractPool, startExtractPool } from '../unpack/extract-pool.ts';
import type { WriteTask } from '../unpack/extract-worker.ts';
import { planReadMemory } from '../unpack/memory.ts';
import type { Change, Segment } from './segment.ts';
import type { ChunkMembers } from './tar-members.ts';

export interface StreamSlot {
  /** Takes a blob. */
  stored: Uint8Array;
  /** Takes a chunk. */
  chunk: Uint8Array;
}

/** Slots beyond one for each worker: one is filled from the stream, one waits to be taken apart. */
const SPARE_SLOTS = 2;

/** All of a chunk is being written. In an object, so that whoever awaits this does not await that, too. */
interface UnderWay {
  written: Promise<unknown>;
}

export interface StreamExtractionOptions {
  threads: number;
  /** Bytes of memory that unpacking may take; undefined: no bound. */
  memory: number | undefined;
  tree: TargetTree;
  directories: Directories;
  largeFiles: LargeFiles;
  /** What was written of a segment; called in the order of the stream. */
  onWritten: (segment: Segment, written: WrittenFiles, completed: CompletedFile[]) => void;
  /** Makes a change to what has been written; called when all before it is. */
  change: (change: Change) => void;
  onTaken: (path: string) => void;
  onBlocked: OnBlocked;
  /** Whether a name was taken, by something that this run did not write. */
  isTaken: (path: string) => boolean;
  /** Whether the member before of this name was not written, so that what has the name is not of this run. */
  isUnmade: (path: string) => boolean;
  signal: AbortSignal | undefined;
}

export class StreamExtraction {
  private readonly options: StreamExtractionOptions;
  private readonly free: StreamSlot[] = [];
  private threads: number;
  private readonly waiting: ((slot: StreamSlot) => void)[] = [];
  /** What has gone wrong, as soon as it has: for whoever waits for the stream meanwhile. */
  readonly failure = new Failure();
  /** A thread has died or the caller's signal has fired: what was submitted may never end. */
  readonly halt = new Failure();
  private readonly onAbort = (): void => this.stopFor(this.options.signal?.reason);
  private pool: ExtractPool | undefined;
  private arrived = 0;
  /** The chunk before has been taken apart; it and all before it are written. */
  private accepted: Promise<unknown> = Promise.resolve();
  private finished: Promise<unknown> = Promise.resolve();

  constructor(options: StreamExtractionOptions) {
    this.options = options;
    this.threads = options.threads;
    options.signal?.addEventListener('abort', this.onAbort, { once: true });
  }

  /** A free slot with room for a blob and a chunk of these lengths. Throws what has gone wrong meanwhile. */
  async takeSlot(blobLength: number, chunkLength: number): Promise<StreamSlot> {
    this.options.signal?.throwIfAborted();
    if (this.arrived === 0) this.makeSlots(chunkLength);
    this.arrived += chunkLength;
    if (this.pool === undefined && this.threads > 1 && this.arrived > INLINE_BYTES) {
      const { threads } = this;
      const { signal } = this.options;
      this.pool = await startExtractPool(threads, signal);
      this.pool.failure.onFail((error) => this.stopFor(error));
    }
    const slot =
      this.free.pop() ??
      (await this.failure.unless(new Promise<StreamSlot>((resolve) => this.waiting.push(resolve))));
    if (slot.stored.byteLength < blobLength) slot.stored = new Uint8Array(new SharedArrayBuffer(blobLength));
    if (slot.chunk.byteLength < chunkLength) slot.chunk = new Uint8Array(new SharedArrayBuffer(chunkLength));
    return slot;
  }

  /**
   * Decodes the blob in a slot, then takes the chunk apart with `take` when its turn comes, and writes it.
   * `take` gets what is wrong with the chunk when it cannot be decoded, and may throw it.
   */
  submit(slot: StreamSlot, task: DecodeTask, take: (damage?: ZnipError) => ChunkMembers): void {
    this.enqueue(slot, task.chunk, this.decode(task), take);
  }

  /** Takes a chunk that needs no decoding apart, at once, and writes it. Returns what was in it. */
  submitPlain(slot: StreamSlot, chunk: Uint8Array, take: () => ChunkMembers): ChunkMembers {
    const members = take();
    this.enqueue(slot, chunk, Promise.resolve(undefined), () => members);
    return members;
  }

  /** Resolves when all that was submitted is written; throws the first thing that went wrong. */
  async drain(): Promise<void> {
    await this.finished;
  }

  /** All is written: ends the threads and lets go of the slots, because what follows may need the room. */
  async endThreads(): Promise<void> {
    this.free.length = 0;
    await this.pool?.stop();
  }

  async stop(): Promise<void> {
    this.options.signal?.removeEventListener('abort', this.onAbort);
    await this.endThreads();
  }

  /** As many slots, and then threads, as there is memory for, by the length of the first chunk. */
  private makeSlots(chunkLength: number): void {
    const { memory, threads } = this.options;
    const plan = planReadMemory(memory, threads, {
      chunkLength,
      blobLength: chunkLength,
      members: 0,
      spareSlots: SPARE_SLOTS,
    });
    this.threads = plan.threads;
    for (let i = 0; i < plan.slots; i++) {
      this.free.push({ stored: new Uint8Array(0), chunk: new Uint8Array(0) });
    }
  }

  private stopFor(reason: unknown): void {
    this.halt.fail(reason);
    this.failure.fail(reason);
  }

  private enqueue(
    slot: StreamSlot,
    chunk: Uint8Array,
    decoded: Promise<ZnipError | undefined>,
    take: (damage?: ZnipError) => ChunkMembers,
  ): void {
    const before = this.finished;
    const accepted = this.accept(chunk, decoded, { accepted: this.accepted, written: before }, take);
    const finished = this.finish(slot, accepted);
    this.accepted = accepted;
    this.finished = finished;
    accepted.catch(() => {});
    finished.catch((error: unknown) => this.failure.fail(error));
    decoded.catch(() => {});
  }

  /**
   * Takes a chunk apart when its turn comes, and starts to write it: segment by segment, where one has to wait for
   * what comes before it. Chunks behind it are not taken apart until then. Resolves when all of it is under way.
   */
  private async accept(
    chunk: Uint8Array,
    decoded: Promise<ZnipError | undefined>,
    before: { accepted: Promise<unknown>; written: Promise<unknown> },
    take: (damage?: ZnipError) => ChunkMembers,
  ): Promise<UnderWay> {
    await before.accepted;
    const { segments } = take(await decoded);
    let { written } = before;
    for (const segment of segments) {
      if (segment.waits) {
        await written;
        for (const change of segment.changes) this.options.change(change);
      }
      const prepared = makeRoom(segment.files, segment.parts, this.options);
      const { rows, files } = prepared;
      const kept = rows === undefined ? segment.rows : rows.map((row) => segment.rows[row] ?? 0);
      written = this.writeSegment({ ...segment, files, rows: kept }, prepared, chunk, written);
      // It is awaited by what comes behind it; until then its failure is not unhandled.
      written.catch(() => {});
    }
    return { written };
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
    const completed = largeFiles.finishParts(segment.parts, chunk, () => {});
    for (const row of written.taken) onTaken(paths[row] ?? '');
    onWritten(segment, written, completed);
  }

  /** The rows that replace a file of this run: never what was kept for the user. */
  private replacing({ paths, replace }: FileColumns): number[] {
    const { isTaken, isUnmade } = this.options;
    return replace.filter((row) => !isTaken(paths[row] ?? '') && !isUnmade(paths[row] ?? ''));
  }

  private async finish(slot: StreamSlot, accepted: Promise<UnderWay>): Promise<void> {
    const { written } = await accepted;
    await written;
    this.release(slot);
  }

  private release(slot: StreamSlot): void {
    const next = this.waiting.shift();
    if (next === undefined) this.free.push(slot);
    else next(slot);
  }

  /** Resolves to what is wrong with the blob, if anything is. */
  private async decode(task: DecodeTask): Promise<ZnipError | undefined> {
    try {
      if (this.pool === undefined) await decodeBlob(task.stored, task.chunk, task.frame, task.blob, codec());
      else await this.pool.run('decode', task);
      return undefined;
    } catch (error) {
      if (isDamage(error)) return error;
      throw error;
    }
  }

  private async write(task: WriteTask): Promise<WrittenFiles> {
    if (this.pool !== undefined) return this.pool.run('write', task);
    const { tree } = this.options;
    writeParts(task.parts, task.chunk, tree);
    return writeFiles(task.files, task.chunk, tree, codec());
  }
}
