/**
 * How a directory differs from an archive: the library's `diff`. Compares the archive's index with the file system. If
 * sizes are equal, it compares contents by the hashes in the index. It decompresses nothing of the archive, and writes
 * nothing.
 */
import { fstatSync, statSync } from 'node:fs';
import type { Archive } from '../archive/archive.ts';
import type { Entries, EntryRef } from '../archive/entries.ts';
import { findMeant } from '../archive/find-members.ts';
import { core } from '../core/core.ts';
import { ioError, systemReason, ZnipError } from '../errors.ts';
import {
  compareBytes,
  fromText,
  toBytes,
  toFsPath,
  toText,
  type ByteString,
} from '../format/values/byte-string.ts';
import { equalBytes } from '../format/values/bytes.ts';
import { KIND } from '../format/values/entry.ts';
import { decodeXattrs, encodeXattrs } from '../format/values/xattrs.ts';
import { hashFile } from '../io/hash-file.ts';
import { isSameTime } from '../posix/times.ts';
import { readXattrs } from '../posix/xattrs.ts';
import { chooseXattrs } from '../select/xattr-choice.ts';
import { Turns } from '../threads/turns.ts';
import { type DiskEntry, OTHER_KIND, readDiskEntry, readDiskTree } from './disk-tree.ts';
import { componentsToDrop, placeMembers } from './member-names.ts';

/** What may differ between a member and the file with its name. */
export type Aspect = 'kind' | 'content' | 'target' | 'mode' | 'owner' | 'mtime' | 'xattrs';

/** A name by which a directory, or another archive, differs from an archive. */
export interface Difference {
  /** Below the directory, or in the archives, as text; '.' for the directory itself. */
  path: string;
  /** The same as bytes, one in each character. */
  pathBytes: Uint8Array;
  /** `added`: only in the directory or the other archive; `removed`: only in the archive. */
  change: 'added' | 'removed' | 'changed';
  /** What has changed; empty for what was added or removed. */
  aspects: Aspect[];
}

export interface DiffOptions {
  /** Leading components of members' names to drop. Default: as many as the directory's own name has of them. */
  stripComponents?: number | undefined;
  /** Compare times of last modification as well. */
  mtime?: boolean | undefined;
  /** Ends it, with its reason. */
  signal?: AbortSignal | undefined;
  /** Called for what could not be read (`failed`) and for what no archive can hold. */
  onWarning?: ((warning: { path: string; reason: string; failed: boolean }) => void) | undefined;
}

/**
 * Yields the differences, sorted by the bytes of the paths. A hard link is compared as the file that it is. A directory
 * that is not a member, but has members below it, is not a difference.
 *
 * Throws ZnipError: `usage` if `directory` is not a directory or it is not clear where the members belong in it; the
 * code of any damage in the index.
 */
export async function* diff(
  archive: Archive,
  directory: string,
  options: DiffOptions = {},
): AsyncGenerator<Difference, void> {
  requireDirectory(directory);
  const entries = await archive.entries({ signal: options.signal });
  const turns = new Turns(options.signal);
  const components = options.stripComponents ?? componentsToDrop(entries, directory);
  const { members, root } = placeMembers(entries, components);
  const base = directory.endsWith('/') ? fromText(directory) : `${fromText(directory)}/`;
  const unreadable = new Set<ByteString>();
  const onUnreadable = (path: ByteString, reason: string): void => {
    unreadable.add(path);
    options.onWarning?.({ path: toText(`${base}${path}`), reason, failed: true });
  };
  const onDisk = readDiskTree(base, { avoid: identityOf(archive), onUnreadable });
  const comparison = new TreeComparison(
    base,
    meantBy(entries, members),
    options.mtime === true,
    onUnreadable,
  );

  if (root !== undefined) {
    // With a slash at the end, a symlink to a directory counts as the directory.
    const own = readDiskEntry(`${base}.`, '');
    if (own !== undefined) yield* changed('', comparison.compare(root, own));
  }
  const missing = [...members.keys()].sort(compareBytes);
  let next = 0;
  for (const disk of onDisk) {
    if (turns.isDue()) await turns.take();
    for (; next < missing.length && compareBytes(missing[next] ?? '', disk.path) < 0; next++) {
      yield* removed(missing[next] ?? '', unreadable);
    }
    if (missing[next] === disk.path) {
      next += 1;
      yield* changed(disk.path, comparison.compare(members.get(disk.path) as EntryRef, disk));
    } else if (isImplied(disk.path, missing)) {
      if (disk.kind !== KIND.directory) yield* changed(disk.path, ['kind']);
    } else if (disk.kind === OTHER_KIND) {
      const reason = 'not compared: an archive holds files, directories and links';
      options.onWarning?.({ path: toText(`${base}${disk.path}`), reason, failed: true });
    } else {
      yield difference(disk.path, 'added');
    }
  }
  for (; next < missing.length; next++) yield* removed(missing[next] ?? '', unreadable);
}

const USUAL_XATTRS = chooseXattrs({});

