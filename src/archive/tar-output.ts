/**
 * The tar stream of an archive, in order, while its chunks are decoded in parallel: the library's `readTar`.
 * Main thread. Implements docs/format.md, "Reading", for readers that want the tar stream as a whole.
 */
import { type ArrivedBlock, BlockStream } from '../blocks/block-stream.ts';
import { decodeBlob } from '../blocks/decode-blob.ts';
import { type DecodePool, startDecodePool } from '../blocks/decode-pool.ts';
import { codec } from '../codec/codec.ts';
import type { Frame } from '../format/tables/frame-table.ts';
import { type ByteStream, toStream } from '../io/byte-stream.ts';
import { detectStream, openTarStream } from '../io/foreign-stream.ts';
import { deferred } from '../threads/deferred.ts';
import { resolveThreads, INLINE_BYTES } from '../threads/thread-count.ts';
import { Archive } from './archive.ts';
import { confirmFrames } from './arrived-index.ts';

export interface ReadTarOptions {
  /** What a descriptor is called in messages. Default: `standard input`. */
  name?: string | undefined;
  /** Worker threads, 1 to 256. Default: one for each core. */
  threads?: number | undefined;
  signal?: AbortSignal | undefined;
}

/** Tar streams of others are passed on in pieces of this much. */
const FOREIGN_PIECE = 1024 * 1024;

/** Slots beyond one for each worker: one is filled, one is with the consumer. */
const SPARE_SLOTS = 2;

/**
 * Yields the tar stream of `source`, an open archive, or a descriptor or stream from which one arrives, in pieces that
 * are the caller's to keep. It is what `zstd -d` makes of the archive.
 *
 * Every chunk is verified before a byte of it is yielded: by the frame table of an open archive, which the
 * root hash covers, and from a descriptor by its block header, which the frame table confirms at the end.
 * What arrives may also be a .tar, .tar.zst or .tar.gz of others, whose tar stream is passed on as it is. No
 * more chunks are read than there are slots, however slow the consumer is.
 *
 * Throws ZnipError: `damaged-block`, `inconsistent`, `truncated`, `not-an-archive`, `unsupported-version`,
 * `damaged-…` for the index, `io`; all that was yielded before is as it was packed.
 */
export async function* readTar(
  source: Archive | number | ByteStream,
  options: ReadTarOptions = {},
): AsyncGenerator<Uint8Array, void> {
  // Streams and queues hold pieces for later: none may be written over.
  for await (const piece of tarPieces(source, options)) yield piece.slice();
}

/** As `readTar`, without a copy: a piece is good until the next one is asked for. */
export async function* tarPieces(
  source: Archive | number | ByteStream,
  options: ReadTarOptions = {},
): AsyncGenerator<Uint8Array, void> {
  if (source instanceof Archive) {
    yield* new ParallelDecoder(options).decode(archiveChunks(source));
    return;
  }
  const stream = toStream(source, options.name, options.signal);
  try {
    const kind = await detectStream(stream);
    if (kind === 'znip') yield* new ParallelDecoder(options).decode(arrivingChunks(stream));
    else yield* foreignPieces(await openTarStream(stream, kind));
  } finally {
    await stream.close();
  }
}

interface Slot {
  stored: Uint8Array;
  chunk: Uint8Array;
}

/** A chunk whose blob can be read into a slot. */
interface PendingChunk {
  blob: number;
  frame: Pick<Frame, 'blobOffset' | 'checksum'>;
  blobLength: number;
  chunkLength: number;
  readBlob: (target: Uint8Array) => Promise<void>;
}

async function* archiveChunks(archive: Archive): AsyncGenerator<PendingChunk, void> {
  const { source } = archive;
  for (const [blob, frame] of (await archive.frames()).entries()) {
    const { blobOffset, blobLength, streamLength } = frame;
    yield {
      blob,
      frame,
      blobLength,
      chunkLength: streamLength,
      readBlob: async (target) => target.set(await source.read(blobOffset, blobLength)),
    };
  }
}

async function* arrivingChunks(stream: ByteStream): AsyncGenerator<PendingChunk, void> {
  const blocks = new BlockStream(stream, codec().hash);
  await blocks.readPrologue();
  const arrived: ArrivedBlock[] = [];
  for (let last = false; !last;) {
    const block = await blocks.next();
    arrived.push(block);
    const { header, number, blobOffset } = block;
    last = header.last;
    yield {
      blob: number,
      frame: { blobOffset, checksum: header.checksum },
      blobLength: header.blobLength,
      chunkLength: header.chunkLength,
      readBlob: (target) => blocks.readBlob(block, target),
    };
  }
  await confirmFrames(stream, arrived);
}

