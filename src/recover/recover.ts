/**
 * Unpacks everything that is still whole in a damaged or truncated archive: the library's `recover`.
 */
import { type Archive, openArchive } from '../archive/archive.ts';
import type { Entries } from '../archive/entries.ts';
import { type OnDoubt, tellRemarks } from '../archive/remarks.ts';
import { ZnipError } from '../errors.ts';
import type { Frame } from '../format/tables/frame-table.ts';
import { streamOf } from '../io/source-stream.ts';
import { borrowed, type ByteSource, FileSource } from '../io/source.ts';
import { type LimitOptions, Limits } from '../rules/limits.ts';
import { isDamage, lostMember, type LostMember } from '../rules/lost.ts';
import type { MemberChoiceOptions } from '../select/member-choice.ts';
import type { DryMember } from '../target/dry-run.ts';
import type { TargetOptions } from '../target/target.ts';
import { salvageStream } from '../unpack-stream/unpack-stream.ts';
import { unpackEntries, type UnpackProgress, type UnpackResult } from '../unpack/unpack.ts';

export interface RecoverOptions extends MemberChoiceOptions, TargetOptions, LimitOptions {
  /** Worker threads, 1 to 256. Default: one for each core. */
  threads?: number | undefined;
  /** The root hash that the archive must have, in hexadecimal: nothing is written of another, or where it is lost. */
  root?: string | undefined;
  /** Called for each member that is lost, and for damage that costs none. */
  onDamaged?: ((lost: LostMember) => void) | undefined;
  /** Called for each member that is not in the index, or that tar programs read differently. */
  onDoubt?: OnDoubt | undefined;
  /** Called for something that is done as in every tar program, but that the user should know. */
  onNote?: OnDoubt | undefined;
  /** Called for each member of a kind that cannot be unpacked, if the index is lost. */
  onSkipped?: (path: string, reason: string) => void;
  /** Writes nothing: hears of each member that would be written or kept instead, when all have been checked. */
  dryRun?: ((member: DryMember) => void) | undefined;
  /** Totals are 0 where the index is lost. */
  onProgress?: ((progress: UnpackProgress) => void) | undefined;
  signal?: AbortSignal | undefined;
}

export interface RecoverResult extends UnpackResult {
  /** The index was whole, so times are exact and every lost member has been named. */
  byIndex: boolean;
}

/**
 * Unpacks the whole members of the archive file `path`, whatever is wrong with the others: blobs that do not decode,
 * damaged block headers, missing bytes, a lost beginning or end, a lost index. If the index is whole, members are found
 * by it. Otherwise they are found by block headers and tar headers, and times are exact to the second. Every hash is
 * checked before anything is written. The rules for names and links are those of `unpack`; members that these refuse
 * are left out.
 *
 * Throws ZnipError: `not-an-archive` if there is no whole block in the file, `exists` if names were taken (everything
 * else is written), `no-match`, `limit`, `io`, `usage`.
 */
export async function recover(path: string, options: RecoverOptions = {}): Promise<RecoverResult> {
  const source = new FileSource(path);
  try {
    return await recoverSource(source, options);
  } finally {
    source.close();
  }
}

/** As `recover`, of a source that is open and stays so. Nothing was read by a file's position, and it is read once. */
export async function recoverSource(
  source: ByteSource,
  options: RecoverOptions = {},
): Promise<RecoverResult> {
  const index = await openIndex(source, options);
  if (index?.entries !== undefined && options.dryRun === undefined) {
    await tellWhatIsNotIndexed(index.archive, options);
    const result = await unpackEntries(index.archive, { ...options, keepGoing: true }, index.entries);
    return { ...result, byIndex: true };
  }
  const stream = streamOf(source, options.signal);
  const result = await salvageStream(stream, { ...options, name: stream.name }, index?.frames ?? []);
  return { ...result, byIndex: index?.entries !== undefined };
}

/** With an index, remarks say what it lacks. They are no reason to stop. */
async function tellWhatIsNotIndexed(archive: Archive, options: RecoverOptions): Promise<void> {
  const { onDoubt } = options;
  if (onDoubt === undefined) return;
  try {
    await tellRemarks(archive, options, onDoubt);
  } catch (error) {
    if (!(error instanceof ZnipError) || !isDamage(error)) throw error;
    options.onDamaged?.(lostMember(null, error));
  }
}

/** What is left of an index. */
interface FoundIndex {
  archive: Archive;
  /** All entries, if all of the index is left. */
  entries: Entries | undefined;
  frames: readonly Frame[];
}

async function openIndex(source: ByteSource, options: RecoverOptions): Promise<FoundIndex | undefined> {
  let archive: Archive;
  try {
    archive = await openArchive(
      borrowed(source, options.signal),
      options.root === undefined ? {} : { root: options.root },
    );
  } catch (error) {
    // Then it is not known which archive this is.
    if (options.root !== undefined) throw error;
    refuseOthers(error);
    return undefined;
  }
  let frames: readonly Frame[] = [];
  try {
    const limits = new Limits(options);
    for (const { members } of archive.groups()) limits.addMembers(members);
    frames = await archive.frames();
    return { archive, entries: await archive.entries({ signal: options.signal }), frames };
  } catch (error) {
    if (!isDamage(error)) throw error;
    return { archive, entries: undefined, frames };
  }
}

/** Returns if the archive is at fault, and throws if something else is. */
function refuseOthers(error: unknown): void {
  const code = error instanceof ZnipError ? error.code : undefined;
  if (!isDamage(error) && code !== 'not-an-archive' && code !== 'unsupported-version') throw error;
}
