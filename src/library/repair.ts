/**
 * Makes a good archive of what is whole of a damaged one: the library's `repair`.
 */
import { repair as repairFile, type RepairResult } from '../repair/repair.ts';
import type { VerifyProgress } from '../verify/verify.ts';
import { toLostEvent } from './extract-indexed.ts';
import { Events, snapshots, type TaskOptions, type ZnipEvent } from './task.ts';

/** For `repair`. */
export interface RepairOptions extends TaskOptions {
  /** Path of the new archive. Never the damaged one. */
  output: string;
  /** Worker threads, 1 to 256. Default: one for each core. */
  threads?: number | undefined;
  /** While the damaged archive is verified, which is the first half of the work. */
  onProgress?: ((progress: Readonly<VerifyProgress>) => void) | undefined;
  /** Called with a `lost` event for each member that is whole and is left out all the same: see `RepairResult.refused`. */
  onEvent?: ((event: ZnipEvent) => void) | undefined;
}

/**
 * Writes an archive of all the members of the archive file at `path` that are whole. One with which nothing is wrong is
 * copied. The new one gets its name when it is complete, verified and on disk; until then, what had that name stays.
 *
 * Throws `ZnipError`: `not-an-archive` when nothing of the file is whole, `unsupported-version`, `usage` when the output
 * is the damaged archive, `io`; and the reason of the signal.
 *
 * @example
 * const { report, members } = await repair('broken.znip', { output: 'good.znip' });
 */
export async function repair(path: string, options: RepairOptions): Promise<RepairResult> {
  const { onProgress, onEvent, ...rest } = options;
  options.signal?.throwIfAborted();
  const events = new Events(onEvent);
  return repairFile(path, {
    ...rest,
    onProgress: snapshots(onProgress),
    onRefused: (lost) => events.tell(toLostEvent(lost)),
  });
}
