/**
 * Feeds a run with the blocks of an archive that may be damaged. What is not whole is left out. After it, the run goes
 * on at the next tar header; block headers say where that is. Main thread.
 */
import type { EntryRef } from '../archive/entries.ts';
import { BlockScanner, type Gap, type ScannedBlock } from '../blocks/block-scanner.ts';
import type { ArrivedBlock } from '../blocks/block-stream.ts';
import { codec } from '../codec/codec.ts';
import { ZnipError } from '../errors.ts';
import type { Frame } from '../format/tables/frame-table.ts';
import { KIND } from '../format/values/entry.ts';
import type { ByteStream } from '../io/byte-stream.ts';
import { checkAgainstIndex } from './stream-check.ts';
import type { StreamRun } from './stream-run.ts';
import type { ChunkMembers } from './tar-members.ts';

/**
 * Unpacks what is whole: first by blocks, then by what is left of the index. `frames` is a frame table that can be
 * trusted, or empty. It is used to find blobs whose headers are damaged.
 */
export async function salvage(run: StreamRun, stream: ByteStream, frames: readonly Frame[]): Promise<void> {
  const { blocks, cut } = await salvageBlocks(run, stream, frames);
  if (!cut) await confirmSalvaged(run, stream, blocks);
  loseUnwritten(run);
  run.losses.settle();
}

interface SalvagedBlocks {
  blocks: ArrivedBlock[];
  /** The archive ends before its last block: nothing is left of its index. */
  cut: boolean;
}

/** Takes everything that is whole. Returns the blocks that it found. Throws `not-an-archive` if there are none. */
async function salvageBlocks(
  run: StreamRun,
  stream: ByteStream,
  frames: readonly Frame[],
): Promise<SalvagedBlocks> {
  const { extraction, losses } = run;
  const blocks: ArrivedBlock[] = [];
  let gaps: Gap[] = [];
  const scanner = new BlockScanner(stream, codec().hash, (gap) => gaps.push(gap), {
    frames,
    signal: run.options.signal,
  });
  const hasPrologue = await run.unlessFailed(scanner.readPrologue());
  for (;;) {
    const block = await run.unlessFailed(scanner.next());
    if (block === undefined) break;
    if (blocks.length === 0 && !hasPrologue) losses.addDamage(noPrologue());
    blocks.push(block);
    const before = gaps;
    gaps = [];
    const { header, number, blobOffset } = block;
    const slot = await extraction.queue.take(header.blobLength, header.chunkLength);
    const stored = slot.stored.subarray(0, header.blobLength);
    const chunk = slot.chunk.subarray(0, header.chunkLength);
    const short = await run.unlessFailed(scanner.readBlob(block, stored));
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    const task = { blob: number, frame: { blobOffset, checksum: header.checksum }, stored, chunk };
    extraction.submit(slot, task, (damage) => {
      for (const gap of before) loseGap(run, gap);
      return takeChunk(run, block, bytes, short ?? damage);
    });
  }
  await run.unlessFailed(extraction.queue.drain());
  await extraction.queue.stop();
  if (blocks.length === 0) throw noBlocks(stream.name);
  for (const gap of gaps) loseGap(run, gap);
  return { blocks, cut: !scanner.complete && (await stream.peek(1)).byteLength === 0 };
}

function loseGap(run: StreamRun, { streamStart, streamEnd, cause }: Gap): void {
  if (streamEnd === streamStart) run.losses.addDamage(cause);
  else lose(run, streamStart, streamEnd, cause);
}

/** A part of the tar stream is lost, and with it the file that had not arrived completely. */
function lose(run: StreamRun, start: number, end: number | undefined, cause: ZnipError): void {
  const { losses } = run;
  losses.addRange(start, end, cause);
  const unfinished = run.interrupt();
  if (unfinished !== undefined) losses.addMemberAt(unfinished.path, start, start + 1, cause);
}

