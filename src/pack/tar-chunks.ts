/**
 * Cuts a tar stream of anybody's making into chunks, each in the slot that it is compressed from. Main thread.
 *
 * Not a byte of the stream is changed, and no chunk is copied but for the member that did not fit and goes
 * on in the next slot. The layout is that of `planChunks`: a member that would fit in a chunk of its own is
 * never split. Implements docs/format.md, "Chunks" and "Tar streams of others".
 */
import { ZnipError } from '../errors.ts';
import { toText, type ByteString } from '../format/byte-string.ts';
import { MAX_PATH_LENGTH } from '../format/constants.ts';
import { KIND, type Member } from '../format/entry.ts';
import { unsafePathReason } from '../format/member-path.ts';
import { paddedLength } from '../format/tar-header.ts';
import { type TarMember, TarReader } from '../format/tar-reader.ts';
import type { Slot } from '../ring/ring.ts';
import type { ByteStream } from '../stream/byte-stream.ts';
import { type FilledChunkPlan, MemberColumnsBuilder, type MemberPart } from './chunk-plan.ts';
import { type GroupOptions, GroupNumbers } from './plan.ts';
import type { Warning } from './warning.ts';

export interface TarChunkOptions {
  chunkSize: number;
  groups: GroupOptions;
  onWarning: (warning: Warning) => void;
  /** Called for each member that gets an entry. */
  onMember: (member: Member) => void;
  /** What the index says of a member, where it is not what the header says. */
  describe?: (member: Member) => Member;
  /** Called when every member has been found. */
  onEnd: () => void;
}

/** A member whose data goes on in the next chunk. */
interface Pending {
  path: ByteString;
  size: number;
  /** Bytes of its data in the chunks so far. */
  done: number;
  indexed: boolean;
}

