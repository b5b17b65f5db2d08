/**
 * Takes members out of a tar stream that arrives in chunks: which files are in a chunk, where their
 * content is, and what is left for the end (links, directories). Main thread.
 */
import { ZnipError } from '../errors.ts';
import type { Continuation } from '../format/block-header.ts';
import type { ByteString } from '../format/byte-string.ts';
import { KIND, type Member } from '../format/entry.ts';
import { differently, nameOf, ownerDifferently } from '../format/remarks.ts';
import { paddedLength } from '../format/tar-header.ts';
import { type TarMember, TarReader } from '../format/tar-reader.ts';
import type { DirectoryEntry } from './directories.ts';
import type { FileColumns, LargeFile, LargePart } from './extract-plan.ts';
import type { Limits } from './limits.ts';
import { MemberNames } from './member-names.ts';
import { type Link, refusedLink } from './member-tree.ts';
import { isChosen } from './remarks.ts';
import { checkPath } from './safe-path.ts';
import type { Owner } from './write-file.ts';

/** What a chunk of tar stream comes to. */
export interface ChunkMembers {
  files: FileColumns;
  parts: LargePart[];
  /** Bytes taken from the chunk; the rest is the start of a header or member that goes on. */
  consumed: number;
  /** Chunk byte at which the first header starts. */
  firstHeader: number | undefined;
  /** The end of the tar stream was in this chunk. */
  ended: boolean;
}

/** Of a chunk from which nothing is written. */
export const NO_FILES: FileColumns = {
  count: 0,
  paths: [],
  offsets: new Float64Array(0),
  sizes: new Float64Array(0),
  modes: new Uint32Array(0),
  mtimes: new BigInt64Array(0),
  owners: null,
  checksums: null,
  replace: [],
};

export interface TarMembersOptions {
  /** The name that a member gets, or undefined when it is not wanted. */
  select: (path: ByteString, kind: number) => ByteString | undefined;
  /** Called for what an archive cannot hold: devices, FIFOs, sparse files. */
  onSkipped: (path: ByteString, typeFlag: string) => void;
  /** Called for members that tar programs read differently: in what, a sentence each. */
  onDoubt: (path: ByteString, reason: string) => void;
  /** Called for the first name with a `/` in front, which is taken away. */
  onLeadingSlash: (path: ByteString) => void;
  /** Called for a hard link to a file that was not selected: its content has gone by. */
  onLostTarget: (path: ByteString, target: ByteString) => void;
  /** Called for everything in the stream that an archive can hold, selected or not. */
  onAny: () => void;
  /**
   * Called for every selected member, in the order of the stream, before anything of it is written.
   * `streamOffset` is where its content starts.
   */
  onMember: (member: Member, archived: ByteString, streamOffset: number) => void;
  /** Owners in the headers are to be restored. Those of znip are 0 where none is recorded. */
  owners: boolean;
  limits: Limits;
  /** Called for members that are refused, under the name that they were to get. What it does not throw is left out. */
  onRefused: (path: ByteString, error: ZnipError) => void;
}

/** A large file that the stream is in the middle of, or data of a member that nobody wants. */
interface Pending {
  large: LargeFile | null;
  /** Its path in the stream, and all its data. */
  path: ByteString;
  size: number;
  fileOffset: number;
  dataLeft: number;
  paddingLeft: number;
}

export class TarMembers {
  /** By name: where a name comes twice, the last one counts. */
  readonly directories = new Map<ByteString, DirectoryEntry>();
  readonly symlinks = new Map<ByteString, Link>();
  readonly hardLinks = new Map<ByteString, Link>();
  /** Names of files that a link has replaced: they have been written, and stand in its way. */
  readonly replacedByLinks = new Set<ByteString>();
  /** Where names that replaced a file, and hard links, stand in the order of members. */
  private readonly replacedAt = new Map<ByteString, number>();
  private readonly linkedAt = new Map<ByteString, number>();
  private memberCount = 0;
  private readonly reader = new TarReader();
  private readonly names: MemberNames;
  private readonly options: TarMembersOptions;
  private pending: Pending | undefined;
  private lastRepeated = false;
  private toldLeadingSlash = false;

