/**
 * Goes through the blocks of an archive, whole or not: chunks are decoded, verified and read on workers, and
 * handed over in the order of the tar stream. Slots bound the memory. Main thread.
 */
import { codec } from '../codec/codec.ts';
import { toZnipError, ZnipError } from '../errors.ts';
import type { Frame } from '../format/tables/frame-table.ts';
import { TarReader } from '../format/tar/tar-reader.ts';
import type { ByteStream } from '../io/byte-stream.ts';
import { isDamage } from '../rules/lost.ts';
import { INLINE_BYTES } from '../threads/thread-count.ts';
import { BlockScanner, type Gap, type ScannedBlock } from './block-scanner.ts';
import { decodeBlob } from './decode-blob.ts';
import { type DecodePool, startDecodePool } from './decode-pool.ts';
import type { InspectTask } from './decode-worker.ts';
import { type InspectedChunk, inspectChunk } from './inspect-chunk.ts';

/** A block and what is in it. */
export interface WalkedBlock {
  block: ScannedBlock;
  /** What is wrong with its blob; otherwise its chunk is verified. */
  damage: ZnipError | undefined;
  /** What its tar headers say; undefined where `damage` is, and where nobody knows where they start. */
  inspected: InspectedChunk | undefined;
  /** The chunk, until the handler has returned. */
  chunk: Buffer;
}

export interface WalkOptions {
  stream: ByteStream;
  threads: number;
  /** A frame table that can be believed, for blocks whose headers are damaged. */
  frames: readonly Frame[];
  onGap: (gap: Gap) => void;
  onBlock: (walked: WalkedBlock) => void;
  signal: AbortSignal | undefined;
}

export interface WalkResult {
  hasPrologue: boolean;
  /** The last block was there. */
  complete: boolean;
  blocks: number;
}

interface Slot {
  stored: Uint8Array;
  chunk: Uint8Array;
}

interface InFlight {
  block: ScannedBlock;
  gaps: Gap[];
  slot: Slot;
  chunk: Uint8Array;
  result: Promise<InspectedChunk | ZnipError>;
}

/** Slots beyond one for each worker: one is filled, one waits for its turn. */
const SPARE_SLOTS = 2;

export async function walkBlocks(options: WalkOptions): Promise<WalkResult> {
  const walk = new Walk(options);
  try {
    return await walk.run();
  } finally {
    await walk.stop();
  }
}

class Walk {
  private readonly options: WalkOptions;
  private readonly inFlight: InFlight[] = [];
  private readonly free: Slot[];
  private pool: DecodePool | undefined;
  private arrived = 0;
  /** Takes over from the workers' readers when there is a global header, which counts for all after it. */
  private globalReader: TarReader | undefined;

  constructor(options: WalkOptions) {
    this.options = options;
    const slots = options.threads === 1 ? 1 : options.threads + SPARE_SLOTS;
    this.free = Array.from({ length: slots }, () => ({
      stored: new Uint8Array(0),
      chunk: new Uint8Array(0),
    }));
  }

  async run(): Promise<WalkResult> {
    const { stream, frames, onGap, signal } = this.options;
    let gaps: Gap[] = [];
    const scanner = new BlockScanner(stream, codec().hash, (gap) => gaps.push(gap), { frames, signal });
    const hasPrologue = await scanner.readPrologue();
    let blocks = 0;
    for (;;) {
      signal?.throwIfAborted();
      const block = await scanner.next();
      if (block === undefined) break;
      blocks += 1;
      const before = gaps;
      gaps = [];
      const { header } = block;
      const slot = await this.takeSlot(header.blobLength, header.chunkLength);
      const stored = slot.stored.subarray(0, header.blobLength);
      const chunk = slot.chunk.subarray(0, header.chunkLength);
      const short = await scanner.readBlob(block, stored);
      const result = short === undefined ? this.inspect(block, stored, chunk) : Promise.resolve(short);
      result.catch(() => {});
      this.inFlight.push({ block, gaps: before, slot, chunk, result });
    }
    while (this.inFlight.length > 0) await this.finishOldest();
    for (const gap of gaps) onGap(gap);
    return { hasPrologue, complete: scanner.complete, blocks };
  }

  async stop(): Promise<void> {
    await this.pool?.stop();
  }

  private async takeSlot(blobLength: number, chunkLength: number): Promise<Slot> {
    const { threads, signal } = this.options;
    this.arrived += chunkLength;
    if (this.pool === undefined && threads > 1 && this.arrived > INLINE_BYTES) {
      this.pool = await startDecodePool(threads, signal);
    }
    if (this.free.length === 0) await this.finishOldest();
    const slot = this.free.pop() as Slot;
    slot.stored = ofLength(slot.stored, blobLength);
    slot.chunk = ofLength(slot.chunk, chunkLength);
    return slot;
  }

  private async inspect(
    { header, number, blobOffset, fromTable }: ScannedBlock,
    stored: Uint8Array,
    chunk: Uint8Array,
  ): Promise<InspectedChunk | ZnipError> {
    const { checksum, continuation, firstHeaderOffset, streamOffset } = header;
    // A chunk of which nobody knows where its headers start is read from its end: not at all.
    const unknown = fromTable || (continuation !== undefined && firstHeaderOffset === undefined);
    const start = unknown ? chunk.byteLength : continuation === undefined ? 0 : (firstHeaderOffset ?? 0);
    const task: InspectTask = {
      blob: number,
      frame: { blobOffset, checksum },
      stored,
      chunk,
      start,
      streamOffset,
    };
    try {
      if (this.pool !== undefined) {
        return await this.pool.run('inspect', task);
      }
      await decodeBlob(stored, chunk, task.frame, number, codec());
      return inspectChunk(toBuffer(chunk), start, streamOffset, new TarReader(), codec());
    } catch (error) {
      if (isDamage(error)) return error;
      throw toZnipError(error);
    }
  }

  /** Hands over the block that came first: in order, so that members go on from block to block. */
  private async finishOldest(): Promise<void> {
    const oldest = this.inFlight.shift();
    if (oldest === undefined) return;
    const { block, gaps, slot } = oldest;
    const found = await oldest.result;
    const chunk = toBuffer(oldest.chunk);
    for (const gap of gaps) this.options.onGap(gap);
    const damage = found instanceof ZnipError ? found : undefined;
    if (damage?.code === 'internal') throw damage;
    let inspected = found instanceof ZnipError ? undefined : found;
    if (inspected !== undefined && (inspected.hasGlobals || this.globalReader !== undefined)) {
      this.globalReader ??= new TarReader();
      const { continuation, firstHeaderOffset, streamOffset } = block.header;
      const start = continuation === undefined ? 0 : (firstHeaderOffset ?? chunk.byteLength);
      inspected = inspectChunk(chunk, start, streamOffset, this.globalReader, codec());
    }
    this.options.onBlock({
      block,
      damage,
      inspected: block.fromTable ? undefined : inspected,
      chunk,
    });
    this.free.push(slot);
  }
}

/** Shared memory of this length at least: what there is, or more by a quarter at least, so that it is not made anew each time. */
function ofLength(bytes: Uint8Array, length: number): Uint8Array {
  if (bytes.byteLength >= length) return bytes;
  return new Uint8Array(new SharedArrayBuffer(Math.max(length, Math.ceil(1.25 * bytes.byteLength))));
}

function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
