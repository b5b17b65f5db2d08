/**
 * The tree that the members of a stream come to, one after the other: who has each name by now, and what links mean.
 * Main thread.
 */
import type { Owner } from '../archive/entries.ts';
import type { PlainMembers } from '../blocks/plain-members.ts';
import { ZnipError } from '../errors.ts';
import type { SparseMap } from '../format/tar/sparse.ts';
import type { ByteString } from '../format/values/byte-string.ts';
import { startOf } from '../format/values/byte-strings.ts';
import { KIND, type Member } from '../format/values/entry.ts';
import type { Limits } from '../rules/limits.ts';
import { MemberNames } from '../rules/member-names.ts';
import { hashBytes } from '../rules/name-table.ts';
import { checkPath } from '../rules/safe-path.ts';
import type { DirectoryEntry } from '../target/directories.ts';
import type { HardLink, Link } from '../target/links.ts';
import type { AttributedMember } from '../target/xattrs.ts';
import { DIRECTORY_TARGET, refusedLink } from '../unpack/member-tree.ts';
import { PendingLinks } from './pending-links.ts';
import type { SegmentBuilder } from './segment.ts';

export interface StreamTreeOptions {
  /** The name that a member gets; undefined if it is not wanted. */
  select: (path: ByteString, kind: number) => ByteString | undefined;
  /** The names that members get. */
  names: MemberNames;
  /** Members may get other names than they have in the stream. */
  renames: boolean;
  /** Gets the directories that have come. */
  directories: Map<ByteString, DirectoryEntry>;
  /** Called for a hard link to a file that was not selected, or is no longer there: its content has gone by. */
  onLostTarget: (path: ByteString, target: ByteString) => void;
  /**
   * Called for every selected member, in the order of the stream, before anything of it is written.
   * Its name is in `names`. `streamOffset` is where its content starts. Returns the row that the member gets.
   */
  onMember: (member: Member, archived: ByteString, streamOffset: number) => number;
  /** The same for plain files, rows `from` to `to` of `members`. Returns the row of the first; the others follow. */
  onFiles: (members: PlainMembers, from: number, to: number, streamOffset: number) => number;
  /** Called when a name goes to a later member, before `onMember`: what had it lives on as the hard link `heir`. */
  onHeir: (name: ByteString, heir: ByteString) => void;
  /** Owners in the headers are restored. In znip's own headers they are 0 if none is recorded. */
  owners: boolean;
  /** Extended attributes are restored, at the end. */
  xattrs: boolean;
  limits: Limits;
  /** Called at the end for hard links that have waited for a file, and none has come. */
  onLeadsNowhere: (path: ByteString, error: ZnipError) => void;
}

/** A member that is to be written, under the name that it gets. */
export interface AcceptedMember {
  member: Member;
  row: number;
  owner: Owner | null;
  /** A file of this run has its name. */
  replaces: boolean;
  /** Where its content goes, when it has holes. */
  sparse?: SparseMap | undefined;
}

/** What is held in memory of attributes until the end of a stream, in bytes. No tree that people have comes near. */
const MAX_XATTRS_LENGTH = 256 * 1024 * 1024;

function tooManyXattrs(): ZnipError {
  return new ZnipError(
    'limit',
    `the stream has more than ${MAX_XATTRS_LENGTH} bytes of extended attributes: unpack it without \`xattrs\``,
  );
}

export class StreamTree {
  /** By name: if a name comes twice, the last one counts. */
  readonly directories: Map<ByteString, DirectoryEntry>;
  readonly symlinks = new Map<ByteString, Link>();
  /** Files and symlinks with extended attributes. */
  readonly attributed = new Map<ByteString, AttributedMember>();
  private xattrsLength = 0;
  /** Names of files that a link has replaced: they have been written, and stand in its way. */
  readonly replacedByLinks = new Set<ByteString>();
  private readonly options: StreamTreeOptions;
  private readonly links = new PendingLinks();
  private readonly names: MemberNames;
  /** If members get other names: who has each, by its path in the stream. */
  private readonly holders = new Map<ByteString, ByteString>();

  constructor(options: StreamTreeOptions) {
    this.options = options;
    this.directories = options.directories;
    this.names = options.names;
  }

  /** Hard links as they are to be made, at the end; `onLeadsNowhere` hears of those that lead to nothing. */
  finalLinks(): HardLink[] {
    for (const { path, target } of this.links.allEarly()) {
      const isDirectory = this.names.kindOf(target) === KIND.directory;
      const why = isDirectory ? DIRECTORY_TARGET : 'its target is not a file of the archive';
      this.options.onLeadsNowhere(path, refusedLink(path, target, why));
    }
    return Array.from(this.links.all(), (link) => ({ ...link, symlink: this.symlinks.get(link.target) }));
  }

