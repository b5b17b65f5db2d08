/**
 * Makes a good archive from the whole parts of a damaged one: the library's `repair`.
 */
import { repair as repairFile, type RepairResult } from '../repair/repair.ts';
import type { VerifyProgress } from '../verify/verify.ts';
import { toLostEvent } from './extract-indexed.ts';
import { Events, snapshots, type TaskOptions, type ZnipEvent } from './task.ts';

/** For `repair`. */
export interface RepairOptions extends TaskOptions {
  /** Path of the new archive. It must not be the damaged one. */
  output: string;
  /** Worker threads, 1 to 256. Default: one for each core. */
  threads?: number | undefined;
  /** Called while the damaged archive is verified, which is the first half of the work. */
  onProgress?: ((progress: Readonly<VerifyProgress>) => void) | undefined;
  /** Called with a `lost` event for each member that is whole but left out: see `RepairResult.refused`. */
  onEvent?: ((event: ZnipEvent) => void) | undefined;
}

/**
 * Writes an archive of all the members of the archive at `path` that are whole. If nothing is wrong with the archive,
 * it is copied. The new archive gets its name when it is complete, verified and on disk. Until then, an earlier file
 * under that name stays.
 *
 * Throws `ZnipError`: `not-an-archive` if nothing in the file is whole, `unsupported-version`, `usage` if the output is
 * the damaged archive, `io`; and the reason of the signal.
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