function takeChunk(
  run: StreamRun,
  block: ScannedBlock,
  bytes: Buffer,
  damage: ZnipError | undefined,
): ChunkMembers {
  const { losses } = run;
  const { header, number, blobOffset } = block;
  const streamEnd = header.streamOffset + header.chunkLength;
  const nothing: ChunkMembers = {
    segments: [],
    consumed: bytes.byteLength,
    firstHeader: header.firstHeaderOffset,
    ended: header.last,
    endOffset: bytes.byteLength,
  };
  const start = startOf(run, block, bytes.byteLength);
  if (damage !== undefined || start === undefined) {
    lose(run, header.streamOffset, streamEnd, damage ?? headersUnknown(block));
    return nothing;
  }
  try {
    const taken = run.take(bytes, header.streamOffset, true, 0, blobOffset + header.blobLength, start);
    if (taken.consumed === bytes.byteLength && taken.ended === header.last) return taken;
    const why = `block ${number} does not end where its members end`;
    const error = new ZnipError('inconsistent', why, { blob: number, offset: blobOffset });
    lose(run, header.streamOffset + taken.consumed, streamEnd, error);
    return taken;
  } catch (error) {
    const cause = losses.damage(error);
    lose(run, header.streamOffset, streamEnd, cause);
    return nothing;
  }
}

/**
 * The chunk byte from which members can be taken: after the rest of a file whose beginning is lost. undefined if it is
 * not known, because the block's own header is lost and also what comes before it.
 */
function startOf(
  run: StreamRun,
  { header, number, blobOffset, fromTable }: ScannedBlock,
  chunkLength: number,
): number | undefined {
  const { losses, members } = run;
  const { continuation, firstHeaderOffset, streamOffset } = header;
  if (fromTable) return losses.endOfLast === streamOffset ? undefined : 0;
  if (members.isWithinMember === (continuation !== undefined)) return 0;
  const unfinished = run.interrupt();
  if (unfinished !== undefined) {
    const why = `block ${number} does not go on with '${unfinished.path}', as the tar stream does`;
    losses.addMember(
      unfinished.path,
      new ZnipError('inconsistent', why, { blob: number, offset: blobOffset }),
    );
  }
  if (continuation === undefined) return 0;
  const name = run.nameOf(continuation.path, KIND.file);
  if (name !== undefined) {
    losses.addMemberAt(name, header.streamOffset - 1, header.streamOffset, losses.lastCause);
  }
  return firstHeaderOffset ?? chunkLength;
}

async function confirmSalvaged(
  run: StreamRun,
  stream: ByteStream,
  blocks: readonly ArrivedBlock[],
): Promise<void> {
  const { losses } = run;
  try {
    const agreed = await checkAgainstIndex({
      stream,
      blocks,
      arrived: run.arrived,
      isWanted: (path, kind, streamOffset) => run.isWanted(path, kind, streamOffset),
      wantsAll: run.wantsAll,
      signal: run.options.signal,
      onFault: (error, ref) => noteFault(run, error, ref),
    });
    // After this, every file has only the name that it keeps, and its attributes are set there.
    run.makeRoomForLinks();
    await run.restore(agreed);
  } catch (error) {
    // The blocks have a known version. If the rest does not, it is damaged.
    const unknown = error instanceof ZnipError && error.code === 'unsupported-version';
    losses.addDamage(unknown ? error : losses.damage(error));
  }
}

/** Something that the index says has not arrived, or is not true. */
function noteFault(run: StreamRun, error: ZnipError, ref: EntryRef | undefined): void {
  const { losses } = run;
  losses.damage(error);
  if (ref === undefined) {
    // If blocks are missing, the frame table cannot agree with those that came: that need not be reported again.
    if (!losses.hasRanges || error.code !== 'inconsistent') losses.addDamage(error);
    return;
  }
  const { batch, row } = ref;
  const name = run.nameOf(batch.path(row), batch.kinds[row] ?? 0);
  const start = batch.streamOffsets[row] ?? 0;
  if (name !== undefined) losses.addMemberAt(name, start - 1, start + (batch.sizes[row] ?? 0), error);
}

/** Files whose headers arrived but that were not written, because something else in their chunk was refused. */
function loseUnwritten(run: StreamRun): void {
  if (run.options.dryRun !== undefined) return;
  for (const { path, isWritten } of run.arrived.last()) {
    if (!isWritten && !run.isTaken(path)) {
      run.losses.addMember(path, run.losses.lastCause);
    }
  }
}

function headersUnknown({ number, blobOffset: offset }: ScannedBlock): ZnipError {
  const why = `the header of block ${number} is damaged and what comes before it is lost: its members cannot be told apart`;
  return new ZnipError('damaged-block', why, { blob: number, offset });
}

function noPrologue(): ZnipError {
  return new ZnipError('damaged-block', 'the archive does not begin as a znip archive does', { offset: 0 });
}

function noBlocks(name: string): ZnipError {
  return new ZnipError(
    'not-an-archive',
    `${name} holds no whole block of a znip archive: nothing can be recovered`,
  );
}