  /**
   * Takes in a member: it has the name that it gets, `archived` is its path in the stream. What has to happen to members
   * before it goes to `segments`. Returns undefined for a hard link that changes nothing, or whose file has gone by.
   * Throws what is wrong with the member.
   */
  add(
    member: Member,
    archived: ByteString,
    streamOffset: number,
    segments: SegmentBuilder,
  ): AcceptedMember | undefined {
    const { path, kind, mtime, mode, size, xattrs } = member;
    const owner = this.ownerOf(member);
    let link: HardLink | undefined;
    if (kind === KIND.hardlink) {
      link = this.resolve(member, archived);
      if (link === undefined) return undefined;
    }
    const replaces = this.replace(path, kind, segments);
    const row = this.options.onMember(member, archived, streamOffset);
    if (this.options.renames) this.holders.set(path, archived);
    if (kind === KIND.directory)
      this.directories.set(path, { mode, mtime, owner, xattrs: this.options.xattrs ? xattrs : undefined });
    else if (kind === KIND.symlink) {
      this.symlinks.set(path, { path, target: member.linkTarget, mtime, owner });
    }
    if (this.options.xattrs && xattrs !== undefined && (kind === KIND.file || kind === KIND.symlink)) {
      this.xattrsLength += xattrs.length;
      if (this.xattrsLength > MAX_XATTRS_LENGTH) throw tooManyXattrs();
      this.attributed.set(path, { kind, size, uid: member.uid, xattrs });
    }
    if (link === undefined) {
      if (kind !== KIND.directory) this.links.arrive(path, path);
    } else if (this.hasCome(link.target)) {
      this.links.add(link);
      this.links.arrive(path, link.target);
    } else this.links.wait(link);
    return { member, row, owner, replaces };
  }

  /**
   * Takes in plain files of one directory, rows `from` to `to` of `members`, as far as that goes without saying: each under
   * its own name, which nothing else has. Returns the row of the first for which `add` must decide.
   */
  addFiles(
    members: PlainMembers,
    from: number,
    to: number,
    streamOffset: number,
    segments: SegmentBuilder,
  ): number {
    if (this.links.areWaiting) return from;
    const { pathBytes, pathEnds } = members;
    let end = from;
    for (; end < to; end++) {
      const start = startOf(pathEnds, end);
      const hash = hashBytes(pathBytes, start, pathEnds[end] ?? start);
      if (!this.names.addPlain(pathBytes, start, pathEnds[end] ?? start, hash, end > from)) break;
    }
    if (end > from)
      segments.addFiles(members, from, end, this.options.onFiles(members, from, end, streamOffset));
    return end;
  }

  /** What a hard link is a name of; undefined for one that changes nothing, or whose file has gone by. */
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
    // A link to a link is one more name of the same file.
    const first = this.links.at(target);
    // One to another name of what has this name changes nothing, too.
    if (first?.target === path) return undefined;
    if (first !== undefined) return { ...first, path, mtime };
    return { path, target, mtime, owner: null, symlink: this.symlinks.get(target), file: undefined };
  }

  /** Whether a file or symlink has this name, or a link that is made already. */
  private hasCome(path: ByteString): boolean {
    const kind = this.names.kindOf(path);
    return kind !== undefined && kind !== KIND.directory && !this.links.isEarly(path);
  }

  /** Gives a name to a member of this kind; returns whether a file of this run stands there. */
  private replace(path: ByteString, kind: number, segments: SegmentBuilder): boolean {
    const before = this.names.add(path, kind);
    if (before === undefined || (before === KIND.directory && kind === KIND.directory)) return false;
    const isPending = this.links.remove(path);
    const symlink = this.symlinks.get(path);
    this.symlinks.delete(path);
    this.directories.delete(path);
    const links = this.links.takeLinksTo(path);
    const attributed = this.attributed.get(path);
    this.attributed.delete(path);
    if (links[0] !== undefined && attributed !== undefined) this.attributed.set(links[0].path, attributed);
    const isWritten =
      (before !== KIND.directory && symlink === undefined && !isPending) || this.replacedByLinks.has(path);
    if (links[0] !== undefined) {
      this.options.onHeir(path, links[0].path);
      if (symlink !== undefined) this.moveSymlink(symlink, links[0], links.slice(1));
      else for (const link of links) this.makeNow(link, segments);
    }
    if (!isWritten) return false;
    if (kind === KIND.file) {
      this.replacedByLinks.delete(path);
      segments.follow(path);
      return true;
    }
    if (kind === KIND.directory) {
      this.replacedByLinks.delete(path);
      segments.change({ type: 'remove', path });
    } else this.replacedByLinks.add(path);
    return true;
  }

  /** The symlink that links lead to is about to lose its name: it goes on under that of the first. */
  private moveSymlink(symlink: Link, { path }: HardLink, others: readonly HardLink[]): void {
    this.symlinks.set(path, { ...symlink, path });
    for (const link of others) this.links.add({ ...link, target: path });
  }

  /** The file that a link leads to is about to lose its name. */
  private makeNow(link: HardLink, segments: SegmentBuilder): void {
    // What the link has replaced stands in its way.
    if (this.replacedByLinks.delete(link.path)) segments.change({ type: 'remove', path: link.path });
    segments.change({ type: 'link', link });
  }

  private ownerOf({ uid, gid }: Member): Owner | null {
    return this.options.owners && uid !== null && gid !== null ? { uid, gid } : null;
  }
}
