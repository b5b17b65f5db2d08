/**
 * Turns plans into an archive: on this thread alone, or with a pool of workers and a writer thread. Data flows one way:
 * plans go from here to the workers, and chunks through the ring to the writer. The source of the plans may fill slots
 * itself; otherwise the workers fill them.
 */
import { setImmediate } from 'node:timers/promises';
import { codec } from '../codec/codec.ts';
import { FdSink } from '../io/sink.ts';
import { Failure } from '../threads/failure.ts';
import { createSlot } from '../threads/ring.ts';
import { BaseReader } from './base/base-blobs.ts';
import { compressChunk } from './chunk/compress.ts';
import { LargeSources } from './large-sources.ts';
import { PackThreads } from './pack-threads.ts';
import type { PipelineOptions } from './pipeline-options.ts';
import type { AcquireSlot, ChunkPlan } from './plan/chunk-plan.ts';
import type { ArchiveSummary } from './write/archive-writer.ts';

/** Makes the plans of an archive; the end of the tar stream is the last. Acquires the slots that it fills itself. */
export type PlanSource = (acquire: AcquireSlot) => Iterable<ChunkPlan> | AsyncIterable<ChunkPlan>;

export async function runPipeline(source: PlanSource, options: PipelineOptions): Promise<ArchiveSummary> {
  const { signal } = options;
  // The first cause stops everything. Everything that waits races against it.
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

/** The plans of a source. Waits for each of them only as long as nothing has failed. */
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
    // Not awaited, because it may be waiting for input that never comes.
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
  // If there are threads, only the writer thread loads the code that writes tables.
  const { ArchiveWriter } = await import('./write/archive-writer.ts');
  const writer = new ArchiveWriter(sink, settings, zstd);
  const sources = new LargeSources();
  const base = options.base === undefined ? undefined : new BaseReader(options.base, zstd);
  try {
    for await (const plan of plansOf(source, async () => slot, failure)) {
      // With the native core, all of this is synchronous. Without a turn of the event loop, no signal is noticed.
      await setImmediate();
      signal?.throwIfAborted();
      sources.add(plan);
      options.onReport(await compressChunk(plan, slot, settings, zstd, base));
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
