/**
 * Takes members from a tar stream that arrives in chunks. It finds which files are in a chunk, where their content is,
 * and what must wait for the end (links, directories). Main thread.
 */
import { isChosen } from '../archive/remarks.ts';
import type { PlainMembers } from '../blocks/plain-members.ts';
import { ZnipError } from '../errors.ts';
import type { Continuation } from '../format/block-header.ts';
import { differently, nameOf, ownerDifferently } from '../format/remarks.ts';
import type { SparseMap } from '../format/tar/sparse.ts';
import { paddedLength } from '../format/tar/tar-header.ts';
import { type TarMember, TarReader } from '../format/tar/tar-reader.ts';
import { ATTRIBUTES } from '../format/values/attributes.ts';
import { toText, type ByteString } from '../format/values/byte-string.ts';
import { TAR_RECORD } from '../format/values/constants.ts';
import { KIND, type Member } from '../format/values/entry.ts';
import type { LargeFile } from '../target/chunk-files.ts';
import { type Segment, SegmentBuilder } from './segment.ts';
import { type AcceptedMember, StreamTree, type StreamTreeOptions } from './stream-tree.ts';

/** What a chunk of the tar stream holds. */
export interface ChunkMembers {
  /** What to write, one segment after the other. */
  segments: readonly Segment[];
  /** Bytes taken from the chunk. The rest is the start of a header or member that continues in the next chunk. */
  consumed: number;
  /** Chunk byte at which the first header starts. */
  firstHeader: number | undefined;
  /** The end of the tar stream was in this chunk. */
  ended: boolean;
  /** Where it ended: the chunk byte after its first record of zeros. */
  endOffset: number;
  /** In a stream of others: the error of the header that follows. */
  failure?: unknown;
}

export interface TarMembersOptions extends StreamTreeOptions {
  /** Called for what an archive cannot hold: devices, FIFOs, sparse files. */
  onSkipped: (path: ByteString, typeFlag: string) => void;
  /**
   * Called for members that tar programs read differently. `reason` says what differs, in a sentence for each thing.
   */
  onDoubt: (path: ByteString, reason: string) => void;
  /** Called for members with extended attributes, which are not restored. For what they mean, see ATTRIBUTES. */
  onAttributes: (path: ByteString, attributes: number) => void;
  /** Called for a member that has recorded attributes. */
  onRecorded: (path: ByteString, xattrs: ByteString) => void;
  /** Called for the first name that begins with a `/`. The `/` is removed. */
  onLeadingSlash: (path: ByteString) => void;
  /** Called for every member that is selected and left out, or changes nothing: where its content starts. */
  onPassed: (streamOffset: number) => void;
  /** Called for everything in the stream that an archive can hold, selected or not: so many members. */
  onAny: (count: number) => void;
  /** Reads plain members, if all of them are wanted, under their own names; undefined if each must be looked at. */
  plain: PlainMembers | undefined;
  /**
   * znip did not make the stream. Sparse files are then written by their maps, and the whole members before a broken
   * header are given out.
   */
  foreign: boolean;
  /** Records of zeros do not end the stream. */
  ignoreZeros: boolean;
  /** Files with set-user-id and similar bits stay open, for the owner that comes later. */
  holdsSpecial: boolean;
  /** Called for members that are refused, under the name that they were to get. If it does not throw, they are left out. */
  onRefused: (path: ByteString, error: ZnipError) => void;
}

/** A large file, or a member that nobody wants, whose data has not all arrived. */
interface UnfinishedData {
  large: LargeFile | null;
  /** Its path in the stream. `size` is the length of all its data. */
  path: ByteString;
  size: number;
  fileOffset: number;
  dataLeft: number;
  paddingLeft: number;
}

/** Set-user-id, set-group-id and sticky. */
const SPECIAL_BITS = 0o7000;

export class TarMembers {
  readonly tree: StreamTree;
  private readonly reader: TarReader;
  private readonly plain: PlainMembers | undefined;
  private readonly options: TarMembersOptions;
  private pending: UnfinishedData | undefined;
  private segments: SegmentBuilder;
  private toldLeadingSlash = false;

  constructor(options: TarMembersOptions) {
    this.options = options;
    this.tree = new StreamTree(options);
    this.reader = new TarReader(options.foreign);
    this.plain = options.plain;
    this.segments = new SegmentBuilder(options.owners);
  }

