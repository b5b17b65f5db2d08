/**
 * Cuts a tar stream of any origin into chunks, each in the slot that it is compressed from. Main thread.
 *
 * The stream stays unchanged, byte for byte. Nothing is copied, except a member that did not fit and moves to the next
 * slot. The layout is that of `planChunks`: a member that fits in a chunk of its own is never split. Implements
 * docs/format.md, "Chunks" and "Tar streams of others".
 */
import { ZnipError } from '../../errors.ts';
import { CutPoint, RANK_START, rankName, rankOf } from '../../format/chunk-layout.ts';
import { LEADING_SLASH, type Remark, plainReason, remarksOf } from '../../format/remarks.ts';
import { paddedLength } from '../../format/tar/tar-header.ts';
import { type TarMember, TarReader } from '../../format/tar/tar-reader.ts';
import { PlainAttributes } from '../../format/values/attributes.ts';
import { toText, type ByteString } from '../../format/values/byte-string.ts';
import { MAX_PATH_LENGTH } from '../../format/values/constants.ts';
import { KIND, type Member } from '../../format/values/entry.ts';
import { unsafePathReason } from '../../format/values/member-path.ts';
import type { ByteStream } from '../../io/byte-stream.ts';
import type { Slot } from '../../threads/ring.ts';
import type { Warning } from '../walk/warning.ts';
import type { FilledChunkPlan, MemberPart } from './chunk-plan.ts';
import { MemberColumnsBuilder } from './member-columns-builder.ts';
import { type GroupOptions, GroupNumbers } from './plan.ts';

export interface TarChunkOptions {
  chunkSize: number;
  groups: GroupOptions;
  onWarning: (warning: Warning) => void;
  /** Called for each member that gets an entry. */
  onMember: (member: Member) => void;
  /** What the index says about a member, if it differs from the header. */
  describe?: (member: Member) => Member;
  /** Called when every member has been found. */
  onEnd: () => void;
}

/** A member whose data continues in the next chunk. */
interface UncutMember {
  path: ByteString;
  size: number;
  /** Bytes of its data in the chunks so far. */
  done: number;
  indexed: boolean;
}

/** A member whose headers have been read, and the chunk byte at which they start. */
interface FoundMember {
  item: TarMember;
  position: number;
}

/** Chunk byte behind the member's data. */
function endOf({ item, position }: FoundMember): number {
  return position + item.headerLength + paddedLength(item.size);
}

/** Yields the chunks of the tar stream in order, its end last. `acquire` returns the slot of each. */
export async function* chunkTar(
  stream: ByteStream,
  acquire: (sequence: number) => Promise<Slot>,
  options: TarChunkOptions,
): AsyncGenerator<FilledChunkPlan, void> {
  const { chunkSize } = options;
  const cutter = new Cutter(stream, options);
  /** Bytes that were read but belong to the next chunk. They are in the slot before, which nothing else fills. */
  let rest: Uint8Array = new Uint8Array(0);
  for (let sequence = 0; ; sequence++) {
    const { input } = await acquire(sequence);
    input.set(rest);
    const carried = rest.byteLength;
    const length = carried + (await stream.readInto(input.subarray(carried, chunkSize)));
    const plan = await cutter.cut(input.subarray(0, length), sequence, length < chunkSize);
    if (plan.last) options.onEnd();
    yield plan;
    if (plan.last) return;
    rest = input.subarray(plan.filled.chunkLength, length);
  }
}

/** The symlinks of the stream so far. A member below a symlink is refused when it is unpacked. */
class Symlinks {
  private readonly paths = new Set<ByteString>();

  /** The symlink that a member would be written through, if there is one. Remembers the member. */
  above({ path, kind }: Member): ByteString | undefined {
    if (kind === KIND.symlink) this.paths.add(path);
    if (this.paths.size === 0) return undefined;
    if (kind !== KIND.symlink) this.paths.delete(path);
    for (let slash = path.indexOf('/'); slash >= 0; slash = path.indexOf('/', slash + 1)) {
      const parent = path.slice(0, slash);
      if (this.paths.has(parent)) return parent;
    }
    return undefined;
  }
}

class Cutter {
  private readonly stream: ByteStream;
  private readonly options: TarChunkOptions;
  private readonly reader = new TarReader();
  private readonly groups: GroupNumbers;
  private streamOffset = 0;
  private pending: UncutMember | undefined;
  /** Members that were read and are behind the cut: the next chunk begins with them. */
  private ahead: FoundMember[] = [];
  private readonly cutPoint: CutPoint;
  private remarks: Remark[] = [];
  private readonly symlinks = new Symlinks();
  private toldLeadingSlash = false;
  private readonly plain = new PlainAttributes();

