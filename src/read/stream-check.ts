/**
 * Holds the index at the end of a stream against the members that were unpacked from it.
 */
import { codec } from '../codec/codec.ts';
import { toZnipError, ZnipError } from '../errors.ts';
import { equalBytes } from '../format/block-header.ts';
import { toText, type ByteString } from '../format/byte-string.ts';
import { FOOTER_MAGIC, SKIPPABLE_HEADER_LENGTH, TAG } from '../format/constants.ts';
import { floorSeconds, KIND, NANOSECONDS } from '../format/entry.ts';
import { decodeFooter, FOOTER_LENGTH } from '../format/footer.ts';
import type { Frame } from '../format/frame-table.ts';
import { startsAsArchive } from '../format/marks.ts';
import { readTag, skippableFrameLength } from '../format/skippable-frame.ts';
import { openArchive } from './archive.ts';
import type { ArrivedMember, ArrivedMembers } from './arrived-members.ts';
import { type ArrivedBlock, isSkippableMagic } from './block-stream.ts';
import type { Entries, EntryRef } from './entries.ts';
import { recordedOwner } from './extract-plan.ts';
import { hardLinkMeanings, streamOffset } from './link-meanings.ts';
import type { ByteSource } from './source.ts';
import { Turns } from '../ring/turns.ts';
import type { ByteStream } from '../stream/byte-stream.ts';
import type { Owner } from './write-file.ts';

/** What the tar stream did not say of a member, or not exactly. */
export interface IndexedAttributes {
  /** Its row among the members that have arrived. */
  row: number;
  kind: number;
  size: number;
  mode: number;
  mtime: bigint;
  /** null when it is not recorded; the tar header then has 0. */
  owner: Owner | null;
}

/**
 * The longest index that is taken from a stream, because it has to be held in memory: a start, so much for each
 * byte of tar stream, in which a member has a header of 512, and 2 GiB. Real members have less than 100.
 */
const INDEX_START = 64 * 1024 * 1024;
const MAX_INDEX_RATIO = 2;
const MAX_INDEX_LENGTH = 2 * 1024 * 1024 * 1024 - 1;

const PIECE = 256 * 1024;

/** Rows between two looks at the clock. */
const ROWS = 64;

/**
 * The rest of a stream, which is the index of so many bytes of tar stream. Throws `limit` as soon as it is
 * longer than that of any.
 */
export async function readRest(stream: ByteStream, tarLength: number): Promise<Buffer> {
  const most = Math.min(MAX_INDEX_LENGTH, INDEX_START + MAX_INDEX_RATIO * tarLength);
  const pieces: Buffer[] = [];
  let length = 0;
  for (;;) {
    const piece = Buffer.allocUnsafe(PIECE);
    const read = await stream.readInto(piece);
    pieces.push(piece.subarray(0, read));
    length += read;
    if (length > most) {
      throw new ZnipError(
        'limit',
        `the index of ${stream.name} goes on for more than ${most} bytes, for a tar stream of ${tarLength}`,
      );
    }
    if (read < PIECE) return Buffer.concat(pieces);
  }
}

/** The end of an archive, as the archive of which only the end is there. */
export class TailSource implements ByteSource {
  readonly name: string;
  readonly byteLength: number;
  readonly fd = undefined;
  readonly start: number;
  readonly tail: Buffer;

  constructor(name: string, start: number, tail: Buffer) {
    this.name = name;
    this.start = start;
    this.tail = tail;
    this.byteLength = start + tail.byteLength;
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    const at = offset - this.start;
    if (at < 0 || at + length > this.tail.byteLength) {
      throw new ZnipError(
        'inconsistent',
        `the index of ${this.name} points outside itself, at byte ${offset}`,
      );
    }
    return this.tail.subarray(at, at + length);
  }

  close(): void {}
}

export interface IndexCheck {
  stream: ByteStream;
  blocks: readonly ArrivedBlock[];
  arrived: ArrivedMembers;
  isWanted: (path: ByteString, kind: number, streamOffset: number) => boolean;
  /**
   * What to do about a fault of the index: by default it ends the check. `ref` is the entry that it is about.
   * With this, a part of the index that is whole is used although another is not.
   */
  onFault?: (error: ZnipError, ref: EntryRef | undefined) => void;
  signal: AbortSignal | undefined;
}

/**
 * Reads the rest of the stream, the index, and compares. Returns what the index knows better: times with
 * nanoseconds, recorded owners. Throws
 * `truncated` or `damaged-…` where the index itself is not whole, `inconsistent` where it does not agree.
 */
