/**
 * Cuts the members into chunks: which header and which data go where. Main thread.
 *
 * The layout depends only on names, sizes and the chunk size. A member that fits in a chunk of its own is never split.
 * A larger one starts a chunk, fills whole chunks, and shares its last chunk with the next members. Where a chunk ends
 * otherwise: see `ChunkMembers`. Implements docs/format.md, "Chunks".
 */
import { closeSync, fstatSync } from 'node:fs';
import { isExhaustion, systemReason } from '../../errors.ts';
import { paddedLength, tarHeaderLength } from '../../format/tar/tar-header.ts';
import { type ByteString, fromText, toText } from '../../format/values/byte-string.ts';
import { type Group, groupOf, KIND, type Member } from '../../format/values/entry.ts';
import { MAX_HEADERS_LENGTH } from '../../format/values/constants.ts';
import { lastComponent } from '../../format/values/member-path.ts';
import { packageTypeOf } from '../../format/values/package-type.ts';
import { attributesOf } from '../../posix/attributes.ts';
import type { OnAttributes } from '../walk/attribute-notes.ts';
import { sourceFlags, SourceDirectories } from '../walk/source-directories.ts';
import type { MemberSource, SourceMember } from '../walk/source-member.ts';
import type { Warning } from '../walk/warning.ts';
import type { FileChunkPlan, FilePart } from './chunk-plan.ts';
import { ChunkMembers } from './chunk-members.ts';
import type { MemberColumns } from './member-columns.ts';

/** How members are put into groups. */
export interface GroupOptions {
  /** Package type of all members; undefined: recognised from their names. */
  packageType: string | undefined;
  /** Repo of all members; undefined: none, or the first path component. */
  repo: string | undefined;
  repoFromDirectory: boolean;
}

export interface PlanOptions extends GroupOptions {
  chunkSize: number;
  onWarning: (warning: Warning) => void;
  onAttributes?: OnAttributes | undefined;
}

/** Numbers the groups in the order in which they occur. */
export class GroupNumbers {
  private readonly numbers = new Map<string, number>();
  private lastKey = '';
  private lastNumber = -1;
  private readonly options: GroupOptions;
  private announced: Group[] = [];

  constructor(options: GroupOptions) {
    this.options = options;
  }

  numberOf(member: Pick<Member, 'path' | 'kind'>): number {
    const packageType = this.options.packageType ?? packageTypeOf(member.path);
    const { repo: given, repoFromDirectory } = this.options;
    const repo = given === undefined ? (repoFromDirectory ? firstComponent(member) : '') : fromText(given);
    const key = repo === '' ? packageType : `${packageType}\0${repo}`;
    if (key === this.lastKey) return this.lastNumber;
    let number = this.numbers.get(key);
    if (number === undefined) {
      number = this.numbers.size;
      this.numbers.set(key, number);
      this.announced.push(groupOf(packageType, repo));
    }
    this.lastKey = key;
    this.lastNumber = number;
    return number;
  }

  takeAnnounced(): Group[] {
    const groups = this.announced;
    this.announced = [];
    return groups;
  }
}

function firstComponent({ path, kind }: Pick<Member, 'path' | 'kind'>): ByteString {
  const slash = path.indexOf('/');
  if (slash >= 0) return path.slice(0, slash);
  // A directory at the top is the repo. A file at the top has none.
  return kind === KIND.directory ? path : '';
}

/** Yields the chunks of an archive in order; the end of the tar stream is the last. */
export function* planChunks(
  members: Pick<MemberSource, 'next' | 'takeRun'>,
  options: PlanOptions,
): Generator<FileChunkPlan, void, undefined> {
  const large = new LargeFileOpener(options);
  try {
    yield* planAll(members, options, large);
  } finally {
    large.close();
  }
}

