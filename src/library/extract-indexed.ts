/**
 * Unpacking with events instead of callbacks: what the ways of the library's `extract` have in common, and the one by
 * the index.
 */
import type { Archive as IndexedArchive } from '../archive/archive.ts';
import { tellRemarks } from '../archive/remarks.ts';
import type { LimitOptions } from '../rules/limits.ts';
import { isDamage, type KeepGoingOptions, lostMember, type LostMember } from '../rules/lost.ts';
import type { MemberChoiceOptions } from '../select/member-choice.ts';
import type { TargetOptions } from '../target/target.ts';
import { unpack, type UnpackOptions, type UnpackResult } from '../unpack/unpack.ts';
import { Events, snapshots, type TaskOptions, type ZnipEvent } from './task.ts';

/** For `Archive.extract`, and for `extract`. */
export interface ExtractOptions
  extends
    TaskOptions,
    Omit<MemberChoiceOptions, 'onUnmatched'>,
    Omit<TargetOptions, 'directory' | 'onLost'>,
    LimitOptions,
    Pick<KeepGoingOptions, 'keepGoing'> {
  /** Package types to unpack. Needs the index, so not for a stream. Default: all. */
  packageTypes?: readonly string[] | undefined;
  /** Repos to unpack. Needs the index, so not for a stream. Default: all. */
  repos?: readonly string[] | undefined;
  /** Write nothing: a `planned` event tells of each member what would become of it. Default: false. */
  dryRun?: boolean | undefined;
  /** Worker threads, 1 to 256. Default: one for each core. */
  threads?: number | undefined;
  /** Bytes of memory that unpacking may take, about: there are fewer threads where that is too little for all. */
  memory?: number | undefined;
  /** Called as chunks are unpacked. */
  onProgress?: ((progress: ExtractProgress) => void) | undefined;
  /** Called for what is not as it was asked for. */
  onEvent?: ((event: ZnipEvent) => void) | undefined;
}

/** How far an extraction is. */
export interface ExtractProgress {
  /** Members that are written. */
  readonly members: number;
  /** Bytes of content of the members that are written. */
  readonly contentBytes: number;
  /** Members in all; undefined where that is not known, because the archive arrives. */
  readonly totalMembers: number | undefined;
  /** Bytes of content in all; undefined where that is not known. */
  readonly totalBytes: number | undefined;
}

/** What an extraction came to. */
export interface ExtractResult extends UnpackResult {
  /** Events that told of something that is not as it was asked for, whether or not anybody listened. */
  events: number;
}

/** Options as the pipelines take them: events, and hearers of each kind. */
export function toUnpackOptions(
  directory: string,
  { dryRun, onProgress, onEvent, ...options }: ExtractOptions,
): { events: Events; unpackOptions: UnpackOptions } {
  const events = new Events(onEvent);
  const onSnapshot = snapshots(onProgress);
  const unpackOptions: UnpackOptions = {
    ...options,
    directory,
    dryRun: dryRun === true ? (member) => events.tell({ type: 'planned', ...member }) : undefined,
    onUnmatched: (pattern) => events.tell({ type: 'unmatched', pattern }),
    onLost: (path, reason) => events.tell({ type: 'refused', path, reason }),
    onDamaged: (lost) => events.tell(toLostEvent(lost)),
    onProgress:
      onSnapshot === undefined
        ? undefined
        : ({ members, contentBytes, totalMembers, totalBytes }) =>
            onSnapshot({
              members,
              contentBytes,
              // The pipelines have 0 for what is not known, and for nothing at all.
              totalMembers: totalMembers === 0 ? undefined : totalMembers,
              totalBytes: totalMembers === 0 ? undefined : totalBytes,
            }),
  };
  return { events, unpackOptions };
}

export function toLostEvent({ member, ...lost }: LostMember): ZnipEvent {
  return { type: 'lost', path: member, ...lost };
}

/** Unpacks by the index. The archive hears the signal already. */
export async function extractIndexed(
  archive: IndexedArchive,
  directory: string,
  options: ExtractOptions,
): Promise<ExtractResult> {
  const { events, unpackOptions } = toUnpackOptions(directory, options);
  try {
    await tellRemarks(archive, unpackOptions, (path, reason) => events.tell({ type: 'doubt', path, reason }));
  } catch (error) {
    if (options.keepGoing !== true || !isDamage(error)) throw error;
    events.tell(toLostEvent(lostMember(null, error)));
  }
  const result = await unpack(archive, unpackOptions);
  return { ...result, events: events.count };
}
