/**
 * The chunks of an archive that is made from others, as plans for the pipeline that packs. A chunk all of whose members go in
 * is copied as it is stored; any other is decoded, and made anew without those that do not. Main thread.
 */
import { ChunkReader } from '../archive/member-reader.ts';
import { type InspectedChunk, inspectChunk } from '../blocks/inspect-chunk.ts';
import { copyRanges, keptRanges, keptRemarks, Places, type Range } from '../blocks/kept-ranges.ts';
import { codec } from '../codec/codec.ts';
import { ZnipError } from '../errors.ts';
import { type BlockHeader, decodeBlockHeader, MAX_BLOCK_HEADER_LENGTH } from '../format/block-header.ts';
import type { Remark } from '../format/remarks.ts';
import type { Frame } from '../format/tables/frame-table.ts';
import { TarReader } from '../format/tar/tar-reader.ts';
import { toText } from '../format/values/byte-string.ts';
import { equalBytes } from '../format/values/bytes.ts';
import { CHECKSUM_LENGTH, PROLOGUE } from '../format/values/constants.ts';
import { KIND } from '../format/values/entry.ts';
import { skippableFrameLength } from '../format/zstd/skippable-frame.ts';
import type { AcquireSlot, FilledChunkPlan, MemberPart } from '../pack/plan/chunk-plan.ts';
import { ChunkBuilder, type GrownOptions } from './chunk-builder.ts';
import { type GrowSource, memberOf, type RemadeMember } from './grow-source.ts';
import { KnownMembers } from './known-members.ts';

/** Yields the chunks in order; the end of the tar stream is the last. */
export async function* grownChunks(
  sources: readonly GrowSource[],
  acquire: AcquireSlot,
  options: GrownOptions,
): AsyncGenerator<FilledChunkPlan, void> {
  const builder = new ChunkBuilder(acquire, options);
  for (const source of sources) yield* new SourceChunks(source, builder, options).plans();
  yield await builder.end();
}

/** The chunks of one source. */
class SourceChunks {
  private readonly source: GrowSource;
  private readonly builder: ChunkBuilder;
  private readonly options: GrownOptions;
  private readonly reader = new TarReader();
  private nextEntry = 0;
  private nextRemark = 0;
  /** The member that goes on behind the chunk before does not go in. */
  private openIsGone = false;

  constructor(source: GrowSource, builder: ChunkBuilder, options: GrownOptions) {
    this.source = source;
    this.builder = builder;
    this.options = options;
  }

  async *plans(): AsyncGenerator<FilledChunkPlan, void> {
    let behind = PROLOGUE.byteLength;
    for (const [number, frame] of this.source.frames.entries()) {
      const header = await this.blockHeader(frame, behind);
      behind = frame.blobOffset + frame.blobLength;
      if (header.last) return;
      const from = this.nextEntry;
      const to = this.takeEntries(frame);
      const plan = await this.plan(number, frame, header, from, to);
      if (plan !== undefined) yield plan;
      const remade = this.remadeOf(from, to);
      if (remade.length > 0) yield* this.builder.remade(this.source, remade);
    }
  }

  /** The header of a block, which ends where its blob begins. Others' frames may lie before it. */
  private async blockHeader(frame: Frame, from: number): Promise<BlockHeader> {
    const { archive, name } = this.source;
    const { blobOffset } = frame;
    for (let offset = from; offset < blobOffset;) {
      const length = Math.min(blobOffset - offset, MAX_BLOCK_HEADER_LENGTH);
      const start = await archive.source.read(offset, length);
      const frameLength = start.byteLength < 8 ? Infinity : skippableFrameLength(start);
      if (offset + frameLength > blobOffset) break;
      if (offset + frameLength === blobOffset) {
        const header = decodeBlockHeader(start.subarray(0, frameLength), codec().hash, offset);
        const agrees =
          header.chunkLength === frame.streamLength &&
          header.streamOffset === frame.streamOffset &&
          equalBytes(header.checksum, frame.checksum);
        if (agrees) return header;
        break;
      }
      offset += frameLength;
    }
    throw new ZnipError(
      'inconsistent',
      `'${name}': the header of the block at byte ${blobOffset} is not its own`,
      {
        path: name,
        offset: blobOffset,
      },
    );
  }

