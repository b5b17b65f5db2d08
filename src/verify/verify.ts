/**
 * Proves that an archive is whole, or reports everything that is wrong with it: the library's `verify` and
 * `verifyStream`. Main thread.
 */
import { readRest, TailSource } from '../archive/arrived-index.ts';
import type { Gap } from '../blocks/block-scanner.ts';
import type { InspectedChunk } from '../blocks/inspect-chunk.ts';
import { walkBlocks, type WalkedBlock } from '../blocks/walk-blocks.ts';
import { ZnipError } from '../errors.ts';
import { FOREIGN_LENGTH, notAnArchive } from '../format/foreign.ts';
import type { Remark, RemarkKind } from '../format/remarks.ts';
import type { Frame } from '../format/tables/frame-table.ts';
import { toText } from '../format/values/byte-string.ts';
import { type ByteStream, toStream } from '../io/byte-stream.ts';
import { detectStream } from '../io/foreign-stream.ts';
import { streamOf } from '../io/source-stream.ts';
import { borrowed, type ByteSource, FileSource } from '../io/source.ts';
import { Limits } from '../rules/limits.ts';
import { milliseconds } from '../threads/clock.ts';
import { resolveThreads } from '../threads/thread-count.ts';
import { Turns } from '../threads/turns.ts';
import { Comparison, type StreamEvent } from './comparison.ts';
import { ContinuedMember } from './continued-member.ts';
import { type Damage, DamageList, MAX_KEPT } from './damage.ts';
import { contentRootOf } from '../archive/content-root.ts';
import { type CheckedIndex, checkIndex, checkSectionPlaces, FrameCheck } from './index-check.ts';

export interface VerifyOptions {
  /** Check the index alone, without reading blobs. Not for streams. */
  quick?: boolean | undefined;
  /** The root hash that the archive must have, in hexadecimal. */
  root?: string | undefined;
  /** The content root that the archive must have, in hexadecimal: what it must hold, whatever packed it. */
  contentRoot?: string | undefined;
  /** Worker threads, 1 to 256. Default: one for each core. */
  threads?: number | undefined;
  /** What a stream is called in messages. Default: `standard input`. */
  name?: string | undefined;
  onProgress?: ((progress: VerifyProgress) => void) | undefined;
  signal?: AbortSignal | undefined;
}

/** The progress of a verification. */
export interface VerifyProgress {
  /** Members and bytes of tar stream so far, and in total. Totals are undefined while they are not known. */
  members: number;
  /** Bytes of tar stream so far. */
  streamBytes: number;
  /** Members in all; undefined while that is not known. */
  totalMembers: number | undefined;
  /** Bytes of tar stream in all; undefined while that is not known. */
  totalBytes: number | undefined;
}

/** The result of a verification. */
export interface VerifyReport {
  /** Nothing is wrong. */
  ok: boolean;
  /** Only the index was checked. */
  quick: boolean;
  /** Root hash in hexadecimal; null if footer or manifest are damaged. */
  rootHash: string | null;
  /** Members of the index; without an index, of the tar stream. */
  members: number;
  /** Blocks whose blobs were looked for; 0 with `quick`. */
  blobs: number;
  /** Bytes of tar stream in blobs whose hash is right. */
  streamBytes: number;
  /** Bytes of the archive. */
  archiveBytes: number;
  /** Everything that is wrong, in the order in which it was found; only the first 100,000. */
  damage: Damage[];
  /** How many faults there are in all. */
  damageCount: number;
  /**
   * Members for which some tar programs do not agree with the index, in the order of the tar stream; only the first
   * 100,000. They are not damage, but an archive that has some is not called whole.
   */
  differing: Differing[];
  /** How many of these there are in all. */
  differingCount: number;
  /** How long it took, in milliseconds. */
  elapsedMs: number;
}

/** A member that tar programs read differently, or that the index does not have. */
export interface Differing {
  /** Its name, as text. */
  member: string;
  /** `absent`: it is only in the tar stream; `differs`: it has an entry; `owner`: only its owner is in doubt. */
  about: Exclude<RemarkKind, 'attributes'>;
  /** A sentence for people. */
  reason: string;
  /** Tar stream byte at which its headers start. */
  streamOffset: number;
}

