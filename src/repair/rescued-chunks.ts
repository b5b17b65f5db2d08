/**
 * The tar stream of the whole parts, as plans for the pipeline that packs: chunk by chunk, without lost or refused
 * members, and with everything that the index says and the tar headers do not. Main thread.
 */
import type { Entries, EntryRef } from '../archive/entries.ts';
import { decodeBlob } from '../blocks/decode-blob.ts';
import { copyRanges, type Kept, keptRanges, keptRemarks, Places, type Range } from '../blocks/kept-ranges.ts';
import {
  type InspectedChunk,
  type InspectedMembers,
  inspectChunk,
  linkTargetAt,
  pathAt,
} from '../blocks/inspect-chunk.ts';
import { codec } from '../codec/codec.ts';
import { ZnipError } from '../errors.ts';
import { TarReader } from '../format/tar/tar-reader.ts';
import { toText, type ByteString } from '../format/values/byte-string.ts';
import { TAR_END_LENGTH } from '../format/values/constants.ts';
import { floorSeconds, KIND, type Member } from '../format/values/entry.ts';
import { packageTypeOf } from '../format/values/package-type.ts';
import type { ByteSource } from '../io/source.ts';
import { AnnouncedGroups } from '../pack/plan/announced-groups.ts';
import type { FilledChunkPlan, MemberPart, AcquireSlot } from '../pack/plan/chunk-plan.ts';
import type { MemberColumns } from '../pack/plan/member-columns.ts';
import { MemberColumnsBuilder } from '../pack/plan/member-columns-builder.ts';
import { Limits } from '../rules/limits.ts';
import { lostMember, type LostMember } from '../rules/lost.ts';
import { MemberNames } from '../rules/member-names.ts';
import { checkPath } from '../rules/safe-path.ts';
import { RescuedLinks } from './rescued-links.ts';
import type { Survey, WholeBlock } from './survey.ts';

export interface RescueOptions {
  source: ByteSource;
  survey: Survey;
  /** Entries that are whole, for facts that are not in the tar headers. */
  entries: Entries | undefined;
  /** Called for members that are refused by the rules of unpacking, or that link to something lost. */
  onRefused: (lost: LostMember) => void;
}

/** A member that continues in the next block. */
interface RescuedMember {
  path: ByteString;
  size: number;
  done: number;
  indexed: boolean;
}

/** Yields the chunks in order; the end of the tar stream is the last. `acquire` gives the slot of each. */
export async function* rescuedChunks(
  acquire: AcquireSlot,
  options: RescueOptions,
): AsyncGenerator<FilledChunkPlan, void> {
  const rescue = new Rescue(options);
  let sequence = 0;
  for (const block of options.survey.blocks) {
    const plan = await rescue.plan(block, sequence, acquire);
    if (plan === undefined) continue;
    sequence += 1;
    yield plan;
  }
  const { input } = await acquire(sequence);
  input.fill(0, 0, TAR_END_LENGTH);
  yield {
    sequence,
    last: true,
    continuation: null,
    members: new MemberColumnsBuilder().finish(),
    overflow: null,
    newGroups: [],
    filled: {
      chunkLength: TAR_END_LENGTH,
      firstHeaderOffset: undefined,
      continuationLength: 0,
      dataOffsets: new Uint32Array(0),
      stored: false,
    },
  };
}

class Rescue {
  private readonly options: RescueOptions;
  private readonly names = new MemberNames(new Limits({}));
  private readonly reader = new TarReader();
  private readonly groups = new AnnouncedGroups();
  private readonly links: RescuedLinks;
  private nextEntry = 0;
  /** The member in which the chunk before ended, if it is kept. */
  private open: RescuedMember | undefined;

  constructor(options: RescueOptions) {
    this.options = options;
    this.links = new RescuedLinks(options);
  }

  /** The kept part of a block's chunk, in a slot; undefined if nothing is kept. */
  async plan(
    block: WholeBlock,
    sequence: number,
    acquire: AcquireSlot,
  ): Promise<FilledChunkPlan | undefined> {
    const chunk = await this.decode(block);
    const inspected = inspectChunk(chunk, block.start, block.streamOffset, this.reader, codec());
    const continuation = this.takeContinuation(block);
    const continuationLength = continuation === null ? 0 : block.start;
    const kept = this.chooseMembers(block, inspected);
    const ranges = keptRanges(block, inspected, kept, continuationLength);
    const chunkLength = ranges.reduce((sum, { start, end }) => sum + end - start, 0);
    if (chunkLength === 0) return undefined;
    const { input } = await acquire(sequence);
    copyRanges(chunk, ranges, input);
    const { columns, dataOffsets } = this.columnsOf(block, inspected, kept.rows, ranges);
    return {
      sequence,
      last: false,
      continuation,
      members: columns,
      overflow: this.takeOverflow(inspected, kept.tail),
      newGroups: this.groups.takeAnnounced(),
      remarks: keptRemarks(inspected, ranges),
      filled: {
        chunkLength,
        firstHeaderOffset: chunkLength > continuationLength ? continuationLength : undefined,
        continuationLength,
        dataOffsets,
        stored: false,
      },
    };
  }

  /** The kept members, and where their contents are in the slot. */
  private columnsOf(
    block: WholeBlock,
    { members }: InspectedChunk,
    rows: readonly number[],
    ranges: readonly Range[],
  ): { columns: MemberColumns; dataOffsets: Uint32Array } {
    const builder = new MemberColumnsBuilder();
    const places = new Places(ranges);
    const dataOffsets = new Uint32Array(rows.length);
    for (const [i, row] of rows.entries()) {
      const header = members.headerOffsets[row] ?? 0;
      dataOffsets[i] = (places.of(header) ?? 0) + (members.dataOffsets[row] ?? 0) - header;
      this.append(builder, members, row, block);
    }
    return { columns: builder.finish(), dataOffsets };
  }