  constructor(stream: ByteStream, options: TarChunkOptions) {
    this.stream = stream;
    this.options = options;
    this.groups = new GroupNumbers(options.groups);
    this.cutPoint = new CutPoint(options.chunkSize);
  }

  /** The chunk at the start of `bytes`; `ended` says whether the stream ends with them. */
  async cut(bytes: Buffer, sequence: number, ended: boolean): Promise<FilledChunkPlan> {
    const continuation = this.takePending(bytes, ended);
    const continuationLength = continuation === null ? 0 : paddedLength(continuation.length);
    const { found, chunkLength, last } = this.findMembers(bytes, continuationLength, ended);
    if (last) {
      await this.checkEnd(bytes, ended);
      this.tellPlainAttributes();
    }
    const columns = new MemberColumnsBuilder();
    const dataOffsets: number[] = [];
    let overflow: MemberPart | null = null;
    for (const { item, position } of found) {
      const dataOffset = position + item.headerLength;
      const indexed = this.accept(item, columns, position);
      if (indexed) dataOffsets.push(dataOffset);
      if (dataOffset + paddedLength(item.size) <= chunkLength) continue;
      // Data of a directory or a link is not a content. It is skipped, like that of members without an entry.
      const isContent = indexed && item.member?.kind === KIND.file;
      const { path, size } = item;
      const part = { path, fileOffset: 0, length: chunkLength - dataOffset, size, indexed: isContent };
      if (isContent) overflow = part;
      this.pending = { path, size, done: part.length, indexed: isContent };
    }
    this.streamOffset += chunkLength;
    return {
      sequence,
      last,
      continuation,
      members: columns.finish(),
      overflow,
      newGroups: this.groups.takeAnnounced(),
      remarks: this.takeRemarks(),
      filled: {
        chunkLength,
        firstHeaderOffset: found[0]?.position,
        continuationLength,
        dataOffsets: Uint32Array.from(dataOffsets),
        stored: false,
      },
    };
  }

  /** The members of the chunk from byte `start` of `bytes` on, and its length. */
  private findMembers(
    bytes: Buffer,
    start: number,
    ended: boolean,
  ): { found: FoundMember[]; chunkLength: number; last: boolean } {
    const { chunkSize } = this.options;
    const found = this.ahead;
    this.ahead = [];
    this.cutPoint.reset();
    const carried = found.at(-1);
    let position = carried === undefined ? start : endOf(carried);
    while (position < bytes.byteLength && this.pending === undefined) {
      const item = this.reader.read(bytes, position, this.streamOffset, ended);
      if (item === 'more') {
        if (ended) throw this.cutShort('within the headers of a member');
        if (position > 0) return { ...this.cutFound(found, position), last: false };
        throw this.tooLong('the headers of a member do');
      }
      if (item === 'end') {
        return { found, chunkLength: position === 0 ? bytes.byteLength : position, last: position === 0 };
      }
      const member = { item, position };
      if (endOf(member) > bytes.byteLength) {
        if (ended) throw this.cutShort(`within '${toText(item.path)}'`);
        // The next chunk holds it whole, or it starts there.
        if (position > 0) {
          const fitsInNext = item.headerLength + paddedLength(item.size) <= chunkSize;
          return {
            ...(fitsInNext ? this.cutFound(found, position) : { found, chunkLength: position }),
            last: false,
          };
        }
      } else if (position >= this.cutPoint.half) {
        this.cutPoint.offer(position, rankOf(rankName(RANK_START, item.path)));
      }
      found.push(member);
      position = Math.min(endOf(member), bytes.byteLength);
    }
    if (position === 0) {
      throw this.cutShort('without the records of zeros that end a tar archive');
    }
    const full = position === chunkSize;
    return { ...(full ? this.cutFound(found, position) : { found, chunkLength: position }), last: false };
  }

  /** The members before the cut. Those behind it are kept for the next chunk. */
  private cutFound(found: FoundMember[], position: number): { found: FoundMember[]; chunkLength: number } {
    const chunkLength = this.cutPoint.position ?? position;
    const cut = found.findIndex((member) => member.position >= chunkLength);
    if (cut < 0) return { found, chunkLength };
    this.ahead = found.slice(cut).map(({ item, position: at }) => ({ item, position: at - chunkLength }));
    return { found: found.slice(0, cut), chunkLength };
  }

  private takeRemarks(): Remark[] {
    const { remarks } = this;
    if (remarks.length > 0) this.remarks = [];
    return remarks;
  }

