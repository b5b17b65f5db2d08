/**
 * The members of a chunk as columns of plain values. They travel to the worker that fills the chunk, and to the writer
 * that indexes it; cloning an object for each member would cost more than reading the member.
 */
import type { ByteString } from '../../format/values/byte-string.ts';
import { type ByteStrings, stringAt } from '../../format/values/byte-strings.ts';
import type { EntryColumns } from '../../format/values/entry-columns.ts';
import { lastComponent } from '../../format/values/member-path.ts';
import type { FileIdentity } from '../../posix/stat.ts';
import type { SpooledContent } from '../walk/content-spool.ts';
import type { SourceDirectory } from '../walk/source-directories.ts';

/** The members whose headers are in one chunk. Row i of every column belongs to member i. */
export interface MemberColumns extends EntryColumns {
  count: number;
  /** The names of members on disk, if they are recorded under other names; null if all names are the same. */
  foundPaths: ByteStrings | null;
  /** What comes before a path in messages, if there are files: one of `prefixes`, by index. */
  prefixes: string[];
  prefixIndices: Uint32Array;
  /** The directories of the members, if there are files to open: one of them by index. */
  directories: DirectoryColumns;
  directoryIndices: Uint32Array;
  /** The files' own mtimes, if others are recorded. They show whether a file has changed. */
  sourceMtimes: BigInt64Array | null;
  /** Whether symlinks are followed when files are opened. */
  follow: boolean;
  sizes: Float64Array;
  /** By row: contents that were read before the walk, from what is no file. */
  contents: Map<number, SpooledContent>;
  /** Rows of files with other names, which hard links refer to. */
  linked: Set<number>;
  /** Index into the groups announced so far. */
  groups: Uint32Array;
}

/** Directories that members are in. Row i of every column is directory i. */
export interface DirectoryColumns {
  /** Below the base. */
  paths: ByteStrings;
  /** Device and inode of each, one after the other. */
  identities: BigUint64Array;
  bases: { path: ByteString; identity: FileIdentity }[];
  baseIndices: Uint32Array;
}

/** Where the file of row `row` is: its directory, and its name in that directory. */
export function placeAt(
  columns: MemberColumns,
  row: number,
): { directory: SourceDirectory | undefined; name: ByteString } {
  const path = foundPathAt(columns, row);
  return { directory: directoryAt(columns, row), name: lastComponent(path) };
}

function directoryAt(
  { directories, directoryIndices }: MemberColumns,
  row: number,
): SourceDirectory | undefined {
  const index = directoryIndices[row] ?? 0;
  const base = directories.bases[directories.baseIndices[index] ?? 0];
  const [dev, ino] = directories.identities.subarray(2 * index, 2 * index + 2);
  if (base === undefined || dev === undefined || ino === undefined) return undefined;
  return {
    base: base.path,
    baseIdentity: base.identity,
    path: stringAt(directories.paths, index),
    identity: { dev, ino },
  };
}

/** The name of row `row` in messages, as a byte string. */
export function sourceAt(columns: MemberColumns, row: number): ByteString {
  return `${columns.prefixes[columns.prefixIndices[row] ?? 0] ?? ''}${foundPathAt(columns, row)}`;
}

function foundPathAt({ foundPaths, paths }: MemberColumns, row: number): ByteString {
  return stringAt(foundPaths ?? paths, row);
}
