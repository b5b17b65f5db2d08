/**
 * The members of the chunk that is being planned. Those that start in its second half wait until it is known where the
 * chunk ends. Main thread. Implements docs/format.md, "Chunks".
 */
import {
  CutPoint,
  RANK_START,
  rankByte,
  rankName,
  rankOf,
  type RankState,
} from '../../format/chunk-layout.ts';
import type { NativeListing } from '../../posix/listing.ts';
import { plainLength } from '../walk/plain-files.ts';
import type { MemberRun, SourceMember } from '../walk/source-member.ts';
import { MemberColumnsBuilder } from './member-columns-builder.ts';
import type { MemberColumns } from './member-columns.ts';

/** Files of a run that wait: rows `from` to `to` of its listing. */
interface WaitingFiles {
  run: MemberRun;
  from: number;
  to: number;
  /** Bytes of tar stream. */
  length: number;
  group: number;
}

/** A member that waits. */
interface WaitingMember {
  run: undefined;
  member: SourceMember;
  /** Bytes of tar stream. */
  length: number;
  group: number;
}

export class ChunkMembers {
  private readonly chunkSize: number;
  private columns = new MemberColumnsBuilder();
  /** Bytes of tar stream in the chunk, with those that wait. */
  private length = 0;
  private waiting: (WaitingFiles | WaitingMember)[] = [];
  private readonly cut: CutPoint;
  /** The first of `waiting` behind the cut. */
  private behindCut = 0;

  constructor(chunkSize: number) {
    this.chunkSize = chunkSize;
    this.cut = new CutPoint(chunkSize);
  }

  /** Bytes of tar stream in the chunk. */
  get filled(): number {
    return this.length;
  }

  get isFull(): boolean {
    return this.length === this.chunkSize;
  }

  /** The chunk begins with bytes of an earlier member. */
  begin(length: number): void {
    this.length = length;
  }

  /** Takes a member of `length` bytes of tar stream. False if there is no room: then the chunk must end first. */
  append(member: SourceMember, length: number, group: number): boolean {
    if (this.length + length > this.chunkSize) return false;
    if (this.length < this.cut.half) this.columns.append(member, group);
    else {
      this.offer(rankOf(rankName(RANK_START, member.path)));
      this.waiting.push({ run: undefined, member, length, group });
    }
    this.length += length;
    return true;
  }

  /** Takes files of a run from row `from` of its listing on, as far as there is room. Returns the row behind them. */
  appendRun(run: MemberRun, from: number, group: number): number {
    const row = this.appendFirstHalf(run, from, group);
    return row < run.to && this.length >= this.cut.half ? this.appendSecondHalf(run, row, group) : row;
  }

  private appendFirstHalf(run: MemberRun, from: number, group: number): number {
    const { chunkSize } = this;
    const { half } = this.cut;
    if (from === run.from && this.length + run.streamLength <= half) {
      this.columns.appendRun(run, from, run.to, group);
      this.length += run.streamLength;
      return run.to;
    }
    let row = from;
    for (; row < run.to && this.length < half; row++) {
      const length = plainLength(run.listing.size(row));
      if (this.length + length > chunkSize) break;
      this.length += length;
    }
    if (row > from) this.columns.appendRun(run, from, row, group);
    return row;
  }

  private appendSecondHalf(run: MemberRun, from: number, group: number): number {
    const { chunkSize } = this;
    const { listing } = run;
    const base = rankName(RANK_START, run.base);
    let files: WaitingFiles | undefined;
    let row = from;
    for (; row < run.to; row++) {
      const length = plainLength(listing.size(row));
      if (this.length + length > chunkSize) break;
      // Files before the cut and behind it do not wait together.
      if (this.offer(rankOf(rankListed(base, listing, row)))) files = undefined;
      if (files === undefined) this.waiting.push((files = { run, from: row, to: row, length: 0, group }));
      files.to = row + 1;
      files.length += length;
      this.length += length;
    }
    return row;
  }

  /** Whether the chunk would now end before the member that comes next. */
  private offer(rank: number): boolean {
    if (!this.cut.offer(this.length, rank)) return false;
    this.behindCut = this.waiting.length;
    return true;
  }

  /** The chunk takes all of its members: nothing comes that it might have to make room for. */
  finish(): MemberColumns {
    this.behindCut = this.waiting.length;
    return this.end();
  }

  /**
   * The next member does not fit, or the chunk is full, so the chunk ends where it should. What is behind that begins the
   * next chunk.
   */
  finishAtCut(): MemberColumns {
    return this.cut.position === undefined ? this.finish() : this.end();
  }

  private end(): MemberColumns {
    const { columns, waiting, behindCut } = this;
    for (const members of waiting.slice(0, behindCut)) appendTo(columns, members);
    const left = waiting.slice(behindCut);
    this.columns = new MemberColumnsBuilder();
    // They are in the first half now, so none of them waits any longer.
    for (const members of left) appendTo(this.columns, members);
    this.length = left.reduce((sum, { length }) => sum + length, 0);
    this.waiting = [];
    this.cut.reset();
    return columns.finish();
  }
}

/** What comes of the rank of a path when the name of this row is added. */
function rankListed(state: RankState, listing: NativeListing, row: number): RankState {
  const { texts } = listing;
  for (let k = listing.nameStart(row), end = listing.nameEnd(row); k < end; k++) {
    state = rankByte(state, texts[k] ?? 0);
  }
  return state;
}

function appendTo(columns: MemberColumnsBuilder, members: WaitingFiles | WaitingMember): void {
  if (members.run === undefined) columns.append(members.member, members.group);
  else columns.appendRun(members.run, members.from, members.to, members.group);
}
