/**
 * Takes members from a tar stream that arrives in chunks. It finds which files are in a chunk, where their content is,
 * and what must wait for the end (links, directories). Main thread.
 */
import type { Owner } from '../archive/entries.ts';
import { isChosen } from '../archive/remarks.ts';
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
import type { Limits } from '../rules/limits.ts';
import { MemberNames } from '../rules/member-names.ts';
import { checkPath } from '../rules/safe-path.ts';
import type { LargeFile } from '../target/chunk-files.ts';
import type { DirectoryEntry } from '../target/directories.ts';
import type { HardLink, Link } from '../target/links.ts';
import { DIRECTORY_TARGET, refusedLink } from '../unpack/member-tree.ts';
import { PendingLinks } from './pending-links.ts';
import { type Segment, SegmentBuilder } from './segment.ts';

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

export interface TarMembersOptions {
  /** The name that a member gets, or undefined if it is not wanted. */
  select: (path: ByteString, kind: number) => ByteString | undefined;
  /** Members may have other names than in the stream. */
  renames: boolean;
  /** Gets the directories that have arrived. */
  directories: Map<ByteString, DirectoryEntry>;
  /** Called for what an archive cannot hold: devices, FIFOs, sparse files. */
  onSkipped: (path: ByteString, typeFlag: string) => void;
  /**
   * Called for members that tar programs read differently. `reason` says what differs, in a sentence for each thing.
   */
  onDoubt: (path: ByteString, reason: string) => void;
  /** Called for members with extended attributes, which are not restored. For what they mean, see ATTRIBUTES. */
  onAttributes: (path: ByteString, attributes: number) => void;
  /** Called for the first name that begins with a `/`. The `/` is removed. */
  onLeadingSlash: (path: ByteString) => void;
  /** Called for a hard link to a file that was not selected, or is no longer there: its content has passed. */
  onLostTarget: (path: ByteString, target: ByteString) => void;
  /**
   * Called for every member that is selected but left out, or changes nothing, with the place where its content starts.
   */
  onPassed: (streamOffset: number) => void;
  /** Called for everything in the stream that an archive can hold, selected or not. */
  onAny: () => void;
  /**
   * znip did not make the stream. Sparse files are then written by their maps, and the whole members before a broken
   * header are given out.
   */
  foreign: boolean;
  /** Records of zeros do not end the stream. */
  ignoreZeros: boolean;
  /**
   * Called for every selected member, in the order of the stream, before any of it is written. `streamOffset` is where
   * its content starts. Returns the row that it gets.
   */
  onMember: (member: Member, archived: ByteString, streamOffset: number) => number;
  /** Called before `onMember` if a later member takes a name: what had it goes on as the hard link `heir`. */
  onHeir: (name: ByteString, heir: ByteString) => void;
  /** Restore the owners in the headers. In a znip archive, these are 0 if none is recorded. */
  owners: boolean;
  /** Files with set-user-id or similar bits stay open, because their owner comes later. */
  holdsSpecial: boolean;
  limits: Limits;
  /**
   * Called for refused members, with the name that they should have got. If it does not throw, the member is left out.
   */
  onRefused: (path: ByteString, error: ZnipError) => void;
  /** Called at the end for hard links whose file has never arrived. */
  onLeadsNowhere: (path: ByteString, error: ZnipError) => void;
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
  /** By name. If a name comes twice, the last one counts. */
  readonly directories: Map<ByteString, DirectoryEntry>;
  readonly symlinks = new Map<ByteString, Link>();
  private readonly links = new PendingLinks();
  /** Names of files that a link has replaced. The files have been written, and are in the way of the link. */
  readonly replacedByLinks = new Set<ByteString>();
  private readonly reader: TarReader;
  private readonly names: MemberNames;
  private readonly options: TarMembersOptions;
  private pending: UnfinishedData | undefined;
  private segments: SegmentBuilder;
  /** If members get other names: for each name, the path in the stream of the member that has it. */
  private readonly holders = new Map<ByteString, ByteString>();
  private toldLeadingSlash = false;

  constructor(options: TarMembersOptions) {
    this.options = options;
    this.directories = options.directories;
    this.reader = new TarReader(options.foreign);
    this.names = new MemberNames(options.limits);
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
      const dataOffset = position + item.headerLength;
      const end = dataOffset + paddedLength(item.size);
      const fits = end <= chunk.byteLength;
      if (!fits && !complete && end - position <= longest) break;
      const accepted = this.accept(item, streamOffset + dataOffset);
      const isFile = accepted?.member.kind === KIND.file;
      const isOwn = isFile && (this.isHeld(accepted.member) || accepted.sparse !== undefined);
      if (fits && !isOwn) {
        if (isFile) this.segments.addFile(accepted, dataOffset);
        position = end;
        continue;
      }
      this.pending = {
        large: isFile ? largeFile(accepted, item.size, this.isHeld(accepted.member)) : null,
        path: item.path,
        size: item.size,
        fileOffset: 0,
        dataLeft: item.size,
        paddingLeft: paddedLength(item.size) - item.size,
      };
      // The data begins right after its header. The header may be the last thing in the chunk.
      position = dataOffset + this.takePending(chunk.subarray(dataOffset), dataOffset);
    }
    return { segments: this.segments.finish(), consumed: position, firstHeader, ended, endOffset, failure };
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

  /** The hard links to make at the end. Calls `onLeadsNowhere` for those that lead to nothing. */
  finalLinks(): HardLink[] {
    for (const { path, target } of this.links.allEarly()) {
      const isDirectory = this.names.kindOf(target) === KIND.directory;
      const why = isDirectory ? DIRECTORY_TARGET : 'its target is not a file of the archive';
      this.options.onLeadsNowhere(path, refusedLink(path, target, why));
    }
    return Array.from(this.links.all(), (link) => ({ ...link, symlink: this.symlinks.get(link.target) }));
  }

