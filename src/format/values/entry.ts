/**
 * What an archive knows about a member: the words that pack, read and the tables share. Implements docs/format.md,
 * "Entries".
 */
import { fromText, isUtf8, toText, type ByteString } from './byte-string.ts';

/** The kinds of member, in the order of their dictionary indices in the `kind` column. */
export const KINDS = ['file', 'directory', 'symlink', 'hardlink'] as const;

/** What kind of member. */
export type Kind = (typeof KINDS)[number];

export const KIND = { file: 0, directory: 1, symlink: 2, hardlink: 3 } as const;

/** Permission bits with set-user-id, set-group-id and sticky: `mode` never holds more. */
export const MODE_MASK = 0o7777;

/** One stored thing, before or after it is in an archive. */
export interface Member {
  /** Relative, components separated by `/`, without `.`, `..` or a trailing `/`. */
  path: ByteString;
  /** Index into KINDS. */
  kind: number;
  mode: number;
  /** Nanoseconds since 1970-01-01T00:00:00Z; may be negative. */
  mtime: bigint;
  /** Bytes of content; 0 for all members except files. */
  size: number;
  /** Target of a symlink (unchanged) or hard link (the path of an earlier member); '' for other kinds. */
  linkTarget: ByteString;
  /** Numeric owner; null when not recorded. */
  uid: number | null;
  gid: number | null;
  /** Names of owner and group, if a tar stream of others has them. They are only recorded. */
  uname?: ByteString | undefined;
  gname?: ByteString | undefined;
  /** Extended attributes, as pax records: see `xattrs.ts`. A hard link has those of its file. undefined: none is recorded. */
  xattrs?: ByteString | undefined;
}

/** The members that share one (package type, repo) pair. */
export interface Group {
  /** `npm`, `maven`, …, or `plain`. */
  packageType: string;
  /** '' if there is none; with U+FFFD where it is not UTF-8. */
  repo: string;
  /** The repo's bytes if they are not UTF-8. They tell apart groups whose text looks the same. */
  repoBytes?: ByteString | undefined;
}

/** A group whose repo has this name, of any bytes. */
export function groupOf(packageType: string, repo: ByteString): Group {
  return isUtf8(repo)
    ? { packageType, repo: toText(repo) }
    : { packageType, repo: toText(repo), repoBytes: repo };
}

/** The repo's name as its bytes. */
export function repoOf({ repo, repoBytes }: Group): ByteString {
  return repoBytes ?? fromText(repo);
}

/** A key that is different for each group. */
export function groupKey(group: Group): string {
  return `${group.packageType}\0${repoOf(group)}`;
}

/** (uid_t)-1, which no owner has: in columns of owners, it stands for none. */
export const NO_ID = 0xffffffff;

export const NANOSECONDS = 1_000_000_000n;

const MAX_TIME = 2n ** 63n - 1n;

/** A time as an entry can hold it: from 1677 to 2262, the range of 64-bit nanoseconds. */
export function clampTime(nanoseconds: bigint): bigint {
  if (nanoseconds > MAX_TIME) return MAX_TIME;
  return nanoseconds < -MAX_TIME ? -MAX_TIME : nanoseconds;
}

/** Whole seconds, rounded down, as in the mtime of a tar header. Exact: 2^63 ns are 2^33.1 s. */
export function floorSeconds(nanoseconds: bigint): number {
  // Only one BigInt operation, because this runs for every member.
  const seconds = Number(nanoseconds / NANOSECONDS);
  if (nanoseconds >= 0n) return seconds;
  return BigInt(seconds) * NANOSECONDS === nanoseconds ? seconds : seconds - 1;
}
