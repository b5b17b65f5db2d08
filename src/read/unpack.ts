/**
 * Unpacks an archive into a directory by its index: the library's `unpack`.
 */
import { codec } from '../codec/codec.ts';
import { toText, type ByteString } from '../format/byte-string.ts';
import { resolveThreads } from '../ring/threads.ts';
import type { Archive, EntrySelection } from './archive.ts';
import { Directories } from './directories.ts';
import type { EntryRef } from './entries.ts';
import { type ChunkJob, isFile, planJobs } from './extract-plan.ts';
import { extractJobs } from './extract-pipeline.ts';
import { LargeFiles } from './large-files.ts';
import { finishTree, INLINE_BYTES, writeSettings } from './target.ts';
import { buildTree } from './member-tree.ts';
import { existsError, type ExistingPolicy } from './write-file.ts';

export interface UnpackOptions extends EntrySelection {
  /** Target directory; made when it does not exist. Default: the working directory. */
  directory?: string;
  /** Worker threads, 1 to 256. Default: one for each core. */
  threads?: number;
  /**
   * What happens to a file or link that is there already. `fail` (the default) leaves it, unpacks
   * everything else, and then throws `exists`; `keep` leaves it; `overwrite` replaces it.
   */
  existing?: ExistingPolicy;
  /** Chooses members. Gets a member's path as text. Default: all. */
  filter?: (path: string) => boolean;
  onProgress?: (progress: UnpackProgress) => void;
  signal?: AbortSignal;
}

export interface UnpackProgress {
  members: number;
  contentBytes: number;
  totalMembers: number;
  totalBytes: number;
}

export interface UnpackResult {
  /** Members written. */
  members: number;
  /** Bytes of content of all selected members. */
  contentBytes: number;
  /** Members whose names were taken and whose files were kept. */
  kept: number;
  elapsedMs: number;
}

/** Below this many files, and INLINE_BYTES of content, starting threads takes longer than the work. */
const INLINE_FILES = 500;

/**
 * Unpacks the selected members. Every content is verified before it is written, files come before links,
 * and directory times last.
 *
 * Throws ZnipError: `exists` when names were taken (everything else is written), `unsafe-path`,
 * `unsafe-link` or `inconsistent` before anything is written, `damaged-block`, `damaged-member` or
 * `truncated` where the archive is damaged, `io` when something cannot be written.
 */
export async function unpack(archive: Archive, options: UnpackOptions = {}): Promise<UnpackResult> {
  const start = performance.now();
  const threads = resolveThreads(options.threads);
  const entries = await archive.entries(options);
  const { filter } = options;
  const tree = await buildTree(entries, {
    select: (_ref, path) => (filter === undefined || filter(toText(path)) ? path : undefined),
    find: (path) => findFile(archive, path),
  });
  const frames = await archive.frames();
  const settings = writeSettings(options);
  const directories = new Directories(settings);
  for (const { path, mode, mtime } of tree.directories) directories.announce(path, { mode, mtime });
  const largeFiles = new LargeFiles(settings, codec());
  const taken: ByteString[] = [];
  const onTaken = (path: ByteString): void => void taken.push(`${settings.target}${path}`);
  const totalMembers =
    tree.fileCount + tree.directories.length + tree.symlinks.length + tree.hardLinks.length;
  const progress: UnpackProgress = {
    members: 0,
    contentBytes: 0,
    totalMembers,
    totalBytes: tree.contentBytes,
  };
  const small = tree.contentBytes < INLINE_BYTES && tree.fileCount < INLINE_FILES;
  try {
    await extractJobs(planJobs(tree.files, frames), {
      threads: small || archive.source.fd === undefined ? 1 : threads,
      source: archive.source,
      frames,
      settings,
      directories,
      largeFiles,
      onTaken,
      onJob: (job, completed) => {
        progress.members += completed;
        progress.contentBytes += jobBytes(job);
        options.onProgress?.(progress);
      },
      signal: options.signal,
    });
    finishTree({ ...tree, madeDirectories: directories, settings, onTaken });
  } finally {
    largeFiles.discard();
  }
  if (taken.length > 0 && settings.existing === 'fail') throw existsError(taken);
  return {
    members: totalMembers - taken.length,
    contentBytes: tree.contentBytes,
    kept: taken.length,
    elapsedMs: performance.now() - start,
  };
}

function jobBytes({ files, parts }: ChunkJob): number {
  let total = 0;
  for (const size of files.sizes) total += size;
  for (const { length } of parts) total += length;
  return total;
}

/** Finds a file's entry by path in the whole archive. */
async function findFile(archive: Archive, path: ByteString): Promise<EntryRef | undefined> {
  for (const ref of await archive.entries()) {
    if (isFile(ref) && ref.batch.path(ref.row) === path) return ref;
  }
  return undefined;
}
