/**
 * The tar stream of an archive, in order, with its chunks decoded in parallel: the library's `readTar`. Main thread.
 * Implements docs/format.md, "Reading", for readers that want the tar stream as a whole.
 */
import { type ArrivedBlock, BlockStream } from '../blocks/block-stream.ts';
import { ChunkQueue } from '../blocks/chunk-queue.ts';
import { decodeBlob } from '../blocks/decode-blob.ts';
import { type DecodePool, startDecodePool } from '../blocks/decode-pool.ts';
import { codec } from '../codec/codec.ts';
import type { Frame } from '../format/tables/frame-table.ts';
import { type ByteStream, toStream } from '../io/byte-stream.ts';
import { detectStream, openTarStream } from '../io/foreign-stream.ts';
import { Handover } from '../threads/handover.ts';
import { resolveThreads } from '../threads/thread-count.ts';
import { Archive } from './archive.ts';
import { confirmFrames } from './arrived-index.ts';

export interface ReadTarOptions {
  /** What a descriptor is called in messages. Default: `standard input`. */
  name?: string | undefined;
  /** Worker threads, 1 to 256. Default: one for each core. */
  threads?: number | undefined;
  signal?: AbortSignal | undefined;
}

/** Tar streams of others are passed on in pieces of this size. */
const FOREIGN_PIECE = 1024 * 1024;

/** Slots beyond one for each worker: one is filled, one is with the consumer. */
const SPARE_SLOTS = 2;

/**
 * Yields the tar stream of `source`, an open archive, or a descriptor or stream from which one arrives, in pieces that
 * are the caller's to keep. It is what `zstd -d` makes of the archive.
 *
 * Every chunk is verified before a byte of it is yielded. For an open archive, the frame table is used, which the root
 * hash covers. For a descriptor, the block header is used, which the frame table confirms at the end. The input may
 * also be a .tar, .tar.zst or .tar.gz of others; then its tar stream is passed on unchanged. No more chunks are read
 * than there are slots, however slow the consumer is.
 *
 * Throws ZnipError: `damaged-block`, `inconsistent`, `truncated`, `not-an-archive`, `unsupported-version`, `damaged-…`
 * for the index, `io`. Everything yielded before is as it was packed.
 */
export async function* readTar(
  source: Archive | number | ByteStream,
  options: ReadTarOptions = {},
): AsyncGenerator<Uint8Array, void> {
  // Streams and queues keep pieces for later, so no piece may be written over.
  for await (const piece of tarPieces(source, options)) yield piece.slice();
}

/** Like `readTar`, without a copy: a piece is valid until the next one is asked for. */
export async function* tarPieces(
  source: Archive | number | ByteStream,
  options: ReadTarOptions = {},
): AsyncGenerator<Uint8Array, void> {
  if (source instanceof Archive) {
    yield* decodeInOrder(archiveChunks(source), options);
    return;
  }
  const stream = toStream(source, options.name, options.signal);
  try {
    const kind = await detectStream(stream);
    if (kind === 'znip') yield* decodeInOrder(arrivingChunks(stream), options);
    else yield* foreignPieces(await openTarStream(stream, kind));
  } finally {
    await stream.close();
  }
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

/**
 * Reads chunks ahead, decodes them in parallel, and yields them in order. A piece is valid until the next one is asked
 * for.
 */
async function* decodeInOrder(
  chunks: AsyncIterable<PendingChunk>,
  options: ReadTarOptions,
): AsyncGenerator<Uint8Array, void> {
  const threads = resolveThreads(options.threads);
  const slots = threads === 1 ? SPARE_SLOTS : threads + SPARE_SLOTS;
  const { signal } = options;
  const queue = new ChunkQueue({ plan: () => ({ threads, slots }), start: startDecodePool, signal });
  const handover = new Handover<Uint8Array>();
  void readAhead(chunks, queue, handover);
  try {
    yield* handover;
  } finally {
    // The reader may be waiting for a slot, or for input that never comes. What it says then does not matter.
    queue.abandon();
    await queue.stop();
  }
}

/** An error here is thrown to the consumer after everything before it was yielded. */
async function readAhead(
  chunks: AsyncIterable<PendingChunk>,
  queue: ChunkQueue<DecodePool>,
  handover: Handover<Uint8Array>,
): Promise<void> {
  let failure: { cause: unknown } | undefined;
  try {
    for await (const chunk of chunks) await decodeNext(chunk, queue, handover);
  } catch (cause) {
    failure = { cause };
  }
  try {
    await queue.halt.unless(queue.drain());
  } catch (cause) {
    // The failure of an earlier chunk.
    failure = { cause };
  }
  handover.close(failure);
}

async function decodeNext(
  { blob, frame: { blobOffset, checksum }, blobLength, chunkLength, readBlob }: PendingChunk,
  queue: ChunkQueue<DecodePool>,
  handover: Handover<Uint8Array>,
): Promise<void> {
  const slot = await queue.take(blobLength, chunkLength);
  const stored = slot.stored.subarray(0, blobLength);
  const chunk = slot.chunk.subarray(0, chunkLength);
  await readBlob(stored);
  const frame = { blobOffset, checksum };
  const { workers } = queue;
  const decoded =
    workers === undefined
      ? decodeBlob(stored, chunk, frame, blob, codec())
      : workers.run('decode', { blob, frame, stored, chunk });
  queue.push(slot, decoded, () => handover.give(chunk));
}
