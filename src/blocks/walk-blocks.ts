/**
 * Goes through the blocks of an archive, whole or damaged. Workers decode, verify and read the chunks, and they are
 * handed over in the order of the tar stream. Slots limit the memory. Main thread.
 */
import { codec } from '../codec/codec.ts';
import { ZnipError } from '../errors.ts';
import type { Frame } from '../format/tables/frame-table.ts';
import { TarReader } from '../format/tar/tar-reader.ts';
import type { ByteStream } from '../io/byte-stream.ts';
import { isDamage } from '../rules/lost.ts';
import { BlockScanner, type Gap, type ScannedBlock } from './block-scanner.ts';
import { ChunkQueue } from './chunk-queue.ts';
import { decodeBlob } from './decode-blob.ts';
import { type DecodePool, startDecodePool } from './decode-pool.ts';
import type { InspectTask } from './decode-worker.ts';
import { type InspectedChunk, inspectChunk } from './inspect-chunk.ts';

/** A block and what is in it. */
export interface WalkedBlock {
  block: ScannedBlock;
  /** What is wrong with its blob. If there is nothing, its chunk is verified. */
  damage: ZnipError | undefined;
  /** What its tar headers say; undefined if there is `damage`, or if the start of the headers is not known. */
  inspected: InspectedChunk | undefined;
  /** The chunk, until the handler has returned. */
  chunk: Buffer;
}

export interface BlockWalkOptions {
  stream: ByteStream;
  threads: number;
  /** A frame table that has been checked, for blocks whose headers are damaged. */
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

/** Slots beyond one for each worker: one is filled, one waits for its turn. */
const SPARE_SLOTS = 2;

export async function walkBlocks(options: BlockWalkOptions): Promise<WalkResult> {
  const walk = new Walk(options);
  try {
    return await walk.run();
  } finally {
    await walk.stop();
  }
}

class Walk {
  private readonly options: BlockWalkOptions;
  private readonly queue: ChunkQueue<DecodePool>;
  /** Replaces the workers' readers after a global header, which counts for all members after it. */
  private globalReader: TarReader | undefined;

  constructor(options: BlockWalkOptions) {
    this.options = options;
    const { threads, signal } = options;
    const slots = threads === 1 ? 1 : threads + SPARE_SLOTS;
    this.queue = new ChunkQueue({ plan: () => ({ threads, slots }), start: startDecodePool, signal });
  }

  async run(): Promise<WalkResult> {
    const { stream, frames, onGap, signal } = this.options;
    let gaps: Gap[] = [];
    const scanner = new BlockScanner(stream, codec().hash, (gap) => gaps.push(gap), { frames, signal });
    const hasPrologue = await scanner.readPrologue();
    let blocks = 0;
    for (;;) {
      const block = await scanner.next();
      if (block === undefined) break;
      blocks += 1;
      const before = gaps;
      gaps = [];
      const { header } = block;
      const slot = await this.queue.take(header.blobLength, header.chunkLength);
      const stored = slot.stored.subarray(0, header.blobLength);
      const chunk = slot.chunk.subarray(0, header.chunkLength);
      const short = await scanner.readBlob(block, stored);
      const inspected = short === undefined ? this.inspect(block, stored, chunk) : Promise.resolve(short);
      this.queue.push(slot, inspected, (found) => {
        for (const gap of before) onGap(gap);
        this.handOn(block, found, toBuffer(chunk));
      });
    }
    await this.queue.drain();
    for (const gap of gaps) onGap(gap);
    return { hasPrologue, complete: scanner.complete, blocks };
  }

  async stop(): Promise<void> {
    await this.queue.stop();
  }

  private async inspect(
    { header, number, blobOffset, fromTable }: ScannedBlock,
    stored: Uint8Array,
    chunk: Uint8Array,
  ): Promise<InspectedChunk | ZnipError> {
    const { checksum, continuation, firstHeaderOffset, streamOffset } = header;
    // If the start of the headers in a chunk is not known, reading starts at its end, so no headers are read.
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
      const { workers } = this.queue;
      if (workers !== undefined) return await workers.run('inspect', task);
      await decodeBlob(stored, chunk, task.frame, number, codec());
      return inspectChunk(toBuffer(chunk), start, streamOffset, new TarReader(), codec());
    } catch (error) {
      if (isDamage(error)) return error;
      throw error;
    }
  }

  /** In the order of the tar stream, so that members continue from block to block. */
  private handOn(block: ScannedBlock, found: InspectedChunk | ZnipError, chunk: Buffer): void {
    const damage = found instanceof ZnipError ? found : undefined;
    let inspected = found instanceof ZnipError ? undefined : found;
    if (inspected !== undefined && (inspected.hasGlobals || this.globalReader !== undefined)) {
      this.globalReader ??= new TarReader();
      const { continuation, firstHeaderOffset, streamOffset } = block.header;
      const start = continuation === undefined ? 0 : (firstHeaderOffset ?? chunk.byteLength);
      inspected = inspectChunk(chunk, start, streamOffset, this.globalReader, codec());
    }
    this.options.onBlock({ block, damage, inspected: block.fromTable ? undefined : inspected, chunk });
  }
}

function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