/** Yields the chunks of the tar stream in order, its end last. `acquire` gives the slot of each. */
export async function* chunkTar(
  stream: ByteStream,
  acquire: (sequence: number) => Promise<Slot>,
  options: TarChunkOptions,
): AsyncGenerator<FilledChunkPlan, void> {
  const { chunkSize } = options;
  const cutter = new Cutter(stream, options);
  /** What was read but is of the next chunk: in the slot before, which nobody else fills. */
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

class Cutter {
  private readonly stream: ByteStream;
  private readonly options: TarChunkOptions;
  private readonly reader = new TarReader();
  private readonly groups: GroupNumbers;
  private streamOffset = 0;
  private pending: Pending | undefined;

  constructor(stream: ByteStream, options: TarChunkOptions) {
    this.stream = stream;
    this.options = options;
    this.groups = new GroupNumbers(options.groups);
  }

  /** The chunk at the start of `bytes`, which the stream ends with when `ended` says so. */
  async cut(bytes: Buffer, sequence: number, ended: boolean): Promise<FilledChunkPlan> {
    const { chunkSize } = this.options;
    const columns = new MemberColumnsBuilder();
    const dataOffsets: number[] = [];
    const continuation = this.takePending(bytes, ended);
    const continuationLength = continuation === null ? 0 : paddedLength(continuation.length);
    let overflow: MemberPart | null = null;
    let firstHeaderOffset: number | undefined;
    let position = continuationLength;
    let last = false;
    while (position < bytes.byteLength && this.pending === undefined) {
      const item = this.reader.read(bytes, position, this.streamOffset);
      if (item === 'more') {
        if (ended) throw this.cutShort('within the headers of a member');
        if (position > 0) break;
        throw this.tooLong(`the headers of a member`);
      }
      if (item === 'end') {
        last = position === 0;
        if (last) {
          await this.checkEnd(bytes, ended);
          position = bytes.byteLength;
        }
        break;
      }
      const length = item.headerLength + paddedLength(item.size);
      const fits = position + length <= bytes.byteLength;
      if (!fits) {
        if (ended) throw this.cutShort(`within '${toText(item.path)}'`);
        // The next chunk holds it whole, or it starts there.
        if (length <= chunkSize || position > 0) break;
      }
      firstHeaderOffset ??= position;
      const dataOffset = position + item.headerLength;
      const indexed = this.accept(item, columns, position);
      if (indexed) dataOffsets.push(dataOffset);
      position += length;
      if (fits) continue;
      const part = {
        path: item.path,
        fileOffset: 0,
        length: bytes.byteLength - dataOffset,
        size: item.size,
        indexed,
      };
      if (indexed) overflow = part;
      this.pending = { path: item.path, size: item.size, done: part.length, indexed };
      position = bytes.byteLength;
    }
    if (position === 0) {
      throw this.cutShort('without the records of zeros that end a tar archive');
    }
    this.streamOffset += position;
    return {
      sequence,
      last,
      continuation,
      members: columns.finish(),
      overflow,
      newGroups: this.groups.takeAnnounced(),
      filled: {
        chunkLength: position,
        firstHeaderOffset,
        continuationLength,
        dataOffsets: Uint32Array.from(dataOffsets),
        stored: false,
      },
    };
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

  /** Takes note of a member; false when the index has no row for it. */
  private accept(item: TarMember, columns: MemberColumnsBuilder, position: number): boolean {
    const { member, path, typeFlag, size } = item;
    const where = this.streamOffset + position;
    if (path === '') {
      // The top itself, as `tar -C DIR -cf - .` has it, and a global header that ends the stream: no entry.
      if (size === 0 && (member === null ? typeFlag === 'g' : member.kind === KIND.directory)) return false;
      throw new ZnipError('damaged-block', `tar stream at byte ${where}: a member without a name`, {
        offset: where,
      });
    }
    if (member === null) {
      this.warn(path, `in the tar stream only: the index does not know ${unknownKind(typeFlag)}`);
      return false;
    }
    if (path.length > MAX_PATH_LENGTH || member.linkTarget.length > MAX_PATH_LENGTH) {
      throw new ZnipError(
        'limit',
        `tar stream at byte ${where}: a name of more than ${MAX_PATH_LENGTH} bytes, which an archive cannot hold`,
        { offset: where },
      );
    }
    const target = member.kind === KIND.hardlink ? unsafePathReason(member.linkTarget) : undefined;
    const reason = unsafePathReason(path);
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

  private warn(path: ByteString, reason: string): void {
    this.options.onWarning({ path: toText(path), reason, failed: true });
  }

  /** What ends a tar stream is zeros up to the end of the input: they are the last chunk, all of them. */
  private async checkEnd(bytes: Buffer, ended: boolean): Promise<void> {
    const { stream, streamOffset } = this;
    const stray = bytes.findIndex((byte) => byte !== 0);
    if (stray >= 0) throw this.strayBytes(streamOffset + stray);
    if (ended) return;
    const further = new Uint8Array(1);
    if ((await stream.readInto(further)) === 0) return;
    throw this.tooLong('the padding behind the end of the archive');
  }

  private strayBytes(offset: number): ZnipError {
    return new ZnipError(
      'damaged-block',
      `${this.stream.name} goes on at byte ${offset} of its tar stream, behind the zeros that end a tar archive: it is damaged, or several archives in a row, which have to be packed one by one`,
      { offset },
    );
  }

  private tooLong(what: string): ZnipError {
    const { chunkSize } = this.options;
    return new ZnipError(
      'limit',
      `tar stream at byte ${this.streamOffset}: ${what} does not fit in a chunk of ${chunkSize} bytes; allow larger ones with --chunk-size`,
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

const UNKNOWN_KINDS: Record<string, string> = {
  '3': 'character devices',
  '4': 'block devices',
  '6': 'FIFOs',
  '0': 'sparse files',
  S: 'sparse files',
  M: 'files that continue from another volume',
  V: 'volume labels',
  D: 'directories of incremental dumps',
};

function unknownKind(typeFlag: string): string {
  return UNKNOWN_KINDS[typeFlag] ?? `members of type '${typeFlag}'`;
}