/** Compares members with the files on disk under their names. */
class TreeComparison {
  private readonly base: ByteString;
  /** Hard link -> the file or symlink that it is a name of. */
  private readonly meant: ReadonlyMap<EntryRef, EntryRef>;
  private readonly mtime: boolean;
  private readonly onUnreadable: (path: ByteString, reason: string) => void;

  constructor(
    base: ByteString,
    meant: ReadonlyMap<EntryRef, EntryRef>,
    mtime: boolean,
    onUnreadable: (path: ByteString, reason: string) => void,
  ) {
    this.base = base;
    this.meant = meant;
    this.mtime = mtime;
    this.onUnreadable = onUnreadable;
  }

  compare(ref: EntryRef, disk: DiskEntry): Aspect[] {
    // All names of a file share its content, mode and time.
    const { batch, row } = this.meant.get(ref) ?? ref;
    const kind = batch.kinds[row] ?? KIND.file;
    if (kind !== disk.kind) return ['kind'];
    const aspects: Aspect[] = [];
    if (kind === KIND.file && !this.sameContent({ batch, row }, disk)) aspects.push('content');
    if (kind === KIND.symlink && batch.linkTarget(row) !== disk.linkTarget) aspects.push('target');
    // The permissions of a symlink mean nothing, and systems do not agree on them.
    if (kind !== KIND.symlink && batch.modes[row] !== disk.mode) aspects.push('mode');
    if (this.mtime && !isSameTime(batch.mtimes[row] ?? 0n, disk.mtime)) aspects.push('mtime');
    if (!this.sameXattrs(batch.xattrs(row), disk)) aspects.push('xattrs');
    return aspects;
  }

  /** Compares those names that `pack` records without patterns. Where none is recorded, none is missed. */
  private sameXattrs(records: ByteString | undefined, disk: DiskEntry): boolean {
    if (records === undefined || core() === undefined) return true;
    const recorded = [...(decodeXattrs(records) ?? [])].filter(([name]) => USUAL_XATTRS(name));
    try {
      const found = readXattrs(`${this.base}${disk.path}`, false, USUAL_XATTRS);
      return encodeXattrs(new Map(recorded)) === encodeXattrs(found);
    } catch (error) {
      this.onUnreadable(disk.path, systemReason(error));
      return true;
    }
  }

  private sameContent({ batch, row }: Pick<EntryRef, 'batch' | 'row'>, disk: DiskEntry): boolean {
    if (batch.sizes[row] !== disk.size) return false;
    if (disk.size === 0) return true;
    const checksum = batch.checksum(row);
    try {
      return checksum !== null && equalBytes(hashFile(`${this.base}${disk.path}`), checksum);
    } catch (error) {
      // It is not known to differ, so it is reported as unreadable.
      this.onUnreadable(disk.path, systemReason(error));
      return true;
    }
  }
}

function meantBy(entries: Entries, members: ReadonlyMap<ByteString, EntryRef>): Map<EntryRef, EntryRef> {
  const links = [...members.values()].filter(({ batch, row }) => batch.kinds[row] === KIND.hardlink);
  const meant = links.length === 0 ? [] : findMeant(entries, links);
  return new Map(links.map((link, i) => [link, meant[i] as EntryRef]));
}

/**
 * Whether members lie below a directory. Uses the sorted list: a set of all directories above all members would have
 * two thousand for a name of 4 KB.
 */
function isImplied(directory: ByteString, sorted: readonly ByteString[]): boolean {
  const prefix = `${directory}/`;
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compareBytes(sorted[middle] ?? '', prefix) < 0) low = middle + 1;
    else high = middle;
  }
  return sorted[low]?.startsWith(prefix) === true;
}

export function* changed(path: ByteString, aspects: Aspect[]): Generator<Difference, void, undefined> {
  if (aspects.length > 0) yield difference(path, 'changed', aspects);
}

/** A member that does not exist. If its place could not be read, it is not known to be missing. */
function* removed(
  path: ByteString,
  unreadable: ReadonlySet<ByteString>,
): Generator<Difference, void, undefined> {
  if (unreadable.size > 0) {
    for (let end = path.length; end > 0; end = path.lastIndexOf('/', end - 1)) {
      if (unreadable.has(path.slice(0, end))) return;
    }
    if (unreadable.has('')) return;
  }
  yield difference(path, 'removed');
}

export function difference(
  rawPath: ByteString,
  change: Difference['change'],
  aspects: Aspect[] = [],
): Difference {
  const shown = rawPath === '' ? '.' : rawPath;
  return { path: toText(shown), pathBytes: toBytes(shown), change, aspects };
}

/** The archive may lie in the directory that it was made from. */
function identityOf({ source }: Archive): { dev: bigint; ino: bigint } | undefined {
  return source.fd === undefined ? undefined : fstatSync(source.fd, { bigint: true });
}

function requireDirectory(directory: string): void {
  let isDirectory: boolean;
  try {
    isDirectory = statSync(toFsPath(fromText(directory))).isDirectory();
  } catch (error) {
    const { message, context } = ioError('compare with', directory, error);
    throw new ZnipError('usage', message, context, error);
  }
  if (!isDirectory) {
    throw new ZnipError('usage', `'${directory}' is not a directory: an archive is compared with one`, {
      path: directory,
    });
  }
}