  /** Checks a member and records it; undefined if it is not wanted or if an archive cannot hold it. */
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
    // "./" in a tar archive is the target itself.
    if (path === '' || path === '.') return undefined;
    this.options.onAny();
    let selected: ByteString | undefined;
    try {
      selected = this.options.select(path, member.kind);
      if (selected === undefined) return undefined;
      if (typeof sparse === 'string') throw refusedMap(path, sparse);
      const accepted = this.acceptSelected({ ...member, path: selected }, path, streamOffset);
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

  /** `member` has the name that it gets, `archived` is its path in the stream. */
  private acceptSelected(
    member: Member,
    archived: ByteString,
    streamOffset: number,
  ): AcceptedMember | undefined {
    const { path, kind, mtime, mode } = member;
    const owner = this.ownerOf(member);
    let link: HardLink | undefined;
    if (kind === KIND.hardlink) {
      link = this.resolve(member, archived);
      if (link === undefined) return undefined;
    }
    const replaces = this.replace(path, kind);
    const row = this.options.onMember(member, archived, streamOffset);
    if (this.options.renames) this.holders.set(path, archived);
    if (kind === KIND.directory) this.directories.set(path, { mode, mtime, owner });
    else if (kind === KIND.symlink) {
      this.symlinks.set(path, { path, target: member.linkTarget, mtime, owner });
    }
    if (link === undefined) {
      if (kind !== KIND.directory) this.links.arrive(path, path);
    } else if (this.hasCome(link.target)) {
      this.links.add(link);
      this.links.arrive(path, link.target);
    } else this.links.wait(link);
    return { member, row, owner, replaces };
  }

  /** The hard link, with the file that it leads to; undefined if it changes nothing, or if its file has passed. */
  private resolve({ path, linkTarget, mtime }: Member, archived: ByteString): HardLink | undefined {
    checkPath(linkTarget);
    const itself = linkTarget === archived;
    if (itself) {
      if (this.names.kindOf(path) !== undefined) return undefined;
      throw refusedLink(path, linkTarget, 'it is a link to itself');
    }
    const target = this.options.select(linkTarget, KIND.file);
    const holder = target === undefined ? undefined : this.holders.get(target);
    if (target === undefined || (holder !== undefined && holder !== linkTarget)) {
      this.options.onLostTarget(path, linkTarget);
      return undefined;
    }
    if (this.names.isDirectory(target)) {
      throw refusedLink(path, linkTarget, DIRECTORY_TARGET);
    }
    // A link to a link is another name of the same file.
    const first = this.links.at(target);
    // If the link leads to another name of the file that has this name already, it changes nothing, too.
    if (first?.target === path) return undefined;
    if (first !== undefined) return { ...first, path, mtime };
    return { path, target, mtime, owner: null, symlink: this.symlinks.get(target), file: undefined };
  }

  /** Whether a file or symlink has this name, or a link to one that has arrived. */
  private hasCome(path: ByteString): boolean {
    const kind = this.names.kindOf(path);
    return kind !== undefined && kind !== KIND.directory && !this.links.isEarly(path);
  }

  /** Gives a name to a member of this kind. Returns whether a file of this run has that name. */
  private replace(path: ByteString, kind: number): boolean {
    const before = this.names.add(path, kind);
    if (before === undefined || (before === KIND.directory && kind === KIND.directory)) return false;
    const isPending = this.links.remove(path);
    const symlink = this.symlinks.get(path);
    this.symlinks.delete(path);
    this.directories.delete(path);
    const links = this.links.takeLinksTo(path);
    const isWritten =
      (before !== KIND.directory && symlink === undefined && !isPending) || this.replacedByLinks.has(path);
    if (links[0] !== undefined) {
      this.options.onHeir(path, links[0].path);
      if (symlink !== undefined) this.moveSymlink(symlink, links[0], links.slice(1));
      else for (const link of links) this.makeNow(link);
    }
    if (!isWritten) return false;
    if (kind === KIND.file) {
      this.replacedByLinks.delete(path);
      this.segments.follow(path);
      return true;
    }
    if (kind === KIND.directory) {
      this.replacedByLinks.delete(path);
      this.segments.change({ type: 'remove', path });
    } else this.replacedByLinks.add(path);
    return true;
  }

  /** A symlink that links lead to is about to lose its name. It goes on under the name of the first link. */
  private moveSymlink(symlink: Link, { path }: HardLink, others: readonly HardLink[]): void {
    this.symlinks.set(path, { ...symlink, path });
    for (const link of others) this.links.add({ ...link, target: path });
  }

  /** The file that a link leads to is about to lose its name. */
  private makeNow(link: HardLink): void {
    // A file that the link has replaced is in its way.
    if (this.replacedByLinks.delete(link.path)) this.segments.change({ type: 'remove', path: link.path });
    this.segments.change({ type: 'link', link });
  }

  private isHeld({ mode }: Member): boolean {
    return this.options.holdsSpecial && (mode & SPECIAL_BITS) !== 0;
  }

  private ownerOf({ uid, gid }: Member): Owner | null {
    return this.options.owners && uid !== null && gid !== null ? { uid, gid } : null;
  }
}

/** A member to write, under the name that it gets. */
export interface AcceptedMember {
  member: Member;
  row: number;
  owner: Owner | null;
  /** A file of this run has its name. */
  replaces: boolean;
  /** Where its content goes, if it has holes. */
  sparse?: SparseMap | undefined;
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
