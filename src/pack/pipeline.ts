/**
 * Runs plans through to an archive: on this thread alone, or with a pool of workers and a writer thread.
 * Data flows one way: plans from here to the workers, chunks through the ring to the writer. Who makes the
 * plans may fill slots as well; otherwise the workers do.
 */
import { closeSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';
import type { Piscina } from 'piscina';
import { codec } from '../codec/codec.ts';
import { fromPlainError } from '../errors.ts';
import { FdSink, type Sink } from '../io/sink.ts';
import { deferred } from '../threads/deferred.ts';
import { Failure } from '../threads/failure.ts';
import { THREAD_LIMITS } from '../threads/memory.ts';
import { createRing, createSlot, Ring } from '../threads/ring.ts';
import { threadDied } from '../threads/thread-died.ts';
import { createThreadEnds, settleThreads } from '../threads/thread-ends.ts';
import { type ChunkReport, compressChunk } from './chunk/compress.ts';
import type { PackTaskResult, PackWorkerData } from './chunk/worker.ts';
import type { AcquireSlot, ChunkPlan } from './plan/chunk-plan.ts';
import { type ArchiveSummary, ArchiveWriter, type WriterSettings } from './write/archive-writer.ts';
import { createRelay, Relay } from './write/relay.ts';
import type { WriterMessage, WriterThreadData } from './write/writer-thread.ts';

export interface PipelineOptions {
  /** Worker threads; 1 runs everything on the calling thread. */
  threads: number;
  /** Slots of the ring, one at least; the calling thread alone needs one. */
  slots: number;
  settings: WriterSettings;
  /** Open for writing, so that the archive goes to its current position; or what takes it on this thread. */
  output: number | Sink;
  outputName: string;
  /** Called with what was noticed while a chunk was made. */
  onReport: (report: ChunkReport) => void;
  /** Called when a chunk is in the archive. */
  onChunk: (plan: ChunkPlan, archiveBytes: number) => void;
  signal: AbortSignal | undefined;
}

/** Makes the plans of an archive, the end of the tar stream last. Acquires the slots that it fills itself. */
export type PlanSource = (acquire: AcquireSlot) => Iterable<ChunkPlan> | AsyncIterable<ChunkPlan>;

export async function runPipeline(source: PlanSource, options: PipelineOptions): Promise<ArchiveSummary> {
  const { signal } = options;
  // The first cause that stops everything. Whatever waits races against it.
  const failure = new Failure();
  const onAbort = (): void => failure.fail(signal?.reason);
  signal?.throwIfAborted();
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    return await (options.threads === 1
      ? runInline(source, options, failure)
      : runThreads(source, options, failure));
  } finally {
    signal?.removeEventListener('abort', onAbort);
  }
}

/** The plans of a source, each of them awaited only as long as nothing has failed. */
async function* plansOf(
  source: PlanSource,
  acquire: AcquireSlot,
  failure: Failure,
): AsyncGenerator<ChunkPlan, void> {
  const plans = source(acquire);
  const iterator = Symbol.asyncIterator in plans ? plans[Symbol.asyncIterator]() : plans[Symbol.iterator]();
  let ended = false;
  try {
    for (;;) {
      const { done, value } = await failure.unless(Promise.resolve(iterator.next()));
      ended = done === true;
      if (done === true) return;
      yield value;
    }
  } finally {
    // Not awaited: it may be in the middle of waiting for input that never comes.
    if (!ended) void Promise.resolve(iterator.return?.()).catch(() => {});
  }
}

async function runInline(
  source: PlanSource,
  options: PipelineOptions,
  failure: Failure,
): Promise<ArchiveSummary> {
  const { settings, signal } = options;
  const zstd = codec();
  const slot = createSlot(settings.chunkSize);
  const { output, outputName } = options;
  const sink = typeof output === 'number' ? new FdSink(output, outputName, signal) : output;
  const writer = new ArchiveWriter(sink, settings, zstd);
  const sources = new LargeSources();
  try {
    for await (const plan of plansOf(source, async () => slot, failure)) {
      // All of this is synchronous with the fast codec: without a turn of the event loop no signal is heard.
      await setImmediate();
      signal?.throwIfAborted();
      sources.add(plan);
      options.onReport(await compressChunk(plan, slot, settings, zstd));
      await writer.append(plan, slot);
      sources.written(plan.sequence);
      options.onChunk(plan, sink.position);
    }
    return await writer.finish();
  } finally {
    writer.close();
    sources.closeAll();
  }
}

