/**
 * Chunks on their way: they are processed in parallel, and handed on one by one in their original order. Slots limit
 * the memory: the next chunk must wait until a slot is free. Main thread.
 */
import { ZnipError } from '../errors.ts';
import { Failure } from '../threads/failure.ts';
import { INLINE_BYTES } from '../threads/thread-count.ts';

/** Memory for one chunk, shared with the workers. */
export interface ChunkSlot {
  /** Room for a blob. */
  stored: Uint8Array;
  /** Room for a chunk. */
  chunk: Uint8Array;
}

/**
 * A slot that is still in use after its chunk was handed on. This is an object, so that awaiting the hand-over does not
 * also await the end of use.
 */
export interface InUse {
  until: Promise<unknown>;
}

/** What still uses a slot, if anything does. */
type HandedOn = InUse | void;

interface Pool {
  readonly failure: Failure;
  stop: () => Promise<void>;
}

export interface ChunkQueueOptions<Workers extends Pool> {
  /** How many threads and slots there are, by the length of the first chunk. One thread means this one. */
  plan: (chunkLength: number) => { threads: number; slots: number };
  /** Starts the workers, once, when there is enough work. */
  start: (threads: number, signal: AbortSignal | undefined) => Promise<Workers>;
  /** Workers that have been started already. The code that started them stops them. */
  workers?: Workers | undefined;
  signal: AbortSignal | undefined;
}

export class ChunkQueue<Workers extends Pool> {
  private readonly options: ChunkQueueOptions<Workers>;
  /** Reports the first failure at once, for code that is waiting for something else. */
  readonly failure = new Failure();
  /** Set when a thread has died or the caller's signal has fired: running work may then never end. */
  readonly halt = new Failure();
  private readonly onAbort = (): void => this.stopFor(this.options.signal?.reason);
  private readonly free: ChunkSlot[] = [];
  private readonly waiting: ((slot: ChunkSlot) => void)[] = [];
  private started: Workers | undefined;
  private threads = 1;
  /** Bytes of all chunks so far. */
  private arrived = 0;
  /** Resolves when the previous chunk is handed on. */
  private handed: Promise<unknown> = Promise.resolve();
  /** Resolves when the previous chunk and all chunks before it are finished. */
  private done: Promise<unknown> = Promise.resolve();

  constructor(options: ChunkQueueOptions<Workers>) {
    this.options = options;
    options.signal?.addEventListener('abort', this.onAbort, { once: true });
    this.started = options.workers;
  }

  /** The workers; undefined as long as everything runs on this thread. */
  get workers(): Workers | undefined {
    return this.started;
  }

  /** A free slot with room for a blob and a chunk of these lengths. Throws the failure, if there was one meanwhile. */
  async take(blobLength: number, chunkLength: number): Promise<ChunkSlot> {
    const { signal } = this.options;
    signal?.throwIfAborted();
    if (this.arrived === 0) this.makeSlots(chunkLength);
    this.arrived += chunkLength;
    if (this.started === undefined && this.threads > 1 && this.arrived > INLINE_BYTES) {
      this.started = await this.options.start(this.threads, signal);
      this.started.failure.onFail((reason) => this.stopFor(reason));
    }
    const slot = this.free.pop() ?? (await this.nextFree());
    slot.stored = withRoom(slot.stored, blobLength);
    slot.chunk = withRoom(slot.chunk, chunkLength);
    return slot;
  }

  /**
   * Puts a slot in the queue. `handOn` gets the result of `work` after everything before it was handed on. Its result
   * says how long the slot is still in use. After that, the slot becomes free when all slots before it are free.
   */
  push<T>(slot: ChunkSlot, work: Promise<T>, handOn: (result: T) => HandedOn | Promise<HandedOn>): void {
    const { handed: before, done: doneBefore } = this;
    const handed = (async () => {
      await before;
      return handOn(await work);
    })();
    const done = (async () => {
      const inUse = await handed;
      await inUse?.until;
      await doneBefore;
      this.release(slot);
    })();
    this.handed = handed;
    this.done = done;
    // Each is awaited in its turn. Until then, its failure must not be unhandled.
    work.catch(() => {});
    handed.catch(() => {});
    done.catch((error: unknown) => this.failure.fail(error));
  }

  /** Resolves when the chunks before the next one are finished: for code that waits for its turn. */
  get before(): Promise<unknown> {
    return this.done;
  }

  /** Resolves when everything that was pushed is finished. Throws the first failure. */
  async drain(): Promise<void> {
    await this.done;
  }

  /** Nothing needs the running work any more. Code that waits for a slot does not get one. */
  abandon(): void {
    this.stopFor(new ZnipError('aborted', 'nobody reads on'));
  }

  /** Everything is finished. Ends the workers and frees the slots, because later steps may need the memory. */
  async stop(): Promise<void> {
    this.options.signal?.removeEventListener('abort', this.onAbort);
    this.free.length = 0;
    if (this.options.workers === undefined) await this.started?.stop();
  }

  private makeSlots(chunkLength: number): void {
    const { threads, slots } = this.options.plan(chunkLength);
    this.threads = threads;
    for (let i = 0; i < slots; i++) this.free.push({ stored: new Uint8Array(0), chunk: new Uint8Array(0) });
  }

  private nextFree(): Promise<ChunkSlot> {
    return this.failure.unless(new Promise((resolve) => this.waiting.push(resolve)));
  }

  private release(slot: ChunkSlot): void {
    const next = this.waiting.shift();
    if (next === undefined) this.free.push(slot);
    else next(slot);
  }

  private stopFor(reason: unknown): void {
    this.halt.fail(reason);
    this.failure.fail(reason);
  }
}

/** Shared memory of at least this length. It grows by at least a quarter, so that it is not made anew each time. */
function withRoom(bytes: Uint8Array, length: number): Uint8Array {
  if (bytes.byteLength >= length) return bytes;
  return new Uint8Array(new SharedArrayBuffer(Math.max(length, Math.ceil(1.25 * bytes.byteLength))));
}
