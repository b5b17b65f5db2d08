/**
 * Fills a slot's input with the tar stream that a plan describes, and hashes each member on the way. Runs on a worker,
 * or on the main thread if there are none.
 */
import { closeSync, readSync } from 'node:fs';
import type { Codec } from '../../codec/codec.ts';
import { core } from '../../core/core.ts';
import { errnoOf, isExhaustion, systemReason, ZnipError } from '../../errors.ts';
import { encodeTarHeader, paddedLength, tarHeaderLength } from '../../format/tar/tar-header.ts';
import { ATTRIBUTES } from '../../format/values/attributes.ts';
import { type ByteString, toText } from '../../format/values/byte-string.ts';
import { CHECKSUM_LENGTH, TAR_END_LENGTH } from '../../format/values/constants.ts';
import { clampTime, KIND, type Member } from '../../format/values/entry.ts';
import { attributesOf } from '../../posix/attributes.ts';
import { fstat } from '../../posix/stat.ts';
import { readByHoles } from '../../posix/holes.ts';
import { uninterrupted } from '../../posix/uninterrupted.ts';
import type { Slot } from '../../threads/ring.ts';
import type { FileChunkPlan, FilePart } from '../plan/chunk-plan.ts';
import { memberAt } from '../../format/values/entry-columns.ts';
import { type MemberColumns, placeAt, sourceAt } from '../plan/member-columns.ts';
import { AttributeNotes } from '../walk/attribute-notes.ts';
import { sourceFlags, SourceDirectories, type SourceDirectory } from '../walk/source-directories.ts';
import type { Warning } from '../walk/warning.ts';
import { dropMember, writeMemberResult } from './chunk-record.ts';
import { FillBatch, type Filling } from './fill-batch.ts';

export interface Filled {
  chunkLength: number;
  firstHeaderOffset: number | undefined;
  continuationLength: number;
  continuationChanged: boolean;
  warnings: Warning[];
  /** Members with attributes that are not recorded. */
  attributes: Pick<AttributeNotes, 'plain' | 'first'>;
}

const CHANGED = 'it changed while it was read';
const SIZELESS =
  'it has content, but its size is 0, as those of files in /proc are: named with `readSpecial`, it is packed';
const LINKED = '; an empty file stands in its place, because hard links refer to it';

/** `known`: BLAKE3 of each file, by row. Then no file is read, and the bytes of contents are left as they are. */
export function fillChunk(plan: FileChunkPlan, slot: Slot, codec: Codec, known?: Uint8Array): Filled {
  const filler = new Filler(plan, slot, codec, known);
  try {
    return filler.fill();
  } finally {
    filler.close();
  }
}

class Filler {
  private readonly plan: FileChunkPlan;
  private readonly slot: Slot;
  private readonly codec: Codec;
  private readonly known: Uint8Array | undefined;
  private readonly directories: SourceDirectories;
  private readonly warnings: Warning[] = [];
  private readonly notes = new AttributeNotes();

  constructor(plan: FileChunkPlan, slot: Slot, codec: Codec, known: Uint8Array | undefined) {
    this.plan = plan;
    this.slot = slot;
    this.codec = codec;
    this.known = known;
    this.directories = new SourceDirectories(plan.members.follow);
  }

  fill(): Filled {
    const { plan, slot, warnings, notes } = this;
    const { continuation, last, members } = plan;
    let continuationChanged = false;
    let start = 0;
    if (last) {
      slot.input.fill(0, 0, TAR_END_LENGTH);
      start = TAR_END_LENGTH;
    }
    if (continuation !== null) {
      continuationChanged = readPart(continuation, slot.input, 0, warnings);
      start = paddedLength(continuation.length);
    }
    const native = core();
    const batch = native === undefined ? undefined : new FillBatch(native, plan, slot, this.known);
    let filling: Filling = { row: 0, position: start };
    while (filling.row < members.count) {
      if (batch !== undefined) filling = batch.advance(filling);
      const { row, position } = filling;
      // What the core does not do: everything about it is decided here.
      if (row < members.count) filling = { row: row + 1, position: this.put(row, position) };
    }
    return {
      chunkLength: filling.position,
      firstHeaderOffset: members.count > 0 && filling.position > start ? start : undefined,
      continuationLength: continuation === null ? 0 : start,
      continuationChanged,
      warnings,
      attributes: { plain: notes.plain, first: notes.first },
    };
  }

  close(): void {
    this.directories.close();
  }

  /** Puts one member into the chunk. Returns the byte behind it, which is `position` if it cannot be packed. */
  private put(row: number, position: number): number {
    const { plan, slot, codec } = this;
    const { members, overflow } = plan;
    const { input } = slot;
    const member = memberAt(members, row, members.sizes[row] ?? 0);
    const dataOffset = position + tarHeaderLength(member);
    let dataLength = 0;
    let changed = false;
    let isWhole = member.kind === KIND.file;
    if (overflow !== null && row === members.count - 1) {
      changed = readPart(overflow, input, dataOffset, this.warnings);
      dataLength = overflow.length;
      isWhole = false;
    } else if (this.known !== undefined) {
      dataLength = member.size;
    } else if (isWhole && members.contents.has(row)) {
      changed = readPart(wholePart(members, row), input, dataOffset, this.warnings);
      dataLength = member.size;
    } else if (isWhole) {
      const read = this.readFile(row, dataOffset);
      if (read === undefined) {
        dropMember(slot.members, row);
        return position;
      }
      ({ length: dataLength, changed } = read);
      member.size = dataLength;
    }
    const end = dataOffset + dataLength;
    const checksum = isWhole
      ? (this.known?.subarray(row * CHECKSUM_LENGTH, (row + 1) * CHECKSUM_LENGTH) ??
        codec.hash(input.subarray(dataOffset, end)))
      : undefined;
    encodeTarHeader(input, position, member);
    const paddedEnd = dataOffset + paddedLength(dataLength);
    // The slot held another chunk before, so padding must be set to zeros.
    input.fill(0, end, paddedEnd);
    writeMemberResult(slot.members, row, { changed, dataOffset, size: member.size, checksum });
    return paddedEnd;
  }

