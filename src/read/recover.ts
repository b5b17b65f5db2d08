/**
 * Unpacks everything that is whole of a damaged or truncated archive: the library's `recover`.
 */
import { closeSync, openSync } from 'node:fs';
import { ioError, ZnipError } from '../errors.ts';
import { type Archive, openArchive } from './archive.ts';
import { isDamage, type LostMember } from './lost.ts';
import { salvageStream } from './unpack-stream.ts';
import type { DryMember } from './dry-run.ts';
import { type LimitOptions, Limits } from './limits.ts';
import type { MemberChoiceOptions } from './member-choice.ts';
import type { TargetOptions } from './target.ts';
import { unpack, type UnpackProgress, type UnpackResult } from './unpack.ts';

export interface RecoverOptions extends MemberChoiceOptions, TargetOptions, LimitOptions {
  /** Worker threads, 1 to 256. Default: one for each core. */
  threads?: number;
  /** Called for each member that is lost, and for damage that costs none. */
  onDamaged?: (lost: LostMember) => void;
  /** Writes nothing: hears of each member that would be written or kept instead, when all have been checked. */
  dryRun?: (member: DryMember) => void;
  /** Totals are 0 where the index is lost. */
  onProgress?: (progress: UnpackProgress) => void;
  signal?: AbortSignal;
}

export interface RecoverResult extends UnpackResult {
  /** The index was whole: times are exact and every lost member has been named. */
  byIndex: boolean;
}

/**
 * Unpacks the members of the archive file `path` that are whole, whatever is wrong with the others: blobs that
 * do not decode, block headers and bytes that are missing, a lost beginning or end, a lost index. Where the
 * index is whole, members are found by it; otherwise by block headers and tar headers, and then times are
 * exact to the second. Nothing is written before its hash matched, by the same rules for names and links as
 * `unpack`; members that these refuse are left out.
 *
 * Throws ZnipError: `not-an-archive` when there is no whole block in the file, `exists` when names were taken
 * (everything else is written), `no-match`, `limit`, `io`, `usage`.
 */
export async function recover(path: string, options: RecoverOptions = {}): Promise<RecoverResult> {
  const archive = options.dryRun === undefined ? await openWhole(path, options) : undefined;
  if (archive !== undefined) {
    try {
      return { ...(await unpack(archive, { ...options, keepGoing: true })), byIndex: true };
    } finally {
      archive.close();
    }
  }
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (error) {
    throw ioError('open', path, error);
  }
  try {
    return { ...(await salvageStream(fd, { ...options, name: `'${path}'` })), byIndex: false };
  } finally {
    closeSync(fd);
  }
}

/** The archive, when all of its index is whole. */
async function openWhole(path: string, options: LimitOptions): Promise<Archive | undefined> {
  let archive: Archive | undefined;
  try {
    archive = await openArchive(path);
    const limits = new Limits(options);
    for (const { members } of archive.groups()) limits.addMembers(members);
    await archive.frames();
    await archive.entries();
    return archive;
  } catch (error) {
    archive?.close();
    const { code } = error as { code?: unknown };
    const lost = isDamage(error) || code === 'not-an-archive' || code === 'unsupported-version';
    if (!(error instanceof ZnipError) || !lost) throw error;
    return undefined;
  }
}
