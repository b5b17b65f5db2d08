/**
 * Writes an archive, strictly forward: blocks as chunks arrive, then sub-indexes, frame table, manifest
 * and footer. Runs on the writer thread, or on the main thread when there are no others.
 * Implements docs/format.md, "Archive".
 */
import type { CompressionSettings, Hasher } from '../../codec/backends.ts';
import type { Codec } from '../../codec/codec.ts';
import { ZnipError } from '../../errors.ts';
import { type BlockHeader, encodeBlockHeader, type Continuation } from '../../format/block-header.ts';
import { encodeFooter, FOOTER_LENGTH } from '../../format/footer.ts';
import { encodeManifest, type ManifestRow } from '../../format/manifest.ts';
import { encodeRemarks, type Remark } from '../../format/remarks.ts';
import { encodeFrameTable, type Frame } from '../../format/tables/frame-table.ts';
import { SubIndexBuilder } from '../../format/tables/sub-index.ts';
import { encodeReservedHeader } from '../../format/tar/tar-header.ts';
import { compareBytes, fromText, toText } from '../../format/values/byte-string.ts';
import {
  FORMAT_MAJOR,
  FORMAT_MINOR,
  MAX_NAME_BYTES,
  MAX_SUB_INDEX_ROWS,
  MAX_TABLE_LENGTH,
  MAX_TABLE_RATIO,
  PROLOGUE,
  TAG,
} from '../../format/values/constants.ts';
import { type Group, type Member, repoOf } from '../../format/values/entry.ts';
import { encodeSection } from '../../format/zstd/skippable-frame.ts';
import { rawFrameLength, rawFramePieces } from '../../format/zstd/zstd-frame.ts';
import type { Sink } from '../../io/sink.ts';
import type { Slot } from '../../threads/ring.ts';
import { type ChunkResult, readChunkResult, readMemberResult } from '../chunk/chunk-record.ts';
import { type ChunkPlan, memberAt, UNKNOWN_SIZE } from '../plan/chunk-plan.ts';
import { SectionStore, type StoredSection } from './section-store.ts';

export interface WriterSettings extends CompressionSettings {
  chunkSize: number;
  /** Name and version of the program, for the metadata. */
  producer: string;
  /** Bytes of finished sections that stay in memory; what is more goes to a temporary file. */
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

/** An encoded part of the index, waiting for its place behind the blocks. */
interface FinishedPart {
  section: StoredSection;
  row: Omit<ManifestRow, 'indexOffset'>;
}

/** A member that goes on in the next chunk. */
interface OpenMember {
  member: Member;
  group: number;
  streamOffset: number;
  hasher: Hasher;
  changed: boolean;
  /** Bytes of its data in the chunks so far. */
  written: number;
}

export class ArchiveWriter {
  private readonly sink: Sink;
  private readonly codec: Codec;
  private readonly metadata: ReadonlyMap<string, string>;
  private readonly groups: Group[] = [];
  private readonly builders: (SubIndexBuilder | undefined)[] = [];
  private readonly sections: SectionStore;
  private readonly parts: FinishedPart[] = [];
  private readonly frameParts: FinishedPart[] = [];
  /** Rows of the frame table that are in no part yet. */
  private frames: Frame[] = [];
  private readonly remarkParts: FinishedPart[] = [];
  /** Remarks that are in no part yet. */
  private remarks: Remark[] = [];
  private remarkBytes = 0;
  /** Tables are compressed into it. */
  private scratch = new Uint8Array(0);
  private open: OpenMember | undefined;
  /** Blocks to be written anew when the size of the open member is known, its header's first. */
  private unsized: { offset: number; header: BlockHeader }[] = [];
  private streamLength = 0;
  private members = 0;
  private contentBytes = 0;
  /** A writer that has failed once has an unknown tail and takes nothing more. */
  private failed = false;

  constructor(sink: Sink, settings: WriterSettings, codec: Codec) {
    this.sink = sink;
    this.codec = codec;
    this.sections = new SectionStore(settings.indexBytes);
    this.metadata = new Map([
      ['znip.format_version', `${FORMAT_MAJOR}.${FORMAT_MINOR}`],
      ['znip.producer', settings.producer],
      ['znip.codec', codec.name],
      ['znip.level', String(settings.level)],
      ['znip.chunk_size', String(settings.chunkSize)],
    ]);
  }

  /** Appends the block of one chunk and takes in its entries. Chunks come in order of sequence. */
  async append(plan: ChunkPlan, slot: Slot): Promise<void> {
    await this.guard(async () => {
      this.groups.push(...plan.newGroups);
      const result = readChunkResult(slot.records);
      // All members of the chunk turned out to be unreadable: there is nothing to write.
      if (result.chunkLength === 0) return;
      await this.writeBlock(plan, slot, result);
      await this.continueMember(plan, slot, result);
      await this.takeMembers(plan, slot);
      if (plan.filled !== null) await this.takeRemarks(plan.remarks ?? []);
      this.streamLength += result.chunkLength;
      // Frames of unsized blocks may still change.
      if (this.frames.length >= MAX_SUB_INDEX_ROWS && this.unsized.length === 0) await this.finishFrames();
    });
  }

