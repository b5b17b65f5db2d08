/**
 * What the commands have in common that make an archive of others.
 */
import type { GrowOptions } from '../../grow/grow.ts';
import type { PackResult } from '../../pack/run.ts';
import { defined } from '../args/defined.ts';
import type { CommonOptions } from '../args/options.ts';
import { EXIT } from '../process/exit-status.ts';
import type { Context } from '../ui/context.ts';
import { countOf, formatBytes, formatDuration, formatPercent } from '../ui/text.ts';

export interface GrowCommandOptions extends CommonOptions {
  output?: string;
  level?: number;
  threads?: number;
  memory?: number;
  force?: boolean;
}

/** Runs `make`, and tells what came of it: `merged 3 members, …`. */
export async function runGrow(
  { world, streams, reporter, outcome }: Context,
  options: GrowCommandOptions,
  verb: string,
  make: (options: GrowOptions) => Promise<PackResult>,
): Promise<void> {
  world.tuneEngine();
  const { output = '-' } = options;
  const toStdout = output === '-';
  if (toStdout) streams.refuseTerminal('an archive', options.force === true);
  try {
    const result = await make({
      output: toStdout ? streams.stdout : output,
      ...defined({ level: options.level, threads: options.threads, memory: options.memory }),
      onWarning: ({ path, reason, failed }) => reporter.warn(path, reason, failed),
      onProgress: ({ members, contentBytes, foundMembers, foundBytes }) =>
        reporter.progress({ members, contentBytes, totalMembers: foundMembers, totalBytes: foundBytes }),
      signal: world.interruption(),
    });
    const { members, contentBytes, archiveBytes, failedInputs, blobBytes, takenBytes, elapsedMs } = result;
    reporter.end(
      `${verb} ${countOf(members, 'member')}, ${formatBytes(contentBytes)} into ${formatBytes(archiveBytes)}` +
        ` in ${formatDuration(elapsedMs)}; took over ${formatPercent(takenBytes, blobBytes)} of ${formatBytes(blobBytes)}`,
    );
    const rounded = { ...result, elapsedMs: Math.round(elapsedMs), warnings: reporter.warnings };
    reporter.result(rounded, toStdout);
    if (failedInputs > 0) outcome.atLeast(EXIT.incomplete);
  } finally {
    reporter.end();
  }
}
