/**
 * Turns one chunk from its plan into a compressed slot. Runs on a worker, or on the main thread if there are none.
 */
import type { CompressionSettings } from '../../codec/backends.ts';
import type { Codec } from '../../codec/codec.ts';
import { ZnipError } from '../../errors.ts';
import { FingerprintHead } from '../../format/fingerprint.ts';
import { KIND } from '../../format/values/entry.ts';
import { rawFrameLength, rawFramePieces } from '../../format/zstd/zstd-frame.ts';
import type { Slot } from '../../threads/ring.ts';
import { type BaseReader, takeBlob, type TakenBlob } from '../base/base-blobs.ts';
import type { ChunkPlan, CopiedBlob, FilledChunkPlan, MemberPart } from '../plan/chunk-plan.ts';
import type { AttributeNotes } from '../walk/attribute-notes.ts';
import type { Warning } from '../walk/warning.ts';
import { type ChunkResult, DROPPED, writeChunkResult } from './chunk-record.ts';
import { type Filled, fillChunk } from './fill.ts';
import { hashFilled } from './hash-filled.ts';

/** What was noticed while a chunk was made. */
export interface ChunkReport {
  /** Bytes of the blob, and how many of them were taken over from the base. */
  blobBytes: number;
  takenBytes: number;
  /** Blobs of the base that do not have their hash. */
  damagedBlobs: number;
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
    const dataOffset = results.dataOffsets[row] ?? 0;
    const size = results.sizes[row] ?? 0;
    // A content whose hash is known may go on in the next chunk.
    if (dataOffset + size <= chunk.byteLength) head.add(dataOffset, size, results.checksums, row);
  }
  return codec.fingerprint(chunk, head.finish(chunk.byteLength));
}

/** Makes the blob of a chunk. A length of 0: the chunk is stored. */
async function makeBlob(
  plan: ChunkPlan,
  chunk: Buffer,
  { output }: Slot,
  settings: CompressionSettings,
  codec: Codec,
): Promise<TakenBlob> {
  const store = chunk.byteLength === 0 || plan.filled?.stored === true;
  const length = store ? 0 : await codec.compress(chunk, output, settings);
  return worthKeeping(length, chunk.byteLength)
    ? { length, checksum: codec.hash(output.subarray(0, length)) }
    : { length: 0, checksum: hashStored(chunk, codec) };
}

/** A chunk that is in the slot, or known without being there, and its blob. */
interface MadeChunk {
  filled: Filled;
  fingerprint: Uint8Array;
  blob: TakenBlob;
  /** The blob is from the base. */
  isTaken: boolean;
}

/** A blob of another archive, for a chunk whose members are known. */
async function copyChunk(
  plan: FilledChunkPlan,
  copied: CopiedBlob,
  slot: Slot,
  codec: Codec,
): Promise<MadeChunk> {
  const { name, fingerprint, offset } = copied;
  const filled = hashFilled(plan, slot, codec);
  const blob = await takeBlob(copied, name, filled.chunkLength, slot, codec);
  if (blob === undefined) {
    throw new ZnipError('limit', `'${name}': the blob at byte ${offset} is longer than its chunk`, {
      path: name,
      offset,
    });
  }
  return { filled, fingerprint, blob, isTaken: true };
}

/** If the members of a chunk are known, and there is a blob of it: without reading them. */
async function takeUnread(
  plan: ChunkPlan,
  slot: Slot,
  codec: Codec,
  base: BaseReader | undefined,
): Promise<MadeChunk | undefined> {
  if (plan.filled !== null) {
    return plan.copied === undefined ? undefined : copyChunk(plan, plan.copied, slot, codec);
  }
  if (base === undefined || plan.known === undefined) return undefined;
  // Headers and hashes are enough to know what the chunk would be.
  const filled = fillChunk(plan, slot, codec, plan.known);
  const { chunkLength } = filled;
  const fingerprint = fingerprintOf(plan, slot, slot.input.subarray(0, chunkLength), codec);
  const blob = await base.take(fingerprint, chunkLength, slot);
  return blob === undefined ? undefined : { filled, fingerprint, blob, isTaken: true };
}

async function makeChunk(
  plan: ChunkPlan,
  slot: Slot,
  settings: CompressionSettings,
  codec: Codec,
  base: BaseReader | undefined,
): Promise<MadeChunk> {
  const filled = plan.filled === null ? fillChunk(plan, slot, codec) : hashFilled(plan, slot, codec);
  const chunk = slot.input.subarray(0, filled.chunkLength);
  const fingerprint = fingerprintOf(plan, slot, chunk, codec);
  // A chunk that the writer will write again must be stored, as nobody else may have it.
  const canTake = chunk.byteLength > 0 && plan.filled?.stored !== true;
  const taken = canTake ? await base?.take(fingerprint, chunk.byteLength, slot) : undefined;
  const blob = taken ?? (await makeBlob(plan, chunk, slot, settings, codec));
  return { filled, fingerprint, blob, isTaken: taken !== undefined };
}

/** Makes one chunk and its blob in a slot; or takes the blob over, if the base has this chunk. */
export async function compressChunk(
  plan: ChunkPlan,
  slot: Slot,
  settings: CompressionSettings,
  codec: Codec,
  base: BaseReader | undefined,
): Promise<ChunkReport> {
  const damagedBefore = base?.damaged ?? 0;
  const { filled, fingerprint, blob, isTaken } =
    (await takeUnread(plan, slot, codec, base)) ?? (await makeChunk(plan, slot, settings, codec, base));
  const { warnings, attributes, ...rest } = filled;
  writeChunkResult(slot.fields, {
    ...rest,
    checksum: blob.checksum,
    blobLength: blob.length,
    fingerprint,
    ...hashParts(plan, slot, codec),
  });
  const { chunkLength } = filled;
  const blobBytes = blob.length > 0 || chunkLength === 0 ? blob.length : rawFrameLength(chunkLength);
  return {
    blobBytes,
    takenBytes: isTaken ? blobBytes : 0,
    damagedBlobs: (base?.damaged ?? 0) - damagedBefore,
    warnings,
    attributes: { plain: attributes.plain, first: attributes.first },
  };
}
