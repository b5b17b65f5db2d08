/**
 * Runs plans through to an archive: on this thread alone, or with a pool of workers and a writer thread.
 * Data flows one way: plans from here to the workers, chunks through the ring to the writer. Who makes the
 * plans may fill slots as well; otherwise the workers do.
 */
import { setImmediate } from 'node:timers/promises';
import { codec } from '../codec/codec.ts';
import { FdSink } from '../io/sink.ts';
import { Failure } from '../threads/failure.ts';
import { createSlot } from '../threads/ring.ts';
import { type ChunkReport, compressChunk } from './chunk/compress.ts';
import { LargeSources } from './large-sources.ts';
import { PackThreads } from './pack-threads.ts';
import type { AcquireSlot, ChunkPlan } from './plan/chunk-plan.ts';
import type { ArchiveSummary, WriterSettings } from './write/archive-writer.ts';

export interface PipelineOptions {
  /** Worker threads; 1 runs everything on the calling thread. */
  threads: number;
  /** Slots of the ring, one at least; the calling thread alone needs one. */
  slots: number;
  settings: WriterSettings;
  /** Open for writing; the archive goes to its current position. */
  fd: number;
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
  const sink = new FdSink(options.fd, options.outputName, signal);
  // With threads, only the writer thread loads what writes tables.
  const { ArchiveWriter } = await import('./write/archive-writer.ts');
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
  const threads = await PackThreads.start(options, failure);
  try {
    for await (const plan of plansOf(source, threads.acquire, failure)) await threads.submit(plan);
    return await threads.finish();
  } finally {
    await threads.stop();
  }
}
