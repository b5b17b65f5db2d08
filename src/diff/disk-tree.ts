/**
 * What a directory holds, for comparison. Like the walk that packs, with two differences: every name of a file with
 * several links is a file, and what an archive cannot hold is named, not left out. Symlinks are not followed.
 */
import { readdirSync, readlinkSync } from 'node:fs';
import { systemReason } from '../errors.ts';
import { compareBytes, toFsPath, type ByteString } from '../format/values/byte-string.ts';
import { KIND, MODE_MASK } from '../format/values/entry.ts';
import { type FileIdentity, type FileStat, lstat } from '../posix/stat.ts';

/** The kind of a socket, a FIFO or a device, which no member has. */
export const OTHER_KIND = -1;

export interface DiskEntry {
  /** Below the directory; '' for the directory itself. */
  path: ByteString;
  /** KIND.file, KIND.directory, KIND.symlink or OTHER_KIND. */
  kind: number;
  mode: number;
  mtime: bigint;
  /** For files: bytes of content. */
  size: number;
  /** For symlinks. */
  linkTarget: ByteString;
}

export interface DiskTreeOptions {
  /** A file to leave out, by device and inode: the archive itself. */
  avoid: FileIdentity | undefined;
  /** Called for anything that could not be read. It is missing from the result, and so is everything below it. */
  onUnreadable: (path: ByteString, reason: string) => void;
}

/** Everything below `root`, a directory with a trailing slash, sorted by the bytes of the paths. */
export function readDiskTree(root: ByteString, options: DiskTreeOptions): DiskEntry[] {
  const entries: DiskEntry[] = [];
  const directories: ByteString[] = [''];
  for (let base = directories.pop(); base !== undefined; base = directories.pop()) {
    let names: ByteString[];
    try {
      names = readdirSync(toFsPath(`${root}${base}`), { encoding: 'latin1' });
    } catch (error) {
      options.onUnreadable(base, `cannot read the directory: ${systemReason(error)}`);
      continue;
    }
    for (const name of names) {
      const path = base === '' ? name : `${base}/${name}`;
      try {
        const entry = readDiskEntry(root, path, options.avoid);
        if (entry === undefined) continue;
        entries.push(entry);
        if (entry.kind === KIND.directory) directories.push(path);
      } catch (error) {
        options.onUnreadable(path, systemReason(error));
      }
    }
  }
  return entries.sort((a, b) => compareBytes(a.path, b.path));
}

/** One entry; undefined for the file to avoid. Throws the file system's own errors. */
export function readDiskEntry(
  root: ByteString,
  path: ByteString,
  avoid?: DiskTreeOptions['avoid'],
): DiskEntry | undefined {
  const stats = lstat(`${root}${path}`);
  if (avoid !== undefined && stats.dev === avoid.dev && stats.ino === avoid.ino) return undefined;
  const kind = kindOf(stats);
  return {
    path,
    kind,
    mode: stats.mode & MODE_MASK,
    mtime: stats.mtime,
    size: kind === KIND.file ? stats.size : 0,
    linkTarget: kind === KIND.symlink ? readlinkSync(toFsPath(`${root}${path}`), { encoding: 'latin1' }) : '',
  };
}

function kindOf(stats: FileStat): number {
  if (stats.isFile()) return KIND.file;
  if (stats.isDirectory()) return KIND.directory;
  if (stats.isSymbolicLink()) return KIND.symlink;
  return OTHER_KIND;
}