export async function checkAgainstIndex(check: IndexCheck): Promise<Iterable<IndexedAttributes>> {
  const { stream, blocks, arrived, isWanted, onFault, signal } = check;
  const start = stream.position;
  const tail = await readRest(stream, tarLengthOf(blocks));
  const own = onFault === undefined ? tail : cutBehindFooter(tail, start);
  if (own.byteLength < tail.byteLength)
    onFault?.(somethingBehind(stream.name, tail, own.byteLength, start), undefined);
  const source = new TailSource(stream.name, start, own);
  const archive = await openTail(source);
  const fault = (error: ZnipError, ref?: EntryRef): void => {
    if (onFault === undefined) throw error;
    onFault(error, ref);
  };
  try {
    checkFrames(blocks, await archive.frames());
  } catch (error) {
    fault(toZnipError(error));
  }
  const better: Better = { positions: [], rows: [] };
  let compared = 0;
  let entriesWhole = true;
  const entries = await archive.entries({ signal }, (error) => {
    fault(error);
    entriesWhole = false;
  });
  const elsewhere = new Elsewhere(arrived);
  /** Both come in the order of the tar stream. */
  let next = 0;
  const turns = new Turns(signal, ROWS);
  for (let position = 0; position < entries.length; position++) {
    if (turns.isDue()) await turns.take();
    const ref = entries.at(position);
    const { batch, row } = ref;
    const streamOffset = batch.streamOffsets[row] ?? 0;
    if (!isWanted(batch.path(row), batch.kinds[row] ?? 0, streamOffset)) continue;
    while (next < arrived.size && arrived.streamOffset(next) < streamOffset) next += 1;
    const isArrived = next < arrived.size && arrived.streamOffset(next) === streamOffset;
    const arrivedRow = next;
    const error = isArrived ? disagreement(ref, arrived.member(arrivedRow)) : elsewhere.missing(ref);
    if (isArrived) {
      compared += 1;
      next += 1;
    }
    if (error !== undefined) {
      fault(error, ref);
      continue;
    }
    const isExact = (batch.mtimes[row] ?? 0n) % NANOSECONDS === 0n;
    if (!isExact || recordedOwner(ref) !== null) {
      better.positions.push(position);
      better.rows.push(arrivedRow);
    }
  }
  if (onFault !== undefined) checkLinks(entries, arrived, fault);
  if (compared !== arrived.size && entriesWhole) {
    fault(new ZnipError('inconsistent', `the tar stream has ${arrived.size} members, the index ${compared}`));
  }
  try {
    checkSections(source);
  } catch (error) {
    fault(toZnipError(error));
  }
  return attributesOf(entries, better);
}

/** Entries of which the index knows more than the tar stream: their positions, and their rows in what arrived. */
interface Better {
  positions: number[];
  rows: number[];
}

function* attributesOf(
  entries: Entries,
  { positions, rows }: Better,
): Generator<IndexedAttributes, void, undefined> {
  for (const [i, position] of positions.entries()) {
    const ref = entries.at(position);
    const { batch, row } = ref;
    yield {
      row: rows[i] ?? 0,
      kind: batch.kinds[row] ?? 0,
      size: batch.sizes[row] ?? 0,
      mode: batch.modes[row] ?? 0,
      mtime: batch.mtimes[row] ?? 0n,
      owner: recordedOwner(ref),
    };
  }
}

function tarLengthOf(blocks: readonly ArrivedBlock[]): number {
  const last = blocks[blocks.length - 1]?.header;
  return last === undefined ? 0 : last.streamOffset + last.chunkLength;
}

/** Reads the rest of the stream, and holds its frame table against the blocks that came. Throws as above. */
export async function confirmFrames(stream: ByteStream, blocks: readonly ArrivedBlock[]): Promise<void> {
  const start = stream.position;
  const tail = await readRest(stream, tarLengthOf(blocks));
  const archive = await openTail(new TailSource(stream.name, start, tail));
  checkFrames(blocks, await archive.frames());
}

/** Behind the blocks there are skippable frames and nothing else: no block, and nothing that zstd would decode. */
function checkSections({ name, start, tail }: TailSource): void {
  for (let at = 0; at < tail.byteLength;) {
    const left = tail.byteLength - at;
    const frame = tail.subarray(at, at + SKIPPABLE_HEADER_LENGTH + TAG.blockHeader.length);
    const isFrame =
      left >= SKIPPABLE_HEADER_LENGTH && isSkippableMagic(frame) && skippableFrameLength(frame) <= left;
    if (!isFrame || readTag(frame) === TAG.blockHeader) {
      throw new ZnipError(
        'inconsistent',
        `${name} has ${isFrame ? 'a block' : 'bytes that are no section'} behind its last block, at byte ${start + at}`,
        { offset: start + at },
      );
    }
    at += skippableFrameLength(frame);
  }
}

/** What the index says of a member that is not what arrived; undefined when they agree. */
function disagreement(ref: EntryRef, arrived: ArrivedMember): ZnipError | undefined {
  const { batch, row } = ref;
  const why = difference(ref, arrived);
  if (why !== undefined) return disagree(ref, why);
  const member = toText(batch.path(row));
  const checksum = batch.checksum(row);
  const found = arrived.checksum;
  if (batch.kinds[row] !== KIND.file || checksum === null || found === null) return undefined;
  if (equalBytes(checksum, found)) return undefined;
  return new ZnipError(
    'damaged-member',
    `member '${member}' is damaged: its content does not have the hash of the index`,
    { member },
  );
}