  /** A part of the stream is missing here, so the file that has not arrived completely is lost. */
  interrupt(): LargeFile | undefined {
    const { unfinished } = this;
    this.pending = undefined;
    return unfinished;
  }

  /** Whether the stream is in the middle of a member. */
  get isWithinMember(): boolean {
    return this.pending !== undefined;
  }

  /** The file whose content has not all arrived. */
  get unfinished(): LargeFile | undefined {
    return this.pending?.large ?? undefined;
  }

  /** The member whose data has not all arrived, wanted or not. */
  get continued(): Continuation | undefined {
    if (this.pending === undefined) return undefined;
    const { path, fileOffset, size } = this.pending;
    return { path, memberOffset: fileOffset, memberSize: size };
  }

  /**
   * Takes what it can from `chunk`, which begins where the last call stopped. If `chunk` does not hold all of a member,
   * the member counts as large if `complete` says that the chunk will not get longer, or if it is longer than
   * `longest`. Otherwise it is left for the next call. `start` is where the first header is, if the bytes before it
   * belong to a member that is lost.
   */
  take(chunk: Buffer, streamOffset: number, complete: boolean, longest: number, start = 0): ChunkMembers {
    this.segments = new SegmentBuilder(this.options.owners);
    let position = Math.max(start, this.takePending(chunk));
    let ended = false;
    let failure: unknown;
    let endOffset = chunk.byteLength;
    let firstHeader: number | undefined;
    while (position < chunk.byteLength && this.pending === undefined) {
      const behindPlain = this.takePlain(chunk, position, streamOffset);
      if (behindPlain > position) {
        firstHeader ??= position;
        position = behindPlain;
        continue;
      }
      let item;
      try {
        item = this.reader.read(chunk, position, streamOffset, complete);
      } catch (error) {
        if (!this.options.foreign) throw error;
        failure = error;
        break;
      }
      if (item === 'more') break;
      if (item === 'end' && this.options.ignoreZeros) {
        position += TAR_RECORD;
        continue;
      }
      if (item === 'end') {
        ended = true;
        endOffset = position + TAR_RECORD;
        position = chunk.byteLength;
        break;
      }
      firstHeader ??= position;
      const end = position + item.headerLength + paddedLength(item.size);
      const isWhole = end <= chunk.byteLength;
      if (!isWhole && !complete && end - position <= longest) break;
      position = this.takeMember(item, chunk, position, streamOffset);
    }
    return { segments: this.segments.finish(), consumed: position, firstHeader, ended, endOffset, failure };
  }

  /** Takes the plain members whose headers follow one another from `position` on. Returns where the next one begins. */
  private takePlain(chunk: Buffer, position: number, streamOffset: number): number {
    const { plain } = this;
    if (plain === undefined || this.reader.hasGlobals || plain.read(chunk, position) === 0) return position;
    for (let row = 0; row < plain.count;) {
      const filesEnd = plain.filesEnd(row);
      const next = this.tree.addFiles(plain, row, filesEnd, streamOffset, this.segments);
      this.options.onAny(next - row);
      const isStopped = next < filesEnd || next === row;
      // A directory, or a file for which more must be decided.
      if (isStopped) this.takeMember(plain.item(next), chunk, plain.headerOffset(next), streamOffset);
      row = isStopped ? next + 1 : next;
    }
    return plain.end(plain.count - 1);
  }

  /** Takes the member whose header is at `position`, or the part of it that is there. Returns where the next one begins. */
  private takeMember(item: TarMember, chunk: Buffer, position: number, streamOffset: number): number {
    const dataOffset = position + item.headerLength;
    const end = dataOffset + paddedLength(item.size);
    const accepted = this.accept(item, streamOffset + dataOffset);
    const isFile = accepted?.member.kind === KIND.file;
    const isPutTogether = isFile && (this.isHeld(accepted.member) || accepted.sparse !== undefined);
    if (end <= chunk.byteLength && !isPutTogether) {
      if (isFile) this.segments.addFile(accepted, dataOffset);
      return end;
    }
    this.pending = {
      large: isFile ? largeFile(accepted, item.size, this.isHeld(accepted.member)) : null,
      path: item.path,
      size: item.size,
      fileOffset: 0,
      dataLeft: item.size,
      paddingLeft: paddedLength(item.size) - item.size,
    };
    // The data begins right behind its header, which may be the last of the chunk.
    return dataOffset + this.takePending(chunk.subarray(dataOffset), dataOffset);
  }