function* planAll(
  members: Pick<MemberSource, 'next' | 'takeRun'>,
  options: PlanOptions,
  large: LargeFileOpener,
): Generator<FileChunkPlan, void, undefined> {
  const { chunkSize } = options;
  const groups = new GroupNumbers(options);
  const chunk = new ChunkMembers(chunkSize);
  let sequence = 0;
  let continuation: FilePart | null = null;

  const plan = (columns: MemberColumns, overflow: FilePart | null, last = false): FileChunkPlan => {
    const made: FileChunkPlan = {
      sequence: sequence++,
      last,
      filled: null,
      notesAttributes: options.onAttributes !== undefined,
      continuation,
      members: columns,
      overflow,
      newGroups: groups.takeAnnounced(),
    };
    continuation = null;
    return made;
  };

  for (;;) {
    const run = members.takeRun();
    if (run !== undefined) {
      // All of them are of one group: their types are plain, and they are in one directory.
      const group = groups.numberOf({ path: `${run.base}${run.listing.name(run.from)}`, kind: KIND.file });
      for (let row = run.from; (row = chunk.appendRun(run, row, group)) < run.to;) {
        yield plan(chunk.finishAtCut(), null);
      }
      continue;
    }
    const found = members.next();
    if (found === undefined) break;
    const member = withRoom(found, options);
    const headerLength = tarHeaderLength(member);
    const length = headerLength + paddedLength(member.size);
    if (length <= chunkSize) {
      const group = groups.numberOf(member);
      while (!chunk.append(member, length, group)) yield plan(chunk.finishAtCut(), null);
      continue;
    }
    if (chunk.isFull) yield plan(chunk.finishAtCut(), null);
    if (chunk.filled > 0) yield plan(chunk.finish(), null);
    // Larger than a chunk: opened here, once, so that all its parts are of one and the same file.
    const fd = member.content?.fd ?? large.open(member);
    if (fd === undefined) {
      // The worker will also find it unreadable, report that, and put an empty file in its place.
      if (member.linked) chunk.append({ ...member, size: 0 }, headerLength, groups.numberOf(member));
      continue;
    }
    chunk.append(member, 0, groups.numberOf(member));
    let overflow = partOf(member, fd, 0, chunkSize - headerLength);
    let fileOffset = overflow.length;
    yield plan(chunk.finish(), overflow);
    while (fileOffset < member.size) {
      overflow = partOf(member, fd, fileOffset, chunkSize);
      fileOffset += overflow.length;
      continuation = overflow;
      chunk.begin(paddedLength(overflow.length));
      if (fileOffset < member.size) yield plan(chunk.finish(), null);
    }
  }
  if (chunk.isFull) yield plan(chunk.finishAtCut(), null);
  if (chunk.filled > 0) yield plan(chunk.finish(), null);
  yield plan(chunk.finish(), null, true);
}

/**
 * The member without its attributes if they leave no room in a chunk for anything else, or are longer than a reader takes.
 */
function withRoom(member: SourceMember, { chunkSize, onWarning }: PlanOptions): SourceMember {
  const { xattrs, prefix, foundPath = member.path } = member;
  const most = Math.min(chunkSize / 2, MAX_HEADERS_LENGTH / 2);
  if (xattrs === undefined || xattrs.length <= most) return member;
  const path = toText(`${prefix}${foundPath}`);
  const reason = `packed without its extended attributes: they have ${xattrs.length} bytes, and with this chunk size at most ${most} are recorded`;
  onWarning({ path, reason, failed: true });
  return { ...member, xattrs: undefined };
}

/** The run of a file from byte `fileOffset` on, of at most `room` bytes. */
function partOf(member: SourceMember, fd: number, fileOffset: number, room: number): FilePart {
  return {
    fd,
    spoolOffset: member.content?.offset ?? null,
    path: member.path,
    source: `${member.prefix}${member.foundPath ?? member.path}`,
    mtime: member.sourceMtime ?? member.mtime,
    fileOffset,
    length: Math.min(room, member.size - fileOffset),
    size: member.size,
    indexed: true,
  };
}

/** Opens files that are read in parts, in the directories where the walk found them. */
class LargeFileOpener {
  private readonly options: Pick<PlanOptions, 'onWarning' | 'onAttributes'>;
  private directories: SourceDirectories | undefined;

  constructor(options: Pick<PlanOptions, 'onWarning' | 'onAttributes'>) {
    this.options = options;
  }

  /** undefined, with a warning, if the file no longer exists. */
  open(member: SourceMember): number | undefined {
    const { directory, follow } = member;
    const path = member.foundPath ?? member.path;
    if (directory === undefined) return undefined;
    this.directories ??= new SourceDirectories(follow);
    try {
      this.directories.enter(directory);
      const fd = this.directories.open(lastComponent(path), sourceFlags(follow));
      if (fstatSync(fd).isFile()) {
        this.options.onAttributes?.(attributesOf(fd), `${member.prefix}${path}`);
        return fd;
      }
      closeSync(fd);
      this.warn(member, 'it is no longer a file');
    } catch (error) {
      if (isExhaustion(error)) throw error;
      this.warn(member, systemReason(error));
    }
    return undefined;
  }

  close(): void {
    this.directories?.close();
  }

  private warn({ prefix, path, foundPath = path, linked }: SourceMember, reason: string): void {
    // If hard links refer to it, the worker will find and report the same.
    if (!linked) this.options.onWarning({ path: toText(`${prefix}${foundPath}`), reason, failed: true });
  }
}