  private async decode({
    number,
    blobOffset,
    blobLength,
    chunkLength,
    checksum,
  }: WholeBlock): Promise<Buffer> {
    const stored = await this.options.source.read(blobOffset, blobLength);
    const chunk = Buffer.alloc(chunkLength);
    await decodeBlob(stored, chunk, { blobOffset, checksum }, number, codec());
    return chunk;
  }

  /** The data at the start of a chunk that belongs to a kept member. */
  private takeContinuation({ chunkLength }: WholeBlock): MemberPart | null {
    const { open } = this;
    if (open === undefined) return null;
    const { path, size, done, indexed } = open;
    const length = Math.min(size - done, chunkLength);
    open.done += length;
    if (open.done === size) this.open = undefined;
    return { path, fileOffset: done, length, size, indexed };
  }

  private takeOverflow({ unfinished }: InspectedChunk, kept: boolean): MemberPart | null {
    if (unfinished === null || !kept) return null;
    const { path, size, done, indexed } = unfinished;
    this.open = { path, size, done, indexed };
    return indexed ? { path, fileOffset: 0, length: done, size, indexed } : null;
  }

  /** The rows that are kept, and whether the member in which the chunk ends is kept. */
  private chooseMembers(
    { tailWhole, streamOffset }: WholeBlock,
    { members, unfinished }: InspectedChunk,
  ): Kept {
    const rows: number[] = [];
    let tail = tailWhole;
    for (let row = 0; row < members.count; row++) {
      const isTail = unfinished !== null && members.headerOffsets[row] === unfinished.headerOffset;
      if (isTail && !tailWhole) continue;
      if (this.admit(members, row, streamOffset + (members.dataOffsets[row] ?? 0))) rows.push(row);
      else if (isTail) tail = false;
    }
    return { rows, tail };
  }

  /** Whether a member can exist together with those before it. `streamOffset` is where its content starts. */
  private admit(members: InspectedMembers, row: number, streamOffset: number): boolean {
    const path = pathAt(members, row);
    const kind = members.kinds[row] ?? 0;
    try {
      if (kind === KIND.hardlink) this.checkTarget(path, linkTargetAt(members, row), streamOffset);
      this.names.add(path, kind);
      this.links.keep(streamOffset);
      return true;
    } catch (error) {
      if (!(error instanceof ZnipError)) throw error;
      this.options.onRefused(lostMember(path, error));
      return false;
    }
  }

  private checkTarget(path: ByteString, target: ByteString, streamOffset: number): void {
    checkPath(target);
    const kind = this.names.kindOf(target);
    if (this.links.leadsToWhole(streamOffset) ?? (kind !== undefined && kind !== KIND.directory)) return;
    const member = toText(path);
    const why = `hard link '${member}' leads to '${toText(target)}', which is not a file that is whole`;
    throw new ZnipError('unsafe-link', why, { member });
  }

  private append(
    columns: MemberColumnsBuilder,
    members: InspectedMembers,
    row: number,
    block: WholeBlock,
  ): void {
    const entry = this.entryAt(block.streamOffset + (members.dataOffsets[row] ?? 0));
    const path = pathAt(members, row);
    const known = entry !== undefined && entry.batch.path(entry.row) === path ? entry : undefined;
    const mtime = members.mtimes[row] ?? 0n;
    const exact = known?.batch.mtimes[known.row] ?? mtime;
    const owned = this.options.survey.hasOwners;
    const member: Member = {
      path,
      kind: members.kinds[row] ?? 0,
      mode: members.modes[row] ?? 0,
      // Must agree with the tar header.
      mtime: floorSeconds(exact) === floorSeconds(mtime) ? exact : mtime,
      size: members.sizes[row] ?? 0,
      linkTarget: linkTargetAt(members, row),
      uid: owner(members.uids[row], known === undefined ? undefined : known.batch.uid(known.row), owned),
      gid: owner(members.gids[row], known === undefined ? undefined : known.batch.gid(known.row), owned),
    };
    member.uname = members.unames?.[row];
    member.gname = members.gnames?.[row];
    member.xattrs = members.xattrs?.[row];
    const group = known?.group ?? { packageType: packageTypeOf(path), repo: '' };
    columns.append(
      { ...member, prefix: '', sourceMtime: null, follow: false, linked: false },
      this.groups.numberOf(group),
    );
  }

  /** The entry of the content at this byte of the tar stream. Must be called in the order of these bytes. */
  private entryAt(streamOffset: number): EntryRef | undefined {
    const { entries } = this.options;
    if (entries === undefined) return undefined;
    for (; this.nextEntry < entries.length; this.nextEntry++) {
      const ref = entries.at(this.nextEntry);
      const offset = ref.batch.streamOffsets[ref.row] ?? 0;
      if (offset === streamOffset) return ref;
      if (offset > streamOffset) return undefined;
    }
    return undefined;
  }
}

/**
 * The owner to record: that of the index if the tar header agrees; otherwise that of the tar header, if owners were
 * recorded.
 */
function owner(
  stated: number | undefined,
  indexed: number | null | undefined,
  owned: boolean,
): number | null {
  if (indexed === null || (indexed !== undefined && indexed === stated)) return indexed;
  return owned && stated !== undefined && stated >= 0 ? stated : null;
}
