/**
 * Turns one chunk from its plan into a compressed slot. Runs on a worker, or on the main thread if there are none.
 */
import type { CompressionSettings } from '../../codec/backends.ts';
import type { Codec } from '../../codec/codec.ts';
import { FingerprintHead } from '../../format/fingerprint.ts';
import { KIND } from '../../format/values/entry.ts';
import { rawFrameLength, rawFramePieces } from '../../format/zstd/zstd-frame.ts';
import type { Slot } from '../../threads/ring.ts';
import type { ChunkPlan, MemberPart } from '../plan/chunk-plan.ts';
import type { AttributeNotes } from '../walk/attribute-notes.ts';
import type { Warning } from '../walk/warning.ts';
import { type ChunkResult, DROPPED, writeChunkResult } from './chunk-record.ts';
import { fillChunk } from './fill.ts';
import { hashFilled } from './hash-filled.ts';

/** What was noticed while a chunk was made. */
export interface ChunkReport {
  warnings: Warning[];
  attributes: Pick<AttributeNotes, 'plain' | 'first'>;
}

/** A frame must save at least 1/256; otherwise it is not worth decompressing. Reading a stored blob costs nothing. */
function worthKeeping(blobLength: number, chunkLength: number): boolean {
  return blobLength > 0 && blobLength < rawFrameLength(chunkLength) - chunkLength / 256;
}

/** BLAKE3 of the frame that stores a chunk. Its pieces are not next to each other in memory. */
function hashStored(chunk: Uint8Array, codec: Codec): Uint8Array {
  const hasher = codec.createHasher();
  for (const piece of rawFramePieces(chunk)) hasher.update(piece);
  return hasher.digest();
}

/** Hashes what can be hashed here of contents that lie in several chunks. The writer, which sees all parts, does the rest. */
function hashParts(
  { continuation, overflow, members }: ChunkPlan,
  { input, members: results, subtrees }: Slot,
  codec: Codec,
): Pick<ChunkResult, 'continuationSubtrees' | 'overflowSubtrees'> {
  const hash = (part: MemberPart | null, start: number, target: Buffer): number =>
    part?.indexed === true
      ? codec.hashSubtrees(input.subarray(start, start + part.length), part.fileOffset, target)
      : 0;
  return {
    continuationSubtrees: hash(continuation, 0, subtrees.continuation),
    overflowSubtrees: hash(overflow, results.dataOffsets[members.count - 1] ?? 0, subtrees.overflow),
  };
}

/** What stands for the chunk: no byte of a content is hashed again. */
function fingerprintOf(
  { members, overflow }: ChunkPlan,
  { members: results }: Slot,
  chunk: Uint8Array,
  codec: Codec,
): Uint8Array {
  const whole = overflow === null ? members.count : members.count - 1;
  const head = new FingerprintHead(whole);
  for (let row = 0; row < whole; row++) {
    if (members.kinds[row] !== KIND.file || results.flags[row] === DROPPED) continue;
    head.add(results.dataOffsets[row] ?? 0, results.sizes[row] ?? 0, results.checksums, row);
  }
  return codec.fingerprint(chunk, head.finish(chunk.byteLength));
}

export async function compressChunk(
  plan: ChunkPlan,
  slot: Slot,
  settings: CompressionSettings,
  codec: Codec,
): Promise<ChunkReport> {
  const { warnings, attributes, ...filled } =
    plan.filled === null ? fillChunk(plan, slot, codec) : hashFilled(plan, slot, codec);
  const chunk = slot.input.subarray(0, filled.chunkLength);
  const store = chunk.byteLength === 0 || plan.filled?.stored === true;
  const length = store ? 0 : await codec.compress(chunk, slot.output, settings);
  const blobLength = worthKeeping(length, chunk.byteLength) ? length : 0;
  writeChunkResult(slot.fields, {
    ...filled,
    checksum: blobLength === 0 ? hashStored(chunk, codec) : codec.hash(slot.output.subarray(0, blobLength)),
    fingerprint: fingerprintOf(plan, slot, chunk, codec),
    ...hashParts(plan, slot, codec),
    blobLength,
  });
  return { warnings, attributes: { plain: attributes.plain, first: attributes.first } };
}
