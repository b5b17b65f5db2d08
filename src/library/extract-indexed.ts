/**
 * Unpacking with events instead of callbacks: what all ways of the library's `extract` share, and the way that uses the
 * index.
 */
import type { Archive as IndexedArchive } from '../archive/archive.ts';
import { tellRemarks } from '../archive/remarks.ts';
import type { LimitOptions } from '../rules/limits.ts';
import { isDamage, type KeepGoingOptions, lostMember, type LostMember } from '../rules/lost.ts';
import type { MemberChoiceOptions } from '../select/member-choice.ts';
import type { TargetOptions } from '../target/target.ts';
import { type ChangedOptions, unpack, type UnpackOptions, type UnpackResult } from '../unpack/unpack.ts';
import { Events, snapshots, type TaskOptions, type ZnipEvent } from './task.ts';

/** For `Archive.extract`, and for `extract`. */
export interface ExtractOptions
  extends
    TaskOptions,
    Omit<MemberChoiceOptions, 'onUnmatched'>,
    Omit<TargetOptions, 'directory' | 'onLost'>,
    LimitOptions,
    ChangedOptions,
    Pick<KeepGoingOptions, 'keepGoing'> {
  /** Package types to unpack. This needs the index, so it does not work for a stream. Default: all. */
  packageTypes?: readonly string[] | undefined;
  /** Repos to unpack. This needs the index, so it does not work for a stream. Default: all. */
  repos?: readonly string[] | undefined;
  /** Write nothing. A `planned` event says for each member what would happen to it. Default: false. */
  dryRun?: boolean | undefined;
  /** Worker threads, 1 to 256. Default: one for each core. */
  threads?: number | undefined;
  /** About how many bytes of memory unpacking may use. If they are too few for all threads, fewer threads run. */
  memory?: number | undefined;
  /** Called as chunks are unpacked. */
  onProgress?: ((progress: ExtractProgress) => void) | undefined;
  /** Called for everything that did not go as you asked. */
  onEvent?: ((event: ZnipEvent) => void) | undefined;
}

/** The progress of an extraction. */
export interface ExtractProgress {
  /** Members written so far. */
  readonly members: number;
  /** Bytes of content of the members written so far. */
  readonly contentBytes: number;
  /** Members in all; undefined if that is not known, because the archive is still arriving. */
  readonly totalMembers: number | undefined;
  /** Bytes of content in all; undefined if that is not known. */
  readonly totalBytes: number | undefined;
}

/** The result of an extraction. */
export interface ExtractResult extends UnpackResult {
  /** How many things did not go as you asked: events, counted even if there is no `onEvent`. */
  events: number;
}

/** The options in the form that the pipelines take: one callback for each kind of event. */
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
              // In the pipelines, 0 means unknown or none.
              totalMembers: totalMembers === 0 ? undefined : totalMembers,
              totalBytes: totalMembers === 0 ? undefined : totalBytes,
            }),
  };
  return { events, unpackOptions };
}

export function toLostEvent({ member, ...lost }: LostMember): ZnipEvent {
  return { type: 'lost', path: member, ...lost };
}

/** Unpacks by the index. The archive already listens to the signal. */
export async function extractIndexed(
  archive: IndexedArchive,
  directory: string,
  options: ExtractOptions,
): Promise<ExtractResult> {
  const { events, unpackOptions } = toUnpackOptions(directory, options);
  const onDoubt = (path: string, reason: string): void => events.tell({ type: 'doubt', path, reason });
  const onNote = (path: string, reason: string): void => events.tell({ type: 'note', path, reason });
  try {
    await tellRemarks(archive, { ...unpackOptions, onNote }, onDoubt);
  } catch (error) {
    if (options.keepGoing !== true || !isDamage(error)) throw error;
    events.tell(toLostEvent(lostMember(null, error)));
  }
  const result = await unpack(archive, { ...unpackOptions, onDoubt, onNote });
  return { ...result, events: events.count };
}
