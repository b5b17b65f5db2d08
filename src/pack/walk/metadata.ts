/**
 * What is recorded about a member besides its name and content: as on disk, or the same on every machine.
 */
import { ZnipError } from '../../errors.ts';
import { clampTime, KIND, MODE_MASK } from '../../format/values/entry.ts';
import type { FileStat } from '../../posix/stat.ts';

/** Owners to record: each file's own, or these for all members (without a group, the file's own group). */
export type RecordedOwner = boolean | { uid: number; gid?: number | undefined };

export interface MetadataOptions {
  /** Record numeric owners: each file's own, or one for all members. Default: none. */
  owner?: RecordedOwner | undefined;
  /** Modification time of every member, in nanoseconds since 1970. Default: its own. */
  mtime?: bigint | undefined;
  /**
   * Record nothing that depends on the machine or the moment: one mtime for all members (`mtime`, or
   * 1980-01-01T00:00:00Z), modes 0755 for directories and executables, 0644 for other files.
   */
  reproducible?: boolean | undefined;
}

/** 1980-01-01T00:00:00Z, the earliest time that all other archive formats can hold, including zip. */
export const FIXED_MTIME = 315_532_800_000_000_000n;

export interface Metadata {
  mode: number;
  mtime: bigint;
  /** The file's own mtime if another one is recorded; null if they are the same. */
  sourceMtime: bigint | null;
  uid: number | null;
  gid: number | null;
}

/** Turns the options into a function that says what to record about a member of a kind. */
export function metadataOf(
  options: MetadataOptions,
): (stats: Pick<FileStat, 'mode' | 'mtime' | 'uid' | 'gid'>, kind: number) => Metadata {
  const { owner = false, reproducible = false } = options;
  if (reproducible && (owner === true || (owner !== false && owner.gid === undefined))) {
    throw new ZnipError('usage', "the files' own owners are not reproducible: give one as UID:GID, or none");
  }
  const mtime = options.mtime ?? (reproducible ? FIXED_MTIME : undefined);
  const uid = typeof owner === 'object' ? owner.uid : undefined;
  const gid = typeof owner === 'object' ? owner.gid : undefined;
  return (stats, kind) => {
    const mode = stats.mode & MODE_MASK;
    const own = clampTime(stats.mtime);
    return {
      mode: reproducible ? plainMode(mode, kind) : mode,
      mtime: mtime ?? own,
      sourceMtime: mtime === undefined ? null : own,
      uid: owner === false ? null : (uid ?? stats.uid),
      gid: owner === false ? null : (gid ?? stats.gid),
    };
  };
}

function plainMode(mode: number, kind: number): number {
  // Linux has no modes for symlinks and shows 0777; other systems have them.
  if (kind === KIND.symlink) return 0o777;
  return kind === KIND.directory || (mode & 0o111) !== 0 ? 0o755 : 0o644;
}

/** Whether what is recorded about a file is what the file system says, and no owner. */
export function isAsFound({ owner = false, mtime, reproducible = false }: MetadataOptions): boolean {
  return owner === false && mtime === undefined && !reproducible;
}