  constructor(options: TarMembersOptions) {
    this.options = options;
    this.names = new MemberNames(options.limits);
  }

  /** What comes next is not what follows: the file that the stream is in the middle of is lost. */
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
   * Takes what it can from `chunk`, which begins where the last call stopped. A member of which `chunk`
   * does not hold all is large when `complete` says that the chunk will not get longer, or when it is
   * longer than `longest`; otherwise it is left for the next call. `start` is where the first header is, when
   * what stands before it belongs to a member that is lost.
   */
  take(chunk: Buffer, streamOffset: number, complete: boolean, longest: number, start = 0): ChunkMembers {
    const files: PlacedMember[] = [];
    const parts: LargePart[] = [];
    let position = Math.max(start, this.takePending(chunk, parts));
    let ended = false;
    let firstHeader: number | undefined;
    while (position < chunk.byteLength && this.pending === undefined) {
      const item = this.reader.read(chunk, position, streamOffset, complete);
      if (item === 'more') break;
      if (item === 'end') {
        ended = true;
        position = chunk.byteLength;
        break;
      }
      firstHeader ??= position;
      const dataOffset = position + item.headerLength;
      const end = dataOffset + paddedLength(item.size);
      const fits = end <= chunk.byteLength;
      if (!fits && !complete && end - position <= longest) break;
      const member = this.accept(item, streamOffset + dataOffset);
      if (fits) {
        if (member?.kind === KIND.file) {
          files.push({
            member,
            offset: dataOffset,
            repeated: this.lastRepeated,
            owner: this.ownerOf(member),
          });
        }
        position = end;
        continue;
      }
      const large =
        member?.kind !== KIND.file
          ? null
          : {
              path: member.path,
              size: member.size,
              mode: member.mode,
              mtime: member.mtime,
              owner: this.ownerOf(member),
              replace: this.lastRepeated,
              checksum: null,
            };
      this.pending = {
        large,
        path: item.path,
        size: item.size,
        fileOffset: 0,
        dataLeft: item.size,
        paddingLeft: paddedLength(item.size) - item.size,
      };
      // The data begins right behind its header, which may be the last of the chunk.
      position = dataOffset + this.takePending(chunk.subarray(dataOffset), parts, dataOffset);
    }
    return { files: toColumns(files, this.options.owners), parts, consumed: position, firstHeader, ended };
  }