  /** Writes everything behind the blocks. The archive is complete when this returns. */
  async finish(): Promise<ArchiveSummary> {
    return this.guard(async () => {
      for (let group = 0; group < this.builders.length; group++) await this.finishPart(group);
      while (this.frames.length > 0) await this.finishFrames();
      if (this.remarks.length > 0) await this.finishRemarks();
      const rows: ManifestRow[] = [];
      this.parts.sort(
        ({ row: a }, { row: b }) =>
          compareBytes(fromText(a.packageType), fromText(b.packageType)) ||
          compareBytes(repoOf(a), repoOf(b)),
      );
      for (const { section, row } of [...this.parts, ...this.frameParts, ...this.remarkParts]) {
        rows.push({ ...row, indexOffset: this.sink.position });
        await this.sink.write([this.sections.get(section)]);
      }
      const manifestOffset = this.sink.position;
      const table = encodeManifest({ rows, metadata: this.metadata });
      if (table.byteLength > MAX_TABLE_LENGTH) throw tooManyGroups(this.groups.length, table.byteLength);
      const manifest = await this.section(TAG.manifest, table);
      const rootHash = this.codec.hash(manifest);
      await this.sink.write([manifest]);
      const footer = encodeFooter(
        {
          manifestOffset,
          manifestLength: manifest.byteLength,
          archiveLength: this.sink.position + FOOTER_LENGTH,
          rootHash,
        },
        this.codec.hash,
      );
      await this.sink.write([footer]);
      return {
        members: this.members,
        contentBytes: this.contentBytes,
        archiveBytes: this.sink.position,
        rootHash: Buffer.from(rootHash).toString('hex'),
      };
    });
  }

  /** Lets go of what is not in the archive yet. Nothing more can be written. */
  close(): void {
    this.failed = true;
    this.sections.close();
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
    if ((plan.overflow ?? plan.continuation)?.size === UNKNOWN_SIZE) {
      this.unsized.push({ offset: this.sink.position, header: fields });
      if (fields.continuation !== undefined) fields.continuation.memberSize = Number.MAX_SAFE_INTEGER;
    }
    const header = encodeBlockHeader(fields, this.codec.hash);
    const blobOffset = this.sink.position + header.byteLength;
    await this.sink.write([header, ...blob]);
    this.frames.push({
      streamOffset: this.streamLength,
      streamLength: result.chunkLength,
      blobOffset,
      blobLength,
      stored,
      checksum: result.checksum,
    });
  }

  /** Hashes this chunk's part of a member that began earlier, and indexes the member when this was its last. */
  private async continueMember(plan: ChunkPlan, slot: Slot, result: ChunkResult): Promise<void> {
    if (plan.continuation === null || !plan.continuation.indexed) return;
    const { open } = this;
    if (open === undefined) throw new ZnipError('internal', 'a chunk continues a member that never began');
    const { length, size } = plan.continuation;
    if (open.member.size === UNKNOWN_SIZE && size !== UNKNOWN_SIZE) {
      open.member.size = size;
      this.writeSize(open);
    }
    open.hasher.update(slot.input.subarray(0, length));
    open.changed ||= result.continuationChanged;
    open.written += length;
    if (open.written < open.member.size) return;
    this.open = undefined;
    await this.addEntry(open.group, open.member, open.streamOffset, open.hasher.digest(), open.changed);
  }

  /** The size of a member whose header was written without it: into that, and into the block headers since. */
  private writeSize({ member }: OpenMember): void {
    const { hash } = this.codec;
    for (const { offset, header } of this.unsized) {
      if (header.continuation !== undefined) {
        header.continuation.memberSize = member.size;
        this.sink.rewrite(offset, [encodeBlockHeader(header, hash)]);
        continue;
      }
      const chunk = Buffer.alloc(header.chunkLength);
      encodeReservedHeader(chunk, 0, member);
      header.checksum = hash(chunk);
      const frame = this.frames.find(({ streamOffset }) => streamOffset === header.streamOffset);
      if (frame === undefined)
        throw new ZnipError('internal', 'the block of a header is not in the frame table');
      frame.checksum = header.checksum;
      this.sink.rewrite(offset, [encodeBlockHeader(header, hash), ...rawFramePieces(chunk)]);
    }
    this.unsized = [];
  }