/**
 * Verifies the archive file `path`: its structure, every hash, and that index and tar headers agree. Continues after
 * damage and reports all of it. Memory holds the index, and a chunk or two for each thread.
 *
 * Throws ZnipError, as reading does: `not-an-archive`, `unsupported-version`, `io`, `usage`, and `limit` for more than
 * 16,000,000 members.
 */
export async function verify(path: string, options: VerifyOptions = {}): Promise<VerifyReport> {
  const source = new FileSource(path);
  try {
    return (await verifySource(source, options, () => {})).report;
  } finally {
    source.close();
  }
}

/**
 * As `verify`, of a source that is open and stays so; besides, `onBlock` sees every block, and what is whole of the index
 * is returned. Index and blocks are read by one descriptor, so that they are of one file.
 */
export async function verifySource(
  source: ByteSource,
  options: VerifyOptions,
  onBlock: (walked: WalkedBlock) => void,
): Promise<{ report: VerifyReport; index: CheckedIndex | undefined }> {
  const run = new VerifyRun(options, false, onBlock);
  const index = await checkIndex(borrowed(source, options.signal), run.list, options.signal);
  if (options.quick !== true) await run.verifyBlocks(source, index);
  else run.takeRemarks(index?.remarks ?? []);
  await run.checkContentRoot(index);
  return { report: run.report(index, source.byteLength), index };
}

/**
 * Verifies an archive that arrives on a descriptor, or is a stream already, in one pass; otherwise as `verify`. What the tar headers
 * say is kept until the index comes. Throws `usage` with `quick`, which needs the end first.
 */
export async function verifyStream(
  source: number | ByteStream,
  options: VerifyOptions = {},
): Promise<VerifyReport> {
  if (options.quick === true) {
    throw new ZnipError('usage', 'the index comes last: a stream cannot be verified by it alone');
  }
  const stream = toStream(source, options.name, options.signal);
  try {
    return await verifyBlocks(stream, new VerifyRun(options, true));
  } finally {
    await stream.close();
  }
}

async function verifyBlocks(stream: ByteStream, run: VerifyRun): Promise<VerifyReport> {
  const { name } = stream;
  const kind = await detectStream(stream);
  if (kind !== 'znip') throw notAnArchive(name, await stream.peek(FOREIGN_LENGTH));
  const blocksEnd = await run.walk(stream, []);
  const tail = await readRest(stream, run.tarLength);
  const source = new TailSource(name, blocksEnd, tail);
  let index: CheckedIndex | undefined;
  if (tail.byteLength > 0 || run.complete) {
    index = await checkIndex(source, run.list, run.signal).catch((error: unknown) => {
      const cut = error instanceof ZnipError && error.code === 'not-an-archive';
      if (!cut) throw error;
      run.list.add('truncated', `the archive ends at byte ${source.byteLength}, within its index`, {
        offset: source.byteLength,
      });
      return undefined;
    });
  }
  if (index !== undefined) {
    await run.useIndex(index);
    await checkSectionPlaces(index.archive, blocksEnd, run.list, run.signal);
  }
  run.finish();
  await run.checkContentRoot(index);
  return run.report(index, source.byteLength);
}

class VerifyRun {
  readonly list = new DamageList();
  complete = false;
  /** Where the tar stream ends, by the blocks so far. */
  tarLength = 0;
  private readonly startTime = milliseconds();
  private readonly options: VerifyOptions;
  private readonly keeps: boolean;
  private readonly onBlock: ((walked: WalkedBlock) => void) | undefined;
  /** What was found before there was an index to compare with. */
  private readonly events: StreamEvent[] = [];
  private readonly blocks: Frame[] = [];
  private comparison: Comparison | undefined;
  private frameCheck: FrameCheck | undefined;
  private readonly continued = new ContinuedMember(this.list);
  private readonly limits = new Limits({});
  private readonly differing: Differing[] = [];
  private differingCount = 0;
  private members = 0;
  private blobs = 0;
  private streamBytes = 0;
  private totals: Pick<VerifyProgress, 'totalMembers' | 'totalBytes'> = {
    totalMembers: undefined,
    totalBytes: undefined,
  };