  /** Takes data of the pending member from the start of `bytes`; returns how much. */
  private takePending(bytes: Buffer, parts: LargePart[], chunkOffset = 0): number {
    const { pending } = this;
    if (pending === undefined) return 0;
    const length = Math.min(pending.dataLeft, bytes.byteLength);
    if (length > 0 && pending.large !== null) {
      parts.push({ large: pending.large, chunkOffset, fileOffset: pending.fileOffset, length });
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
  private accept(item: TarMember, streamOffset: number): Member | undefined {
    const { member, path, typeFlag } = item;
    if (item.doubts.length > 0 || item.ownerDoubts.length > 0) this.tellDoubts(item);
    if (member === null) {
      // A global header that ends the stream is about no member.
      const isSkipped = typeFlag !== 'g' && isChosen(() => this.options.select(path, KIND.file));
      if (isSkipped) this.options.onSkipped(nameOf(item), typeFlag);
      return undefined;
    }
    if (item.absolute && !this.toldLeadingSlash) {
      this.toldLeadingSlash = true;
      this.options.onLeadingSlash(path);
    }
    // "./" of tar archives: the target itself.
    if (path === '' || path === '.') return undefined;
    this.options.onAny();
    let selected: ByteString | undefined;
    try {
      selected = this.options.select(path, member.kind);
      return selected === undefined
        ? undefined
        : this.acceptSelected({ member, path }, selected, streamOffset);
    } catch (error) {
      if (!(error instanceof ZnipError)) throw error;
      this.options.onRefused(selected ?? path, error);
      return undefined;
    }
  }

  private tellDoubts(item: TarMember): void {
    const { path, member, doubts, ownerDoubts } = item;
    const kind = member?.kind ?? KIND.file;
    if (path !== '' && !isChosen(() => this.options.select(path, kind))) return;
    const name = nameOf(item);
    if (doubts.length > 0) this.options.onDoubt(name, differently(doubts));
    if (ownerDoubts.length > 0 && this.options.owners) {
      this.options.onDoubt(name, ownerDifferently(ownerDoubts));
    }
  }

  private acceptSelected(
    { member, path }: { member: Member; path: ByteString },
    selected: ByteString,
    streamOffset: number,
  ): Member | undefined {
    const { kind, linkTarget, mtime } = member;
    let target = linkTarget;
    if (kind === KIND.hardlink) {
      checkPath(linkTarget);
      const renamedTarget = this.options.select(linkTarget, KIND.file);
      if (renamedTarget === undefined) {
        this.options.onLostTarget(path, linkTarget);
        return undefined;
      }
      target = renamedTarget;
    }
    const renamed = { ...member, path: selected };
    this.lastRepeated = this.replace(selected, kind);
    this.memberCount += 1;
    if (kind === KIND.hardlink) this.checkHardLink(selected, target, linkTarget);
    this.options.onMember(renamed, path, streamOffset);
    const owner = this.ownerOf(member);
    if (kind === KIND.directory) this.directories.set(selected, { mode: member.mode, mtime, owner });
    else if (kind === KIND.symlink) {
      this.symlinks.set(selected, { path: selected, target, mtime, owner });
    } else if (kind === KIND.hardlink) {
      this.hardLinks.set(selected, { path: selected, target, mtime, owner: null });
      this.linkedAt.set(selected, this.memberCount);
    }
    return renamed;
  }

  /** Takes away the hard links whose target was replaced after them: what they mean is not there any more. */
  takeReplacedTargets(): Link[] {
    if (this.replacedAt.size === 0) return [];
    const links = [...this.hardLinks.values()].filter(
      ({ path, target }) => (this.replacedAt.get(target) ?? 0) > (this.linkedAt.get(path) ?? 0),
    );
    for (const { path } of links) this.hardLinks.delete(path);
    return links;
  }

  /** Gives a name to a member of this kind; returns whether a file of this run stands there. */
  private replace(path: ByteString, kind: number): boolean {
    const before = this.names.add(path, kind);
    if (before === undefined || kind === KIND.directory) return false;
    this.symlinks.delete(path);
    this.hardLinks.delete(path);
    if (before === KIND.file) this.replacedAt.set(path, this.memberCount + 1);
    const written = before === KIND.file || this.replacedByLinks.has(path);
    if (kind === KIND.file) this.replacedByLinks.delete(path);
    else if (written) this.replacedByLinks.add(path);
    return written;
  }

  private ownerOf({ uid, gid }: Member): Owner | null {
    return this.options.owners && uid !== null && gid !== null ? { uid, gid } : null;
  }

  private checkHardLink(path: ByteString, target: ByteString, linkTarget: ByteString): void {
    const kind = this.names.kindOf(target);
    if (target !== path && (kind === KIND.file || kind === KIND.hardlink)) return;
    const why = target === path ? 'it is a link to itself' : 'its target is not a file that came before it';
    throw refusedLink(path, linkTarget, why);
  }
}

interface PlacedMember {
  member: Member;
  /** Chunk byte at which the content starts. */
  offset: number;
  /** A member before had the same name. */
  repeated: boolean;
  owner: Owner | null;
}

function toColumns(files: readonly PlacedMember[], owners: boolean): FileColumns {
  const count = files.length;
  const columns: FileColumns = {
    count,
    paths: files.map(({ member }) => member.path),
    offsets: new Float64Array(count),
    sizes: new Float64Array(count),
    modes: new Uint32Array(count),
    mtimes: new BigInt64Array(count),
    owners: owners ? files.map(({ owner }) => owner) : null,
    checksums: null,
    replace: files.flatMap(({ repeated }, row) => (repeated ? [row] : [])),
  };
  files.forEach(({ member, offset }, row) => {
    columns.offsets[row] = offset;
    columns.sizes[row] = member.size;
    columns.modes[row] = member.mode;
    columns.mtimes[row] = member.mtime;
  });
  return columns;
}