async function* foreignPieces(tar: ByteStream): AsyncGenerator<Uint8Array, void> {
  const piece = new Uint8Array(FOREIGN_PIECE);
  for (;;) {
    const read = await tar.readInto(piece);
    if (read > 0) yield piece.subarray(0, read);
    if (read < piece.byteLength) return;
  }
}

/** Reads chunks ahead into slots, decodes them in parallel, and gives them out in order. */
class ParallelDecoder {
  private readonly options: ReadTarOptions;
  private readonly threads: number;
  private readonly free: Slot[];
  private readonly queue: { slot: Slot; chunk: Uint8Array; decoded: Promise<unknown> }[] = [];
  private pool: DecodePool | undefined;
  private arrived = 0;
  private ended = false;
  private failure: { error: unknown } | undefined;
  /** Nobody wants more. */
  private abandoned = false;
  /** Wakes whoever waits for the other side: a chunk in the queue, or a free slot. */
  private changed = deferred<void>();

  constructor(options: ReadTarOptions) {
    this.options = options;
    this.threads = resolveThreads(options.threads);
    const slots = this.threads === 1 ? SPARE_SLOTS : this.threads + SPARE_SLOTS;
    this.free = Array.from({ length: slots }, () => ({
      stored: new Uint8Array(0),
      chunk: new Uint8Array(0),
    }));
  }

  async *decode(chunks: AsyncGenerator<PendingChunk, void>): AsyncGenerator<Uint8Array, void> {
    const reading = this.readAll(chunks);
    try {
      for (;;) {
        const next = this.queue.shift();
        if (next === undefined) {
          if (this.failure !== undefined) throw this.failure.error;
          if (this.ended) return;
          await this.changed.promise;
          continue;
        }
        await next.decoded;
        yield next.chunk;
        this.free.push(next.slot);
        this.wake();
      }
    } finally {
      this.abandoned = true;
      this.wake();
      await this.pool?.stop();
      // It may wait for input that never comes; what it says then is no news.
      reading.catch(() => {});
    }
  }

  /** What goes wrong here is thrown to the consumer when all that came before it is given out. */
  private async readAll(chunks: AsyncGenerator<PendingChunk, void>): Promise<void> {
    try {
      for await (const chunk of chunks) {
        await this.take(chunk);
        if (this.abandoned) return;
      }
    } catch (error) {
      this.failure = { error };
    }
    this.ended = true;
    this.wake();
  }

  private async take(pending: PendingChunk): Promise<void> {
    const { blob, frame, blobLength, chunkLength } = pending;
    const slot = await this.takeSlot();
    if (slot === undefined) return;
    await this.startPool(chunkLength);
    if (slot.stored.byteLength < blobLength) slot.stored = new Uint8Array(new SharedArrayBuffer(blobLength));
    if (slot.chunk.byteLength < chunkLength) slot.chunk = new Uint8Array(new SharedArrayBuffer(chunkLength));
    const stored = slot.stored.subarray(0, blobLength);
    const chunk = slot.chunk.subarray(0, chunkLength);
    await pending.readBlob(stored);
    const task = { blob, frame: { blobOffset: frame.blobOffset, checksum: frame.checksum }, stored, chunk };
    const decoded =
      this.pool === undefined
        ? decodeBlob(stored, chunk, task.frame, blob, codec())
        : this.pool.run('decode', task);
    // It is awaited in its turn; until then its failure is not unhandled.
    decoded.catch(() => {});
    this.queue.push({ slot, chunk, decoded });
    this.wake();
  }

  /** Waits for a free slot; undefined when nobody wants more. */
  private async takeSlot(): Promise<Slot | undefined> {
    for (;;) {
      this.options.signal?.throwIfAborted();
      if (this.abandoned) return undefined;
      const slot = this.free.pop();
      if (slot !== undefined) return slot;
      await this.changed.promise;
    }
  }

  private async startPool(chunkLength: number): Promise<void> {
    this.arrived += chunkLength;
    if (this.pool !== undefined || this.threads === 1 || this.arrived <= INLINE_BYTES) return;
    this.pool = await startDecodePool(this.threads, this.options.signal);
  }

  private wake(): void {
    const { changed } = this;
    this.changed = deferred<void>();
    changed.resolve();
  }
}