  private async takeMembers(plan: ChunkPlan, slot: Slot): Promise<void> {
    const { members } = plan;
    for (let row = 0; row < members.count; row++) {
      const result = readMemberResult(slot.records, row);
      if (result.dropped) continue;
      const member = memberAt(members, row);
      const group = members.groups[row] ?? 0;
      const streamOffset = this.streamLength + result.dataOffset;
      if (plan.overflow !== null && row === members.count - 1) {
        const { length } = plan.overflow;
        const hasher = this.codec.createHasher();
        hasher.update(slot.input.subarray(result.dataOffset, result.dataOffset + length));
        this.open = { member, group, streamOffset, hasher, changed: result.changed, written: length };
        continue;
      }
      member.size = result.size;
      await this.addEntry(
        group,
        member,
        streamOffset,
        member.kind === 0 ? result.checksum : null,
        result.changed,
      );
    }
  }

  private async addEntry(
    group: number,
    member: Member,
    streamOffset: number,
    checksum: Uint8Array | null,
    changed: boolean,
  ): Promise<void> {
    const builder = (this.builders[group] ??= new SubIndexBuilder());
    builder.append(member, streamOffset, checksum, changed);
    this.members += 1;
    this.contentBytes += member.size;
    if (builder.isFull) await this.finishPart(group);
  }

  private async finishPart(group: number): Promise<void> {
    const builder = this.builders[group];
    const info = this.groups[group];
    if (builder === undefined || info === undefined || builder.length === 0) return;
    this.builders[group] = undefined;
    const { firstPath, lastPath, contentBytes } = builder.summary();
    const table = builder.encode(this.metadata);
    const section = await this.section(TAG.subIndex, table);
    this.parts.push({
      section: this.sections.put(section),
      row: {
        section: 'members',
        ...info,
        indexLength: section.byteLength,
        rowCount: builder.length,
        uncompressedBytes: table.byteLength,
        contentBytes,
        firstPath: toText(firstPath),
        lastPath: toText(lastPath),
        checksum: this.codec.hash(section),
      },
    });
  }

  private async finishFrames(): Promise<void> {
    const frames = this.frames.slice(0, MAX_SUB_INDEX_ROWS);
    this.frames = this.frames.slice(MAX_SUB_INDEX_ROWS);
    const table = encodeFrameTable(frames, this.metadata);
    const section = await this.section(TAG.frameTable, table);
    const row: FinishedPart['row'] = {
      section: 'frames',
      packageType: '',
      repo: '',
      indexLength: section.byteLength,
      rowCount: frames.length,
      uncompressedBytes: table.byteLength,
      contentBytes: frames.reduce((sum, frame) => sum + frame.streamLength, 0),
      firstPath: '',
      lastPath: '',
      checksum: this.codec.hash(section),
    };
    this.frameParts.push({ section: this.sections.put(section), row });
  }

  private async takeRemarks(remarks: readonly Remark[]): Promise<void> {
    for (const remark of remarks) {
      this.remarks.push({ ...remark, headerOffset: this.streamLength + remark.headerOffset });
      this.remarkBytes += 2 * remark.path.length + remark.reason.length;
      const isFull = this.remarks.length >= MAX_SUB_INDEX_ROWS || this.remarkBytes >= MAX_NAME_BYTES;
      if (isFull) await this.finishRemarks();
    }
  }

  private async finishRemarks(): Promise<void> {
    const { remarks } = this;
    this.remarks = [];
    this.remarkBytes = 0;
    const table = encodeRemarks(remarks, this.metadata);
    const section = await this.section(TAG.remarks, table);
    const row: FinishedPart['row'] = {
      section: 'remarks',
      packageType: '',
      repo: '',
      indexLength: section.byteLength,
      rowCount: remarks.length,
      uncompressedBytes: table.byteLength,
      contentBytes: 0,
      firstPath: '',
      lastPath: '',
      checksum: this.codec.hash(section),
    };
    this.remarkParts.push({ section: this.sections.put(section), row });
  }

  private async section(tag: string, table: Uint8Array): Promise<Uint8Array> {
    // A table may be incompressible: leave room for a frame of raw blocks.
    const most = rawFrameLength(table.byteLength) + 64;
    if (this.scratch.byteLength < most) this.scratch = new Uint8Array(most);
    const length = await this.codec.compress(table, this.scratch, INDEX_SETTINGS);
    if (length > 0 && length * MAX_TABLE_RATIO >= table.byteLength)
      return encodeSection(tag, this.scratch.subarray(0, length), table.byteLength);
    return encodeSection(tag, Buffer.concat(rawFramePieces(table)), table.byteLength);
  }
}

function tooManyGroups(groups: number, found: number): ZnipError {
  return new ZnipError(
    'limit',
    `the names of ${groups} groups make a manifest of ${found} bytes, expected at most ${MAX_TABLE_LENGTH}: pack fewer repos into one archive, or without --repo-from-dir`,
  );
}

function continuationOf(plan: ChunkPlan): Continuation | undefined {
  if (plan.continuation === null) return undefined;
  const { path, fileOffset, size } = plan.continuation;
  return { path, memberOffset: fileOffset, memberSize: size };
}

/** Tables are small and are read often: level 3, whatever the level of the blobs. */
const INDEX_SETTINGS: CompressionSettings = { level: 3, windowLog: 23, longDistance: false };
