/**
 * The threads that pack: the workers, the writer, and the ring between them. Main thread.
 */
import type * as workerThreads from 'node:worker_threads';
import type { Worker } from 'node:worker_threads';
import type { Piscina } from 'piscina';
import { fromPlainError } from '../errors.ts';
import { type Deferred, deferred } from '../threads/deferred.ts';
import type { Failure } from '../threads/failure.ts';
import { THREAD_LIMITS } from '../threads/memory.ts';
import { createRing, Ring, type RingMemory, type Slot } from '../threads/ring.ts';
import { threadDied } from '../threads/thread-died.ts';
import { createThreadEnds, settleThreads } from '../threads/thread-ends.ts';
import type { PackTaskResult, PackWorkerData } from './chunk/worker.ts';
import { LargeSources } from './large-sources.ts';
import type { PipelineOptions } from './pipeline-options.ts';
import type { ChunkPlan } from './plan/chunk-plan.ts';
import type { ArchiveSummary } from './write/archive-writer.ts';
import { createRelay, Relay } from './write/relay.ts';
import type { WriterMessage, WriterThreadData } from './write/writer-thread.ts';

export class PackThreads {
  private readonly options: PipelineOptions;
  /** The failure of the run. Everything that waits in the run listens to it. */
  private readonly failure: Failure;
  private readonly memory: RingMemory;
  private readonly ring: Ring;
  private readonly ends = createThreadEnds();
  private readonly writer: Worker;
  /** Of the workers; undefined until they are started. */
  private pool: Piscina | undefined;
  private readonly sources = new LargeSources();
  private readonly inFlight = new Map<number, ChunkPlan>();
  private readonly tasks = new Set<Promise<void>>();
  private readonly written: Deferred<ArchiveSummary> = deferred();
  /** Hands the archive to a sink on this thread; undefined if the writer thread writes it itself. */
  private readonly relay: Relay | undefined;
  /** A thread has died, so not all of them will load. */
  private dead = false;

  private constructor(options: PipelineOptions, failure: Failure, { Worker }: typeof workerThreads) {
    this.options = options;
    this.failure = failure;
    const { settings, slots, output, outputName } = options;
    const relayed = createRelay();
    this.relay =
      typeof output === 'number' ? undefined : new Relay(relayed, output, (error) => failure.fail(error));
    this.memory = createRing(slots, settings.chunkSize);
    this.ring = new Ring(this.memory);
    const workerData: WriterThreadData = {
      ring: this.memory,
      settings,
      output: typeof output === 'number' ? output : relayed,
      outputName,
      ends: this.ends,
    };
    // The thread closes what it has opened itself, for parts of the index. The archive's descriptor is not its own.
    this.writer = new Worker(new URL('./writer-thread.cjs', import.meta.url), {
      workerData,
      trackUnmanagedFds: true,
      resourceLimits: THREAD_LIMITS,
    });
    // At once: what it says while nobody listens is lost.
    this.writer.on('message', (message: WriterMessage) => this.hear(message));
    this.writer.on('error', (error) => this.onDeath('the writer thread', error));
    this.writer.on('exit', () => this.onDeath('the writer thread'));
  }

  static async start(options: PipelineOptions, failure: Failure): Promise<PackThreads> {
    const threads = new PackThreads(options, failure, await import('node:worker_threads'));
    // The writer thread loads meanwhile.
    const { Piscina: Pool } = await import('piscina');
    threads.startPool(Pool);
    return threads;
  }

  private startPool(Pool: typeof Piscina): void {
    const { settings, base, threads } = this.options;
    const workerData: PackWorkerData = { ring: this.memory, settings, base, ends: this.ends };
    this.pool = new Pool({
      filename: new URL('./pack-worker.cjs', import.meta.url).href,
      minThreads: threads,
      maxThreads: threads,
      workerData,
      trackUnmanagedFds: false,
      resourceLimits: THREAD_LIMITS,
      // Histograms of waiting times, which nothing reads.
      recordTiming: false,
    });
    this.pool.on('error', (error: unknown) => this.onDeath('a worker thread', error));
  }

  /** Resolves to the slot of a chunk when it is free. Throws the failure of the run. */
  readonly acquire = async (sequence: number): Promise<Slot> => {
    await this.failure.unless(this.ring.acquire(sequence));
    return this.ring.slot(sequence);
  };

  /** Starts the work on a chunk when its slot is free: the chunk is made and then written. */
  async submit(plan: ChunkPlan): Promise<void> {
    this.sources.add(plan);
    await this.acquire(plan.sequence);
    this.inFlight.set(plan.sequence, plan);
    // The writer must have the plan before the chunk is ready.
    this.writer.postMessage(plan);
    const task = this.compress(plan);
    this.tasks.add(task);
    void task.finally(() => this.tasks.delete(task));
  }

  /** Resolves when the archive is complete. */
  async finish(): Promise<ArchiveSummary> {
    const summary = await this.failure.unless(this.written.promise);
    // Every chunk is written, so every task has ended. Their warnings may still be on the way.
    await this.failure.unless(Promise.all(this.tasks));
    return summary;
  }

  async stop(): Promise<void> {
    await settleThreads(this.ends, this.options.threads + 1, this.tasks, () => this.dead);
    this.writer.removeAllListeners();
    await Promise.allSettled([this.writer.terminate(), this.pool?.destroy()]);
    this.ring.close();
    this.sources.closeAll();
  }

  private async compress(plan: ChunkPlan): Promise<void> {
    try {
      const result = (await this.pool?.run(plan)) as PackTaskResult;
      if (result.report !== undefined) this.options.onReport(result.report);
      if (result.error !== undefined) this.failure.fail(fromPlainError(result.error));
    } catch (error) {
      this.failure.fail(threadDied('a worker thread', error));
    }
  }

  private hear(message: WriterMessage): void {
    if (message.type === 'failed') this.failure.fail(fromPlainError(message.error));
    else if (message.type === 'done') {
      // From now on, the end of the thread is not a failure.
      this.writer.removeAllListeners('exit');
      const { summary } = message;
      if (this.relay === undefined) this.written.resolve(summary);
      else void this.relay.settled().then(() => this.written.resolve(summary));
    } else if (message.type === 'bytes') this.relay?.take(message.bytes);
    else {
      const plan = this.inFlight.get(message.sequence);
      this.inFlight.delete(message.sequence);
      this.sources.written(message.sequence);
      if (plan !== undefined) this.options.onChunk(plan, message.archiveBytes);
    }
  }

  private onDeath(which: string, cause?: unknown): void {
    this.dead = true;
    this.failure.fail(threadDied(which, cause));
  }
}