  /** Takes the entries whose headers are in this chunk. Returns the position behind them. */
  private takeEntries({ streamOffset, streamLength }: Frame): number {
    const { entries } = this.source;
    const end = streamOffset + streamLength;
    // A content starts behind its header: at the end of the chunk, if that is all of the member that is in it.
    while (this.nextEntry < entries.length) {
      const { batch, row } = entries.at(this.nextEntry);
      if ((batch.streamOffsets[row] ?? 0) > end) break;
      this.nextEntry += 1;
    }
    return this.nextEntry;
  }

  private takeRemarks({ streamOffset, streamLength }: Frame): Remark[] {
    const { remarks } = this.source;
    const taken: Remark[] = [];
    for (; this.nextRemark < remarks.length; this.nextRemark++) {
      const remark = remarks[this.nextRemark] as Remark;
      if (remark.headerOffset >= streamOffset + streamLength) break;
      taken.push({ ...remark, headerOffset: remark.headerOffset - streamOffset });
    }
    return taken;
  }

  /** undefined if nothing of the chunk goes in. */
  private async plan(
    number: number,
    frame: Frame,
    header: BlockHeader,
    from: number,
    to: number,
  ): Promise<FilledChunkPlan | undefined> {
    const remarks = this.takeRemarks(frame);
    const { firstHeaderOffset, continuation: goingOn } = header;
    const start = firstHeaderOffset ?? frame.streamLength;
    const wasGone = goingOn !== undefined && this.openIsGone;
    const { kept } = this.source;
    const isWhole = !wasGone && kept.subarray(from, to).every((isKept) => isKept === 1);
    const tailIsGone = this.noteTail(frame, from, to, goingOn !== undefined);
    if (wasGone && firstHeaderOffset === undefined) return undefined;
    const continuation = goingOn === undefined || wasGone ? null : partOf(goingOn, start);
    const { fingerprint } = frame;
    if (isWhole && fingerprint !== null && !this.options.recompress) {
      const found = new KnownMembers();
      this.appendAll(found, from, to, frame.streamOffset);
      const { blobOffset: offset, blobLength: length, checksum, stored } = frame;
      const { fd, name } = this.source;
      return this.builder.plan(found, {
        chunkLength: frame.streamLength,
        continuation,
        continuationLength: goingOn === undefined ? 0 : start,
        firstHeaderOffset,
        remarks,
        copied: { fd, offset, length, checksum, stored, name, fingerprint },
      });
    }
    return this.remake(number, frame, { from, to, start, continuation, tailIsGone });
  }

  /** Notes whether the member in which this chunk ends goes in. */
  private noteTail(frame: Frame, from: number, to: number, isContinued: boolean): boolean {
    const end = frame.streamOffset + frame.streamLength;
    if (to === from) {
      if (!isContinued) this.openIsGone = false;
      return false;
    }
    const { batch, row } = this.source.entries.at(to - 1);
    const goesOn = (batch.streamOffsets[row] ?? 0) + (batch.sizes[row] ?? 0) > end;
    this.openIsGone = goesOn && this.source.kept[to - 1] !== 1;
    return this.openIsGone;
  }

  /** The part of a chunk that goes in, in a slot. */
  private async remake(
    number: number,
    frame: Frame,
    {
      from,
      to,
      start,
      continuation,
      tailIsGone,
    }: { from: number; to: number; start: number; continuation: MemberPart | null; tailIsGone: boolean },
  ): Promise<FilledChunkPlan | undefined> {
    const { source, builder } = this;
    const chunk = Buffer.from((await new ChunkReader(source.archive, source.frames).read(number)).buffer);
    const inspected = inspectChunk(chunk, start, frame.streamOffset, this.reader, codec());
    if (inspected.fault !== null)
      throw new ZnipError('damaged-block', inspected.fault.message, { path: source.name });
    const rows = this.keptRows(inspected, frame, from, to);
    const continuationLength = continuation === null ? 0 : start;
    const ranges = keptRanges(
      { chunkLength: frame.streamLength, start },
      inspected,
      { rows, tail: !tailIsGone },
      continuationLength,
    );
    const chunkLength = ranges.reduce((sum, range) => sum + range.end - range.start, 0);
    if (chunkLength === 0) return undefined;
    const { input } = await builder.acquire();
    copyRanges(chunk, ranges, input);
    return builder.plan(this.remadeMembers(inspected, rows, from, ranges), {
      chunkLength,
      continuation,
      continuationLength,
      firstHeaderOffset: chunkLength > continuationLength ? continuationLength : undefined,
      remarks: keptRemarks(inspected, ranges),
    });
  }