function disagree({ batch, row }: EntryRef, why: string): ZnipError {
  const member = toText(batch.path(row));
  return new ZnipError('inconsistent', `index and tar stream disagree about member '${member}': ${why}`, {
    member,
  });
}

function difference({ batch, row }: EntryRef, member: ArrivedMember): string | undefined {
  if (batch.path(row) !== member.path) return `its name differs, '${toText(member.path)}'`;
  if ((batch.kinds[row] ?? 0) !== member.kind) return 'its kind differs';
  if ((batch.sizes[row] ?? 0) !== member.size) return 'its size differs';
  if ((batch.modes[row] ?? 0) !== member.mode) return 'its mode differs';
  if (batch.linkTarget(row) !== member.linkTarget) return 'its link target differs';
  if (floorSeconds(batch.mtimes[row] ?? 0n) !== floorSeconds(member.mtime)) return 'its time differs';
  return undefined;
}

/** The end of an archive without what somebody appended to it. */
function cutBehindFooter(tail: Buffer, start: number): Buffer {
  for (let end = tail.byteLength; ;) {
    const magic = end < FOOTER_LENGTH ? -1 : tail.lastIndexOf(FOOTER_MAGIC, end - FOOTER_MAGIC.byteLength);
    if (magic < 0) return tail;
    end = magic + FOOTER_MAGIC.byteLength;
    try {
      decodeFooter(tail.subarray(Math.max(0, end - FOOTER_LENGTH), end), start + end, codec().hash);
      return tail.subarray(0, end);
    } catch (error) {
      if (!(error instanceof ZnipError)) throw error;
    }
    end -= 1;
  }
}

/** Hard links to what did not come: another member may have the target's name, with another content. */
function checkLinks(
  entries: Entries,
  arrived: ArrivedMembers,
  fault: (error: ZnipError, ref: EntryRef) => void,
): void {
  const meanings = hardLinkMeanings(entries);
  for (const ref of entries) {
    const meant = ref.batch.kinds[ref.row] === KIND.hardlink ? meanings.of(ref) : undefined;
    if (meant === undefined || arrived.rowAt(streamOffset(meant)) !== undefined) continue;
    const row = arrived.rowAt(streamOffset(ref));
    // A later member has its name: then it does not matter what the link meant.
    if (row !== undefined && arrived.nameOf(row) === undefined) continue;
    const member = toText(ref.batch.path(ref.row));
    const target = toText(ref.batch.linkTarget(ref.row));
    const why = `member '${member}' is a hard link to '${target}', which is lost`;
    fault(new ZnipError('damaged-member', why, { member }), ref);
  }
}

/** What follows an archive: nothing is unpacked of it, and nothing is known about it. */
function somethingBehind(name: string, tail: Buffer, length: number, start: number): ZnipError {
  const offset = start + length;
  const left = tail.subarray(length);
  const what = startsAsArchive(left) ? 'what begins as another archive' : 'something else';
  return new ZnipError(
    'damaged-footer',
    `${name}: the archive ends at byte ${offset}, and ${left.byteLength} bytes of ${what} follow, which are left out: cut them off with tail -c +${offset + 1} to read them by themselves`,
    { offset },
  );
}

/** What is wrong with entries for which nothing came at their place: whether it came at another one. */
class Elsewhere {
  private readonly arrived: ArrivedMembers;
  /** Made when it is first asked for: mostly never. */
  private paths: ReadonlySet<ByteString> | undefined;

  constructor(arrived: ArrivedMembers) {
    this.arrived = arrived;
  }

  missing(ref: EntryRef): ZnipError {
    this.paths ??= new Set(this.arrived.allPaths);
    const path = ref.batch.path(ref.row);
    return disagree(
      ref,
      this.paths.has(path) ? 'its place differs' : 'it is in the index but not in the tar stream',
    );
  }
}

/** The frame table must describe the blocks that came: it is what a later reader will go by. */
function checkFrames(blocks: readonly ArrivedBlock[], frames: readonly Frame[]): void {
  for (const { header, number, blobOffset } of blocks) {
    const frame = frames[number];
    const agrees =
      frame !== undefined &&
      frame.streamOffset === header.streamOffset &&
      frame.streamLength === header.chunkLength &&
      frame.blobOffset === blobOffset &&
      frame.blobLength === header.blobLength &&
      frame.stored === header.stored &&
      equalBytes(frame.checksum, header.checksum);
    if (agrees) continue;
    throw new ZnipError('inconsistent', `the frame table does not describe block ${number} as it came`, {
      blob: number,
      offset: blobOffset,
    });
  }
  if (frames.length !== blocks.length) {
    throw new ZnipError('inconsistent', `the frame table has ${frames.length} blobs, ${blocks.length} came`);
  }
}

async function openTail(source: TailSource): ReturnType<typeof openArchive> {
  try {
    return await openArchive(source);
  } catch (error) {
    if (error instanceof ZnipError && error.code === 'not-an-archive') {
      throw new ZnipError(
        'truncated',
        `${source.name} ends at byte ${source.byteLength}, within the index`,
        {},
        error,
      );
    }
    throw error;
  }
}
