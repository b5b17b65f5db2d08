/**
 * Makes archives of others: the library's `merge` and `repack`.
 */
import type { ConflictPolicy } from '../grow/conflicts.ts';
import { merge as mergeFiles } from '../grow/merge.ts';
import { repack as repackFile } from '../grow/repack.ts';
import type { PackProgress, PackResult } from '../pack/run.ts';
import { Events, snapshots, type TaskOptions, type ZnipEvent } from './task.ts';

/** For `merge` and `repack`. */
interface GrowOptions extends TaskOptions {
  /** Path of the new archive. It may be one of those that are read. */
  output: string;
  /** Worker threads, 1 to 256. Default: one for each core, if much is compressed anew. */
  threads?: number | undefined;
  /** About how many bytes of memory it may use. If they are too few for all threads, fewer threads run. */
  memory?: number | undefined;
  /** Called as chunks are written. */
  onProgress?: ((progress: Readonly<PackProgress>) => void) | undefined;
  /** Called for everything that did not go as you asked. */
  onEvent?: ((event: ZnipEvent) => void) | undefined;
}

/** For `merge`. */
export interface MergeOptions extends GrowOptions {
  /** zstd level of blocks that are made anew, 1 to 19. Default: that of the archives. */
  level?: number | undefined;
  /** If two archives have different members of a name: an error, or that of the first or last. Default: `error`. */
  onConflict?: ConflictPolicy | undefined;
}

/** For `repack`. */
export interface RepackOptions extends GrowOptions {
  /** Compress everything anew at this zstd level, 1 to 19. Default: blocks are copied. */
  level?: number | undefined;
  /** Members that stay: exact names, directories with everything below them, or globs. Default: all. */
  patterns?: readonly string[] | undefined;
  /** Members that are removed, with all below them: names, globs, or runs of last components. */
  exclude?: readonly string[] | undefined;
}

/**
 * Makes one archive of several, in their order. Groups stay. Blocks all of whose members go in are copied, after their hashes
 * were checked. Directories, and the same member twice, are no conflict. A hard link to a member that another archive replaces
 * becomes a file.
 *
 * Throws `ZnipError`: `conflict` if two archives have different members of a name, unless `onConflict` says which counts;
 * what `open` throws; `io`; and the reason of the signal.
 *
 * @example
 * await merge(['core.znip', 'docs.znip'], { output: 'all.znip' });
 */
export async function merge(archives: readonly string[], options: MergeOptions): Promise<PackResult> {
  const { onProgress, onEvent, ...rest } = options;
  options.signal?.throwIfAborted();
  const events = new Events(onEvent);
  return mergeFiles(archives, {
    ...rest,
    onProgress: snapshots(onProgress),
    onWarning: (warning) => events.tell({ type: 'warning', ...warning }),
  });
}

/**
 * Makes an archive of another one without some of its members, or compressed anew. Order, groups and times stay. A hard link to
 * a member that is removed becomes a file.
 *
 * Throws `ZnipError`: `no-match` if no pattern matches, what `open` throws, `io`; and the reason of the signal.
 *
 * @example
 * await repack('deps.znip', { output: 'slim.znip', exclude: ['*.map'] });
 */
export async function repack(archive: string, options: RepackOptions): Promise<PackResult> {
  const { onProgress, onEvent, ...rest } = options;
  options.signal?.throwIfAborted();
  const events = new Events(onEvent);
  return repackFile(archive, {
    ...rest,
    onProgress: snapshots(onProgress),
    onWarning: (warning) => events.tell({ type: 'warning', ...warning }),
    onUnmatched: (pattern) => events.tell({ type: 'unmatched', pattern }),
  });
}