  /** The rows of a decoded chunk whose entries go in. Throws if the index says something else about their contents. */
  private keptRows({ members }: InspectedChunk, frame: Frame, from: number, to: number): number[] {
    const { entries, kept } = this.source;
    const rows: number[] = [];
    let row = 0;
    for (let position = from; position < to; position++) {
      const { batch, row: entry } = entries.at(position);
      const offset = this.offsetOf(position) - frame.streamOffset;
      while (row < members.count && (members.dataOffsets[row] ?? 0) < offset) row++;
      const path = batch.path(entry);
      const size = batch.sizes[entry] ?? 0;
      const checksum = batch.checksum(entry);
      const isThere = row < members.count && members.dataOffsets[row] === offset;
      const found = members.checksums.subarray(row * CHECKSUM_LENGTH, (row + 1) * CHECKSUM_LENGTH);
      const isInside = batch.kinds[entry] === KIND.file && offset + size <= frame.streamLength;
      if (!isThere || (isInside && (checksum === null || !equalBytes(checksum, found)))) {
        const member = toText(path);
        const why = `'${this.source.name}': the index says of member '${member}' what the tar stream does not`;
        throw new ZnipError('inconsistent', why, { member });
      }
      if (kept[position] === 1) rows.push(row);
    }
    return rows;
  }

  private remadeMembers(
    { members }: InspectedChunk,
    rows: readonly number[],
    from: number,
    ranges: readonly Range[],
  ): KnownMembers {
    const found = new KnownMembers();
    const places = new Places(ranges);
    let position = from;
    for (const row of rows) {
      // One row for each entry that goes in.
      while (this.source.kept[position] !== 1) position++;
      const header = members.headerOffsets[row] ?? 0;
      this.append(found, position++, (places.of(header) ?? 0) + (members.dataOffsets[row] ?? 0) - header);
    }
    return found;
  }

  private append(found: KnownMembers, position: number, dataOffset: number): void {
    const ref = this.source.entries.at(position);
    const { batch, row, group } = ref;
    const facts = { checksum: batch.checksum(row), changed: batch.changed(row) };
    found.append(memberOf(ref), this.builder.numberOf(group), dataOffset, facts);
  }

  /** Appends entries that all go in, run by run. */
  private appendAll(found: KnownMembers, from: number, to: number, streamOffset: number): void {
    const { entries } = this.source;
    for (let position = from; position < to;) {
      const { batch, row, group } = entries.at(position);
      const { plain } = batch;
      if (plain === undefined || batch.hasOwners || batch.hasOwnerNames) {
        this.append(found, position, this.offsetOf(position) - streamOffset);
        position += 1;
        continue;
      }
      const count = entries.runLength(position, to - position);
      const run = { batch, group, from: row, to: row + count };
      found.appendRows(run, plain, this.builder.numberOf(group), streamOffset);
      position += count;
    }
  }

  private offsetOf(position: number): number {
    const { batch, row } = this.source.entries.at(position);
    return batch.streamOffsets[row] ?? 0;
  }

  private remadeOf(from: number, to: number): RemadeMember[] {
    const { remade } = this.source;
    const found: RemadeMember[] = [];
    for (let position = from; remade.size > 0 && position < to; position++) {
      const member = remade.get(position);
      if (member !== undefined) found.push(member);
    }
    return found;
  }
}

/** The member with whose data a chunk begins. Its entry is where its header was. */
function partOf(
  { path, memberOffset, memberSize }: NonNullable<BlockHeader['continuation']>,
  start: number,
): MemberPart {
  const length = Math.min(start, memberSize - memberOffset);
  return { path, fileOffset: memberOffset, length, size: memberSize, indexed: false };
}