  /** Reads a whole file; undefined if it cannot be packed. Reports what is wrong with it. */
  private readFile(row: number, offset: number): { length: number; changed: boolean } | undefined {
    const { warnings, notes, directories, slot } = this;
    const { members, notesAttributes } = this.plan;
    const size = members.sizes[row] ?? 0;
    const mtime = (members.sourceMtimes ?? members.mtimes)[row] ?? 0n;
    const open = (): number => openSource(directories, placeAt(members, row), members.follow);
    const { length, problem, attributes } = readSmall(open, slot.input, offset, { size, mtime });
    const path = (): string => toText(sourceAt(members, row));
    const isEmptied = length === undefined && members.linked.has(row);
    if (problem !== undefined) {
      warnings.push({ path: path(), reason: isEmptied ? `${problem}${LINKED}` : problem, failed: true });
    }
    if (length === undefined && !isEmptied) return undefined;
    const missing = notesAttributes ? notes.note(attributes, path) : undefined;
    if (missing !== undefined) warnings.push(missing);
    return { length: length ?? 0, changed: problem !== undefined };
  }
}

/** All of a content that is in a spool. */
function wholePart(members: MemberColumns, row: number): FilePart {
  const { fd, offset } = members.contents.get(row) ?? { fd: -1, offset: 0 };
  const size = members.sizes[row] ?? 0;
  const source = sourceAt(members, row);
  return {
    fd,
    spoolOffset: offset,
    path: source,
    source,
    mtime: 0n,
    fileOffset: 0,
    length: size,
    size,
    indexed: true,
  };
}

interface SmallRead {
  /** Bytes read; undefined if there is nothing to put into the archive. */
  length: number | undefined;
  /** What is wrong with it, for a warning. */
  problem: string | undefined;
  /** What its extended attributes mean: see ATTRIBUTES. */
  attributes: number;
}

function openSource(
  directories: SourceDirectories,
  { directory, name }: { directory: SourceDirectory | undefined; name: ByteString },
  follow: boolean,
): number {
  if (directory === undefined) throw new ZnipError('internal', `member '${toText(name)}' is in no directory`);
  directories.enter(directory);
  return directories.open(name, sourceFlags(follow));
}

/**
 * Reads a whole file of `member.size` bytes, as the walk found it, to `offset` of `target`. The file may have changed
 * since then. This reads what is there now, up to the size that the plan has room for.
 */
function readSmall(
  open: () => number,
  target: Buffer,
  offset: number,
  member: Pick<Member, 'size' | 'mtime'>,
): SmallRead {
  try {
    const fd = open();
    try {
      let length = 0;
      // One byte more than expected. If it can be read, the file grew; if not, this is its end. The slot has room for
      // it after its last member.
      const wanted = member.size + 1;
      while (length < wanted) {
        const read = uninterrupted(() => readSync(fd, target, offset + length, wanted - length, null));
        if (read === 0) break;
        length += read;
        // The usual case: one call reads the whole file, and its size has not changed.
        if (length === member.size) break;
      }
      const stats = fstat(fd);
      if (!stats.isFile()) return notRead('it is no longer a file');
      if (length > member.size && stats.size === 0) return notRead(SIZELESS);
      const kept = Math.min(length, member.size);
      const same = length === member.size && clampTime(stats.mtime) === member.mtime && stats.size === kept;
      return { length: kept, problem: same ? undefined : CHANGED, attributes: attributesOf(fd) };
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if (isExhaustion(error)) throw error;
    const gone = error instanceof ZnipError && error.code === 'source-unreadable';
    if (errnoOf(error) === undefined && !gone) throw error;
    return notRead(systemReason(error));
  }
}

function notRead(problem: string): SmallRead {
  return { length: undefined, problem, attributes: ATTRIBUTES.none };
}

/**
 * Reads a part of a large file to `offset` of `target` and pads it with zeros to a whole tar record. Bytes that the
 * file no longer has, or that cannot be read, become zeros, because the size is already in the header. Returns whether
 * the file changed, and reports it in `warnings`.
 */
function readPart(part: FilePart, target: Buffer, offset: number, warnings: Warning[]): boolean {
  let length = 0;
  let problem: string | undefined;
  try {
    const start = (part.spoolOffset ?? 0) + part.fileOffset;
    // Whoever has filled a spool has left no holes.
    if (part.spoolOffset === null) {
      length = readByHoles(part.fd, target.subarray(offset, offset + part.length), start);
    }
    while (length < part.length) {
      const left = part.length - length;
      const at = start + length;
      const read = uninterrupted(() => readSync(part.fd, target, offset + length, left, at));
      if (read === 0) break;
      length += read;
    }
    if (length < part.length || (part.fileOffset + part.length === part.size && hasChanged(part))) {
      problem = CHANGED;
    }
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    problem = `${systemReason(error)}; what could not be read of it is zeros in the archive`;
  }
  target.fill(0, offset + length, offset + paddedLength(part.length));
  if (problem !== undefined) warnings.push({ path: toText(part.source), reason: problem, failed: true });
  return problem !== undefined;
}

/** Nobody else knows of a spool. */
function hasChanged({ fd, size, mtime, spoolOffset }: FilePart): boolean {
  if (spoolOffset !== null) return false;
  const stats = fstat(fd);
  return stats.size !== size || clampTime(stats.mtime) !== mtime;
}
