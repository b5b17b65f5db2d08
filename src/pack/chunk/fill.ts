/**
 * Fills a slot's input with the tar stream that a plan describes, and hashes each member on the way. Runs on a worker,
 * or on the main thread if there are none.
 */
import { closeSync, readSync } from 'node:fs';
import type { Codec } from '../../codec/codec.ts';
import { errnoOf, isExhaustion, systemReason, ZnipError } from '../../errors.ts';
import { encodeTarHeader, paddedLength, tarHeaderLength } from '../../format/tar/tar-header.ts';
import { ATTRIBUTES } from '../../format/values/attributes.ts';
import { type ByteString, toText } from '../../format/values/byte-string.ts';
import { TAR_END_LENGTH } from '../../format/values/constants.ts';
import { clampTime, KIND, type Member } from '../../format/values/entry.ts';
import { attributesOf } from '../../posix/attributes.ts';
import { fstat } from '../../posix/stat.ts';
import { uninterrupted } from '../../posix/uninterrupted.ts';
import type { Slot } from '../../threads/ring.ts';
import {
  type FileChunkPlan,
  type FilePart,
  memberAt,
  type MemberColumns,
  placeAt,
  sourceAt,
} from '../plan/chunk-plan.ts';
import { AttributeNotes } from '../walk/attribute-notes.ts';
import { sourceFlags, SourceDirectories, type SourceDirectory } from '../walk/source-directories.ts';
import type { Warning } from '../walk/warning.ts';
import { writeMemberResult } from './chunk-record.ts';

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

export function fillChunk(plan: FileChunkPlan, slot: Slot, codec: Codec): Filled {
  const directories = new SourceDirectories(plan.members.follow);
  try {
    return fillFrom(directories, plan, slot, codec);
  } finally {
    directories.close();
  }
}

function fillFrom(directories: SourceDirectories, plan: FileChunkPlan, slot: Slot, codec: Codec): Filled {
  const { input, records } = slot;
  const warnings: Warning[] = [];
  const notes = new AttributeNotes();
  let position = 0;
  let continuationLength = 0;
  let continuationChanged = false;

  if (plan.last) {
    input.fill(0, 0, TAR_END_LENGTH);
    position = TAR_END_LENGTH;
  }
  if (plan.continuation !== null) {
    continuationChanged = readPart(plan.continuation, input, 0, warnings);
    continuationLength = paddedLength(plan.continuation.length);
    position = continuationLength;
  }

  const { members } = plan;
  let firstHeaderOffset: number | undefined;
  for (let row = 0; row < members.count; row++) {
    const member = memberAt(members, row);
    const headerOffset = position;
    const dataOffset = position + tarHeaderLength(member);
    let dataLength = 0;
    let changed = false;
    let checksum: Uint8Array = EMPTY;
    if (plan.overflow !== null && row === members.count - 1) {
      changed = readPart(plan.overflow, input, dataOffset, warnings);
      dataLength = plan.overflow.length;
    } else if (member.kind === KIND.file && members.contents.has(row)) {
      changed = readPart(wholePart(members, row), input, dataOffset, warnings);
      dataLength = member.size;
      checksum = codec.hash(input.subarray(dataOffset, dataOffset + dataLength));
    } else if (member.kind === KIND.file) {
      const { size } = member;
      const mtime = members.sourceMtimes?.[row] ?? member.mtime;
      const open = (): number => openSource(directories, placeAt(members, row), members.follow);
      const read = readSmall(open, input, dataOffset, { size, mtime });
      changed = read.problem !== undefined;
      const empty = read.length === undefined && members.linked.has(row);
      if (read.problem !== undefined) {
        const reason = empty ? `${read.problem}${LINKED}` : read.problem;
        warnings.push({ path: toText(sourceAt(members, row)), reason, failed: true });
      }
      if (read.length === undefined && !empty) {
        writeMemberResult(records, row, { dropped: true });
        continue;
      }
      const missing = notes.note(read.attributes, () => toText(sourceAt(members, row)));
      if (missing !== undefined) warnings.push(missing);
      dataLength = read.length ?? 0;
      member.size = dataLength;
      checksum = codec.hash(input.subarray(dataOffset, dataOffset + dataLength));
    }
    encodeTarHeader(input, headerOffset, member);
    firstHeaderOffset ??= headerOffset;
    const padded = paddedLength(dataLength);
    // The slot held another chunk before, so padding must be set to zeros.
    input.fill(0, dataOffset + dataLength, dataOffset + padded);
    writeMemberResult(records, row, { changed, dataOffset, size: member.size, checksum });
    position = dataOffset + padded;
  }
  const attributes = { plain: notes.plain, first: notes.first };
  return {
    chunkLength: position,
    firstHeaderOffset,
    continuationLength,
    continuationChanged,
    warnings,
    attributes,
  };
}

const EMPTY = new Uint8Array(0);

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
    while (length < part.length) {
      const left = part.length - length;
      const at = (part.spoolOffset ?? 0) + part.fileOffset + length;
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
