/**
 * Writes an archive, strictly forward: blocks as chunks arrive, then sub-indexes, frame table, manifest and footer.
 * Runs on the writer thread, or on the main thread if there are no others. Implements docs/format.md, "Archive".
 */
import type { CompressionSettings, PartHasher } from '../../codec/backends.ts';
import type { Codec } from '../../codec/codec.ts';
import { ZnipError } from '../../errors.ts';
import { type BlockHeader, encodeBlockHeader, type Continuation } from '../../format/block-header.ts';
import { FingerprintHead } from '../../format/fingerprint.ts';
import { encodeFooter, FOOTER_LENGTH } from '../../format/footer.ts';
import { metadataOf } from '../../format/metadata.ts';
import type { Frame } from '../../format/tables/frame-table.ts';
import { encodeReservedHeader } from '../../format/tar/tar-header.ts';
import { PROLOGUE } from '../../format/values/constants.ts';
import type { Member } from '../../format/values/entry.ts';
import { rawFrameLength, rawFramePieces } from '../../format/zstd/zstd-frame.ts';
import type { Sink } from '../../io/sink.ts';
import type { Slot } from '../../threads/ring.ts';
import { CHANGED, type ChunkResult, DROPPED, readChunkResult } from '../chunk/chunk-record.ts';
import { type ChunkPlan, UNKNOWN_SIZE } from '../plan/chunk-plan.ts';
import { memberAt } from '../../format/values/entry-columns.ts';
import type { MemberColumns } from '../plan/member-columns.ts';
import { IndexWriter } from './index-writer.ts';

export interface WriterSettings extends CompressionSettings {
  chunkSize: number;
  /** Name and version of the program, for the metadata. */
  producer: string;
  /** Blobs of other settings are taken over. */
  isMixed: boolean;
  /** Bytes of finished sections that stay in memory; the rest goes to a temporary file. */
  indexBytes: number;
}

export interface ArchiveSummary {
  /** Members of the archive. */
  members: number;
  /** Bytes of content of all members. */
  contentBytes: number;
  /** Bytes of the archive. */
  archiveBytes: number;
  /** BLAKE3 of the manifest, in hexadecimal. */
  rootHash: string;
}

/** A member that continues in the next chunk. */
interface UnwrittenMember {
  member: Member;
  group: number;
  streamOffset: number;
  hasher: PartHasher;
  changed: boolean;
  /** Bytes of its data in the chunks so far. */
  written: number;
}

/** A block whose header states the size of a member that is not known yet. */
interface UnsizedBlock {
  /** Archive byte of its header. */
  offset: number;
  header: BlockHeader;
  /** Its row of the frame table. */
  frame: Frame;
}

export class ArchiveWriter {
  private readonly sink: Sink;
  private readonly codec: Codec;
  private readonly index: IndexWriter;
  private open: UnwrittenMember | undefined;
  /** Blocks to write again when the size of the open member is known. The first is that of its header. */
  private unsized: UnsizedBlock[] = [];
  private streamLength = 0;
  private members = 0;
  private contentBytes = 0;
  /** After a failure, the end of the output is unknown, so the writer refuses every later call. */
  private failed = false;

  constructor(sink: Sink, settings: WriterSettings, codec: Codec) {
    this.sink = sink;
    this.codec = codec;
    const metadata = metadataOf({ ...settings, codec: codec.name }, settings.isMixed);
    this.index = new IndexWriter(codec, metadata, settings.indexBytes);
  }

  /** Appends the block of one chunk and adds its entries. Chunks come in order of sequence. */
  async append(plan: ChunkPlan, slot: Slot): Promise<void> {
    await this.guard(async () => {
      this.index.addGroups(plan.newGroups);
      const result = readChunkResult(slot.fields);
      // None of the chunk's members could be read, so there is nothing to write.
      if (result.chunkLength === 0) return;
      await this.writeBlock(plan, slot, result);
      await this.continueMember(plan, slot, result);
      await this.takeMembers(plan, slot, result);
      if (plan.filled !== null) await this.index.addRemarks(plan.remarks ?? [], this.streamLength);
      this.streamLength += result.chunkLength;
      // Frames of unsized blocks may still change.
      if (this.unsized.length === 0) await this.index.finishFullFrames();
    });
  }

  /** Writes everything after the blocks. The archive is complete when this returns. */
  async finish(): Promise<ArchiveSummary> {
    return this.guard(async () => {
      const index = await this.index.write(this.sink);
      const footer = encodeFooter(
        { ...index, archiveLength: this.sink.position + FOOTER_LENGTH },
        this.codec.hash,
      );
      await this.sink.write([footer]);
      return {
        members: this.members,
        contentBytes: this.contentBytes,
        archiveBytes: this.sink.position,
        rootHash: Buffer.from(index.rootHash).toString('hex'),
      };
    });
  }

  /** Drops what is not in the archive yet. Nothing more can be written. */
  close(): void {
    this.failed = true;
    this.index.close();
  }

  private async guard<T>(work: () => Promise<T>): Promise<T> {
    if (this.failed) throw new ZnipError('internal', 'the archive writer has failed before');
    try {
      return await work();
    } catch (error) {
      this.failed = true;
      throw error;
    }
  }