async function runThreads(
  source: PlanSource,
  options: PipelineOptions,
  failure: Failure,
): Promise<ArchiveSummary> {
  const { settings, threads, slots, output } = options;
  const memory = createRing(slots, settings.chunkSize);
  const ring = new Ring(memory);
  const sources = new LargeSources();
  const inFlight = new Map<number, ChunkPlan>();
  const done = deferred<ArchiveSummary>();
  const ends = createThreadEnds();
  let dead = false;

  const written = createRelay();
  const relay =
    typeof output === 'number' ? undefined : new Relay(written, output, (error) => failure.fail(error));
  const writer = await startWriter({
    ring: memory,
    settings,
    output: typeof output === 'number' ? output : written,
    outputName: options.outputName,
    ends,
  });
  const pool = await startPool(threads, { ring: memory, settings, ends });

  writer.on('message', (message: WriterMessage) => {
    if (message.type === 'failed') failure.fail(fromPlainError(message.error));
    else if (message.type === 'done') {
      // From here on its end is no failure.
      writer.removeAllListeners('exit');
      const { summary } = message;
      if (relay === undefined) done.resolve(summary);
      else void relay.settled().then(() => done.resolve(summary));
    } else if (message.type === 'bytes') relay?.take(message.bytes);
    else {
      const plan = inFlight.get(message.sequence);
      inFlight.delete(message.sequence);
      sources.written(message.sequence);
      if (plan !== undefined) options.onChunk(plan, message.archiveBytes);
    }
  });
  const onDeath = (which: string, cause?: unknown): void => {
    dead = true;
    failure.fail(threadDied(which, cause));
  };
  writer.on('error', (error) => onDeath('the writer thread', error));
  writer.on('exit', () => onDeath('the writer thread'));
  pool.on('error', (error: unknown) => onDeath('a worker thread', error));

  const acquire: AcquireSlot = async (sequence) => {
    await failure.unless(ring.acquire(sequence));
    return ring.slot(sequence);
  };
  const tasks = new Set<Promise<void>>();
  const compress = async (plan: ChunkPlan): Promise<void> => {
    try {
      const result = (await pool.run(plan)) as PackTaskResult;
      if (result.report !== undefined) options.onReport(result.report);
      if (result.error !== undefined) failure.fail(fromPlainError(result.error));
    } catch (error) {
      failure.fail(threadDied('a worker thread', error));
    }
  };

  try {
    for await (const plan of plansOf(source, acquire, failure)) {
      sources.add(plan);
      await acquire(plan.sequence);
      inFlight.set(plan.sequence, plan);
      writer.postMessage(plan);
      const task = compress(plan);
      tasks.add(task);
      void task.finally(() => tasks.delete(task));
    }
    const summary = await failure.unless(done.promise);
    // Every chunk is written, so every task has ended; their warnings may still be on the way.
    await failure.unless(Promise.all(tasks));
    return summary;
  } finally {
    await settleThreads(ends, threads + 1, tasks, () => dead);
    writer.removeAllListeners();
    await Promise.allSettled([writer.terminate(), pool.destroy()]);
    ring.close();
    sources.closeAll();
  }
}

async function startWriter(workerData: WriterThreadData): Promise<Worker> {
  const { Worker: Thread } = await import('node:worker_threads');
  // What it has opened itself, for parts of the index, is closed with it. The archive's descriptor is not its own.
  return new Thread(new URL('./writer-thread.cjs', import.meta.url), {
    workerData,
    trackUnmanagedFds: true,
    resourceLimits: THREAD_LIMITS,
  });
}

async function startPool(threads: number, workerData: PackWorkerData): Promise<Piscina> {
  const { Piscina: Pool } = await import('piscina');
  return new Pool({
    filename: new URL('./pack-worker.cjs', import.meta.url).href,
    minThreads: threads,
    maxThreads: threads,
    workerData,
    trackUnmanagedFds: false,
    resourceLimits: THREAD_LIMITS,
    // Histograms of waiting times, which nobody reads.
    recordTiming: false,
  });
}

/** Descriptors of large files, each open until the last chunk that reads from it is written. */
class LargeSources {
  private readonly lastUse = new Map<number, number>();

  add(plan: ChunkPlan): void {
    if (plan.filled !== null) return;
    for (const part of [plan.continuation, plan.overflow]) {
      // A spool is of many members, and its owner's.
      if (part?.spoolOffset === null) this.lastUse.set(part.fd, plan.sequence);
    }
  }

  /** Chunks up to `sequence` are written; a file is closed once its last part is among them. */
  written(sequence: number): void {
    // A file whose next part is not planned yet has `sequence` as its last use too: it is closed one
    // chunk later, when its last use has moved on or has not.
    for (const [fd, last] of this.lastUse) if (last < sequence) this.close(fd);
  }

  closeAll(): void {
    for (const fd of this.lastUse.keys()) this.close(fd);
  }

  private close(fd: number): void {
    this.lastUse.delete(fd);
    closeSync(fd);
  }
}