  /** `keeps`: the index comes later, so what is found before is kept and compared with it. */
  constructor(options: VerifyOptions, keeps: boolean, onBlock?: (walked: WalkedBlock) => void) {
    this.options = options;
    this.keeps = keeps;
    this.onBlock = onBlock;
  }

  get signal(): AbortSignal | undefined {
    return this.options.signal;
  }

  /** All blocks of a source, held against what is whole of its index. */
  async verifyBlocks(source: ByteSource, index: CheckedIndex | undefined): Promise<void> {
    // Its own reads are by offset, so a descriptor is still at the start of the file.
    const stream = streamOf(source, this.options.signal);
    try {
      if (index !== undefined) await this.useIndex(index);
      const blocksEnd = await this.walk(stream, index?.frames ?? []);
      if (index !== undefined) await checkSectionPlaces(index.archive, blocksEnd, this.list, this.signal);
    } finally {
      await stream.close();
    }
    this.finish();
  }

  /** From now on, the tar stream is compared with this index; so is everything that came before. */
  async useIndex({ entries, allEntries, frames }: CheckedIndex): Promise<void> {
    const turns = new Turns(this.signal);
    // If entries are missing, members without one say nothing.
    if (allEntries) {
      this.comparison = new Comparison(entries, this.list, ({ batch, row }, owner) => {
        const headerOffset = batch.streamOffsets[row] ?? 0;
        const reason = `its owner is '${toText(owner)}' in the tar stream, and the index has no names of owners`;
        this.noteDiffering({ about: 'owner', path: batch.path(row), headerOffset, reason }, 0);
      });
      for (const event of this.events.splice(0)) {
        if (turns.isDue()) await turns.take();
        this.comparison.take(event);
      }
    }
    if (frames !== undefined) {
      this.frameCheck = new FrameCheck(frames, this.list);
      for (const block of this.blocks.splice(0)) this.frameCheck.take(block);
    }
    const last = frames?.[frames.length - 1];
    this.totals = {
      totalMembers: entries.length,
      totalBytes: last === undefined ? undefined : last.streamOffset + last.streamLength,
    };
  }

  /** Goes through all blocks. Returns where the sections begin. */
  async walk(stream: ByteStream, frames: readonly Frame[]): Promise<number> {
    const { hasPrologue, complete, blocks } = await walkBlocks({
      stream,
      threads: resolveThreads(this.options.threads),
      frames,
      onGap: (gap) => this.takeGap(gap),
      onBlock: (walked) => {
        this.takeBlock(walked);
        this.onBlock?.(walked);
      },
      signal: this.options.signal,
    });
    if (!hasPrologue) {
      this.list.add('damaged-prologue', 'the archive does not begin with the nine bytes of a prologue', {
        offset: 0,
      });
    }
    this.blobs = blocks;
    this.complete = complete;
    return stream.position;
  }

  finish(): void {
    this.comparison?.finish(this.complete);
    this.frameCheck?.finish(this.complete);
  }

  /** Compares what the index says the archive holds, if the caller has said what that must be. */
  async checkContentRoot(index: CheckedIndex | undefined): Promise<void> {
    const { contentRoot, signal } = this.options;
    if (contentRoot === undefined) return;
    const found = index?.allEntries === true ? await contentRootOf(index.entries, signal) : undefined;
    if (found === contentRoot.toLowerCase()) return;
    const but = found === undefined ? 'its index cannot be read' : `it is ${found}`;
    this.list.add('root-mismatch', `the content root must be ${contentRoot.toLowerCase()}, but ${but}`);
  }

  report(index: CheckedIndex | undefined, archiveBytes: number): VerifyReport {
    const rootHash = index?.archive.rootHash ?? null;
    const { root, quick = false } = this.options;
    if (root !== undefined && root.toLowerCase() !== rootHash) {
      const found = rootHash === null ? 'it cannot be read' : `it is ${rootHash}`;
      this.list.add('root-mismatch', `the root hash must be ${root.toLowerCase()}, but ${found}`);
    }
    return {
      ok: this.list.count === 0,
      quick,
      rootHash,
      members: index?.allEntries === true ? index.entries.length : this.members,
      blobs: this.blobs,
      streamBytes: this.streamBytes,
      archiveBytes,
      damage: this.list.kept,
      damageCount: this.list.count,
      differing: this.differing,
      differingCount: this.differingCount,
      elapsedMs: milliseconds() - this.startTime,
    };
  }