  private async writeBlock(plan: ChunkPlan, slot: Slot, result: ChunkResult): Promise<void> {
    if (this.sink.position === 0) await this.sink.write([PROLOGUE]);
    const stored = result.blobLength === 0;
    const chunk = slot.input.subarray(0, result.chunkLength);
    const blob = stored ? rawFramePieces(chunk) : [slot.output.subarray(0, result.blobLength)];
    const blobLength = stored ? rawFrameLength(result.chunkLength) : result.blobLength;
    const fields: BlockHeader = {
      stored,
      last: plan.last,
      blobLength,
      chunkLength: result.chunkLength,
      streamOffset: this.streamLength,
      firstHeaderOffset: result.firstHeaderOffset,
      continuation: continuationOf(plan),
      checksum: result.checksum,
    };
    const isUnsized = (plan.overflow ?? plan.continuation)?.size === UNKNOWN_SIZE;
    if (isUnsized && fields.continuation !== undefined) {
      fields.continuation.memberSize = Number.MAX_SAFE_INTEGER;
    }
    const offset = this.sink.position;
    const header = encodeBlockHeader(fields, this.codec.hash);
    await this.sink.write([header, ...blob]);
    const frame: Frame = {
      streamOffset: this.streamLength,
      streamLength: result.chunkLength,
      blobOffset: offset + header.byteLength,
      blobLength,
      stored,
      checksum: result.checksum,
      fingerprint: result.fingerprint,
    };
    this.index.addFrame(frame);
    if (isUnsized) this.unsized.push({ offset, header: fields, frame });
  }

  /** Hashes this chunk's part of a member that began earlier. Indexes the member if this was its last part. */
  private async continueMember(plan: ChunkPlan, slot: Slot, result: ChunkResult): Promise<void> {
    if (plan.continuation === null || !plan.continuation.indexed) return;
    const { open } = this;
    if (open === undefined) throw new ZnipError('internal', 'a chunk continues a member that never began');
    const { length, size } = plan.continuation;
    if (open.member.size === UNKNOWN_SIZE && size !== UNKNOWN_SIZE) {
      open.member.size = size;
      this.stateSize(open.member);
    }
    const { continuation } = slot.subtrees;
    open.hasher.update(slot.input.subarray(0, length), continuation.subarray(0, result.continuationSubtrees));
    open.changed ||= result.continuationChanged;
    open.written += length;
    if (open.written < open.member.size) return;
    this.open = undefined;
    await this.addEntry(open.group, open.member, open.streamOffset, open.hasher.digest(), open.changed);
  }

  /** States the size of a member whose header was written without it, in all blocks since then. */
  private stateSize(member: Member): void {
    for (const block of this.unsized) {
      const { continuation } = block.header;
      if (continuation === undefined) this.rewriteHeader(block, member);
      else {
        continuation.memberSize = member.size;
        this.sink.rewrite(block.offset, [encodeBlockHeader(block.header, this.codec.hash)]);
      }
    }
    this.unsized = [];
  }

  /** Writes the block that holds only the tar header of the member again. */
  private rewriteHeader({ offset, header, frame }: UnsizedBlock, member: Member): void {
    const { hash, fingerprint } = this.codec;
    const chunk = Buffer.alloc(header.chunkLength);
    encodeReservedHeader(chunk, 0, member);
    const blob = Buffer.concat(rawFramePieces(chunk));
    const checksum = hash(blob);
    header.checksum = checksum;
    frame.checksum = checksum;
    frame.fingerprint = fingerprint(chunk, new FingerprintHead(0).finish(chunk.byteLength));
    this.sink.rewrite(offset, [encodeBlockHeader(header, hash), blob]);
  }

  private async takeMembers(
    { members, overflow }: ChunkPlan,
    slot: Slot,
    result: ChunkResult,
  ): Promise<void> {
    const { flags, sizes } = slot.members;
    const { groups } = members;
    const isDropped = (row: number): boolean => ((flags[row] ?? 0) & DROPPED) !== 0;
    const results = { ...slot.members, isChanged: (row: number) => ((flags[row] ?? 0) & CHANGED) !== 0 };
    const whole = overflow === null ? members.count : members.count - 1;
    for (let from = 0; from < whole;) {
      if (isDropped(from)) {
        from += 1;
        continue;
      }
      const group = groups[from] ?? 0;
      let to = from;
      for (; to < whole && groups[to] === group && !isDropped(to); to++) this.contentBytes += sizes[to] ?? 0;
      await this.index.addEntries(group, members, results, { from, to, streamOffset: this.streamLength });
      this.members += to - from;
      from = to;
    }
    if (overflow !== null && !isDropped(whole))
      this.openMember(members, whole, overflow.length, slot, result);
  }

  /** Remembers the last member of a chunk, which goes on in the next. */
  private openMember(
    members: MemberColumns,
    row: number,
    length: number,
    slot: Slot,
    { overflowSubtrees }: ChunkResult,
  ): void {
    const dataOffset = slot.members.dataOffsets[row] ?? 0;
    const hasher = this.codec.createPartHasher();
    hasher.update(
      slot.input.subarray(dataOffset, dataOffset + length),
      slot.subtrees.overflow.subarray(0, overflowSubtrees),
    );
    this.open = {
      member: memberAt(members, row, members.sizes[row] ?? 0),
      group: members.groups[row] ?? 0,
      streamOffset: this.streamLength + dataOffset,
      hasher,
      changed: ((slot.members.flags[row] ?? 0) & CHANGED) !== 0,
      written: length,
    };
  }

  private async addEntry(
    group: number,
    member: Member,
    streamOffset: number,
    checksum: Uint8Array | null,
    changed: boolean,
  ): Promise<void> {
    await this.index.addEntry(group, member, streamOffset, checksum, changed);
    this.members += 1;
    this.contentBytes += member.size;
  }
}

function continuationOf(plan: ChunkPlan): Continuation | undefined {
  if (plan.continuation === null) return undefined;
  const { path, fileOffset, size } = plan.continuation;
  return { path, memberOffset: fileOffset, memberSize: size };
}