  /** Takes data of the pending member from the start of `bytes`; returns how much. */
  private takePending(bytes: Buffer, chunkOffset = 0): number {
    const { pending } = this;
    if (pending === undefined) return 0;
    const length = Math.min(pending.dataLeft, bytes.byteLength);
    const { large, fileOffset } = pending;
    // An empty file has one part, which has no bytes.
    if (large !== null && (length > 0 || large.size === 0)) {
      this.segments.addPart({ large, chunkOffset, fileOffset, length });
    }
    pending.fileOffset += length;
    pending.dataLeft -= length;
    let taken = length;
    if (pending.dataLeft === 0) {
      const padding = Math.min(pending.paddingLeft, bytes.byteLength - taken);
      pending.paddingLeft -= padding;
      taken += padding;
      if (pending.paddingLeft === 0) this.pending = undefined;
    }
    return taken;
  }

  /** Checks a member and takes note of it; undefined when it is not wanted or cannot be held. */
  private accept(item: TarMember, streamOffset: number): AcceptedMember | undefined {
    const { path, typeFlag } = item;
    const { member, sparse } = contentOf(item);
    if (item.doubts.length > 0 || item.ownerDoubts.length > 0) this.tellDoubts(item);
    if (member === null) {
      // A global header at the end of the stream is not about any member.
      const isSkipped = typeFlag !== 'g' && isChosen(() => this.options.select(path, KIND.file));
      if (isSkipped) this.options.onSkipped(nameOf(item), typeFlag);
      return undefined;
    }
    if (item.absolute && !this.toldLeadingSlash) {
      this.toldLeadingSlash = true;
      this.options.onLeadingSlash(path);
    }
    if (item.attributes !== ATTRIBUTES.none && this.isChosenItem(item))
      this.options.onAttributes(nameOf(item), item.attributes);
    if (member.xattrs !== undefined && this.isChosenItem(item)) {
      this.options.onRecorded(nameOf(item), member.xattrs);
    }
    // "./" in a tar archive is the target itself.
    if (path === '' || path === '.') return undefined;
    this.options.onAny(1);
    let selected: ByteString | undefined;
    try {
      selected = this.options.select(path, member.kind);
      if (selected === undefined) return undefined;
      if (typeof sparse === 'string') throw refusedMap(path, sparse);
      const accepted = this.tree.add({ ...member, path: selected }, path, streamOffset, this.segments);
      if (accepted !== undefined) return { ...accepted, sparse };
    } catch (error) {
      if (!(error instanceof ZnipError)) throw error;
      this.options.onRefused(selected ?? path, error);
    }
    this.options.onPassed(streamOffset);
    return undefined;
  }

  private tellDoubts(item: TarMember): void {
    const { doubts, ownerDoubts } = item;
    if (!this.isChosenItem(item)) return;
    const name = nameOf(item);
    if (doubts.length > 0) this.options.onDoubt(name, differently(doubts));
    if (ownerDoubts.length > 0 && this.options.owners) {
      this.options.onDoubt(name, ownerDifferently(ownerDoubts));
    }
  }

  private isChosenItem({ path, member }: TarMember): boolean {
    return path === '' || isChosen(() => this.options.select(path, member?.kind ?? KIND.file));
  }

  private isHeld({ mode }: Member): boolean {
    return this.options.holdsSpecial && (mode & SPECIAL_BITS) !== 0;
  }
}

/** `size`: bytes of its content in the stream. */
function largeFile(accepted: AcceptedMember, size: number, held: boolean): LargeFile {
  const { member, row, owner, replaces, sparse } = accepted;
  const { path, mode, mtime } = member;
  return { path, size, mode, mtime, owner, replace: replaces, checksum: null, row, held, sparse };
}

/** The member to write. For a sparse file, also its map, or what is wrong with the map. */
function contentOf({ member, sparse }: TarMember): {
  member: Member | null;
  sparse: SparseMap | string | undefined;
} {
  if (sparse?.map === undefined) return { member, sparse: undefined };
  const { file, map } = sparse;
  return { member: typeof map === 'string' ? file : { ...file, size: map.realSize }, sparse: map };
}

function refusedMap(path: ByteString, why: string): ZnipError {
  const member = toText(path);
  return new ZnipError('damaged-block', `the map of the sparse file '${member}' is refused: ${why}`, {
    member,
  });
}
