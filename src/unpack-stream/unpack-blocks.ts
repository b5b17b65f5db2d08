/**
 * Feeds a run with the blocks of a znip archive, in one pass. Members come from the tar stream and the block headers.
 * The index arrives last. It is compared with what was written, and gives the nanoseconds of the times. Main thread.
 * Implements docs/format.md, "Reading".
 */
import { checkBlock } from '../blocks/block-check.ts';
import { type ArrivedBlock, BlockStream } from '../blocks/block-stream.ts';
import { codec } from '../codec/codec.ts';
import type { ByteStream } from '../io/byte-stream.ts';
import { checkAgainstIndex } from './stream-check.ts';
import type { StreamRun } from './stream-run.ts';

/** Unpacks all blocks, then compares the index with what was unpacked. Throws at the first fault. */
export async function unpackBlocks(run: StreamRun, stream: ByteStream): Promise<void> {
  const { hash } = codec();
  const blocks = new BlockStream(stream, hash);
  await blocks.readPrologue();
  const arrivedBlocks: ArrivedBlock[] = [];
  for (let last = false; !last;) {
    const block = await run.unlessFailed(blocks.next());
    arrivedBlocks.push(block);
    const { header, number, blobOffset } = block;
    last = header.last;
    const slot = await run.extraction.queue.take(header.blobLength, header.chunkLength);
    const stored = slot.stored.subarray(0, header.blobLength);
    const chunk = slot.chunk.subarray(0, header.chunkLength);
    await run.unlessFailed(blocks.readBlob(block, stored));
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    const task = { blob: number, frame: { blobOffset, checksum: header.checksum }, stored, chunk };
    run.extraction.submit(slot, task, (damage) => {
      if (damage !== undefined) throw damage;
      const { continued } = run.members;
      const taken = run.take(bytes, header.streamOffset, true, 0, blobOffset + header.blobLength);
      const { firstHeader, consumed, ended } = taken;
      checkBlock(header, bytes, { continued, firstHeader, consumed, ended }, number, blobOffset);
      return taken;
    });
  }
  await run.unlessFailed(run.extraction.queue.drain());
  await run.extraction.queue.stop();
  run.allBlocks = true;
  await confirm(run, stream, arrivedBlocks);
}

/** Compares the index, which is the rest of the stream, with what was unpacked. */
async function confirm(
  run: StreamRun,
  stream: ByteStream,
  arrivedBlocks: readonly ArrivedBlock[],
): Promise<void> {
  const agreed = await checkAgainstIndex({
    stream,
    blocks: arrivedBlocks,
    arrived: run.arrived,
    isWanted: (path, kind, streamOffset) => run.isWanted(path, kind, streamOffset),
    wantsAll: run.wantsAll,
    signal: run.options.signal,
  });
  // After this, every file has only the name that it keeps, and its attributes are set there.
  run.makeRoomForLinks();
  await run.restore(agreed);
}