  private takeGap({ start, end, streamStart, streamEnd, blob, cause }: Gap): void {
    const isMissing = start === end && streamEnd !== streamStart;
    const code =
      cause.code === 'truncated' ? 'truncated' : isMissing ? 'missing-block' : 'damaged-block-header';
    const damage = this.list.add(code, cause.message, { blob, offset: start });
    if (streamEnd !== streamStart) this.lose(streamStart, streamEnd ?? Infinity, damage);
  }

  private takeBlock({ block, damage, inspected, chunk }: WalkedBlock): void {
    const { header, number, blobOffset, fromTable } = block;
    const { streamOffset: start, chunkLength, blobLength, stored, checksum } = header;
    const end = start + chunkLength;
    this.tarLength = Math.max(this.tarLength, end);
    const frame: Frame = {
      streamOffset: start,
      streamLength: chunkLength,
      blobOffset,
      blobLength,
      stored,
      checksum,
      fingerprint: inspected?.fingerprint ?? null,
    };
    if (!fromTable) {
      if (this.frameCheck !== undefined) this.frameCheck.take(frame);
      else if (this.keeps) this.blocks.push(frame);
    }
    if (damage !== undefined) {
      const code = damage.code === 'truncated' ? 'truncated' : 'damaged-blob';
      this.lose(start, end, this.list.add(code, damage.message, { blob: number, offset: blobOffset }));
      return;
    }
    this.streamBytes += chunkLength;
    if (!fromTable) this.continued.checkHeader(block);
    const content = this.continued.goOn(header, chunk);
    if (content !== undefined) this.tell({ type: 'content', ...content });
    this.tell({ type: 'chunk', start, end, members: inspected?.members, blob: number, blobOffset });
    if (inspected === undefined) {
      this.continued.loseUnlessWithin();
      return;
    }
    this.members += inspected.members.count;
    this.limits.addMembers(inspected.members.count);
    for (const remark of inspected.remarks) this.noteDiffering(remark, start);
    this.checkChunk(block, inspected, chunk);
    this.options.onProgress?.({ members: this.members, streamBytes: this.streamBytes, ...this.totals });
  }

  /** For an archive whose tar headers are not read. */
  takeRemarks(remarks: readonly Remark[]): void {
    for (const remark of remarks) this.noteDiffering(remark, 0);
  }

  private noteDiffering({ about, path, headerOffset, reason }: Remark, chunkStart: number): void {
    // An index need not hold notes about a member, and unpacking reports them.
    if (about === 'attributes') return;
    this.differingCount += 1;
    if (this.differing.length === MAX_KEPT) return;
    this.differing.push({ member: toText(path), about, reason, streamOffset: chunkStart + headerOffset });
  }

  private checkChunk(
    { header, number, blobOffset }: WalkedBlock['block'],
    inspected: InspectedChunk,
    chunk: Buffer,
  ): void {
    const { fault, endOffset } = inspected;
    const place = { blob: number, offset: blobOffset };
    const wrong = (why: string): void =>
      void this.list.add('damaged-tar', `blob ${number} at byte ${blobOffset}: ${why}`, place);
    if (fault !== null) wrong(fault.message);
    else if (header.last && (endOffset !== 0 || this.continued.isWithin))
      wrong('the tar stream does not end here');
    else if (!header.last && endOffset !== null) wrong('the tar stream ends here, but there are more blocks');
    this.continued.begin(header, inspected, chunk);
  }

  private lose(start: number, end: number, damage: Damage): void {
    // Without an index, nothing else can be named.
    const path = this.continued.lose();
    if (path !== undefined && this.comparison === undefined) damage.members.push(toText(path));
    this.tell({ type: 'lost', start, end, damage });
  }

  private tell(event: StreamEvent): void {
    if (this.comparison !== undefined) this.comparison.take(event);
    else if (this.keeps) this.events.push(event);
  }
}