  /** The data at the start of `bytes` that belongs to a member of an earlier chunk. */
  private takePending(bytes: Buffer, ended: boolean): MemberPart | null {
    const { pending } = this;
    if (pending === undefined) return null;
    const { path, size, done, indexed } = pending;
    const length = Math.min(size - done, bytes.byteLength);
    if (ended && done + length < size) throw this.cutShort(`within '${toText(path)}'`);
    if (paddedLength(length) > bytes.byteLength) throw this.cutShort(`in the padding of '${toText(path)}'`);
    pending.done += length;
    if (pending.done === size) this.pending = undefined;
    return { path, fileOffset: done, length, size, indexed };
  }

  /** Remembers a member; false if the index has no row for it. */
  private accept(item: TarMember, columns: MemberColumnsBuilder, position: number): boolean {
    const { member, path } = item;
    this.checkLeadingSlash(item);
    this.remark(item, position);
    // The top directory itself, which `tar -C DIR -cf - .` writes, has no entry.
    if (member === null || path === '') return false;
    const where = this.streamOffset + position;
    if (path.length > MAX_PATH_LENGTH || member.linkTarget.length > MAX_PATH_LENGTH) {
      throw new ZnipError(
        'limit',
        `tar stream at byte ${where}: a name of more than ${MAX_PATH_LENGTH} bytes, which an archive cannot hold`,
        { offset: where },
      );
    }
    const target = member.kind === KIND.hardlink ? unsafePathReason(member.linkTarget) : undefined;
    const reason = unsafePathReason(path);
    const above = this.symlinks.above(member);
    if (above !== undefined) {
      this.warn(path, `kept, but znip unpack refuses it: '${toText(above)}', above it, is a symlink`);
    }
    if (reason !== undefined) this.warn(path, `kept, but znip unpack refuses the name: ${reason}`);
    else if (target !== undefined) {
      this.warn(path, `kept, but znip unpack refuses the link to '${toText(member.linkTarget)}': ${target}`);
    }
    const { describe } = this.options;
    columns.append(
      {
        ...(describe === undefined ? member : describe(member)),
        prefix: '',
        sourceMtime: null,
        follow: false,
        linked: false,
      },
      this.groups.numberOf(member),
    );
    this.options.onMember(member);
    return true;
  }

  /** What the index cannot say about a member goes into a table of its own, and to the user. */
  private remark(item: TarMember, headerOffset: number): void {
    for (const remark of remarksOf(item, headerOffset)) {
      const { about, path, reason } = remark;
      this.remarks.push(remark);
      if (about === 'attributes') this.plain.add(toText(path));
      else this.warn(path, reason);
    }
  }

  /** One line for all members of the stream that have only notes in their attributes. */
  private tellPlainAttributes(): void {
    const { first } = this.plain;
    const reason = plainReason(this.plain);
    if (first !== undefined && reason !== undefined)
      this.options.onWarning({ path: first, reason, failed: false });
  }

  private checkLeadingSlash({ path, absolute }: TarMember): void {
    if (!absolute || this.toldLeadingSlash) return;
    this.toldLeadingSlash = true;
    this.options.onWarning({ path: toText(path), reason: LEADING_SLASH, failed: false });
  }

  private warn(path: ByteString, reason: string): void {
    this.options.onWarning({ path: toText(path), reason, failed: true });
  }

  /** A tar stream ends with zeros up to the end of the input. All of them are the last chunk. */
  private async checkEnd(bytes: Buffer, ended: boolean): Promise<void> {
    const { stream, streamOffset } = this;
    const stray = bytes.findIndex((byte) => byte !== 0);
    if (stray >= 0) throw this.strayBytes(streamOffset + stray);
    if (ended) return;
    const further = new Uint8Array(1);
    if ((await stream.readInto(further)) === 0) return;
    throw this.tooLong('the padding behind the end of the archive does');
  }

  private strayBytes(offset: number): ZnipError {
    return new ZnipError(
      'damaged-block',
      `${this.stream.name} goes on at byte ${offset} of its tar stream, behind the zeros that end a tar archive: it is damaged, or several archives in a row, which znip unpack \`ignoreZeros\` reads and which have to be packed one by one`,
      { offset },
    );
  }

  private tooLong(what: string): ZnipError {
    const { chunkSize } = this.options;
    return new ZnipError(
      'limit',
      `tar stream at byte ${this.streamOffset}: ${what} not fit in a chunk of ${chunkSize} bytes; allow larger ones with \`chunkSize\``,
      { offset: this.streamOffset },
    );
  }

  private cutShort(where: string): ZnipError {
    const { name, position } = this.stream;
    return new ZnipError('truncated', `${name} ends at byte ${position} of its tar stream, ${where}`, {
      offset: position,
    });
  }
}
