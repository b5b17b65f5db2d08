/**
 * `znip pack`.
 */
import type { ArchiveOptions, PackResult } from '../../pack/run.ts';
import type { ArgumentOrder } from '../argument-order.ts';
import { defined } from '../defined.ts';
import { EXIT } from '../exit-status.ts';
import { curbGarbage } from '../heap.ts';
import { Reporter } from '../reporter.ts';
import { interruption } from '../interruption.ts';
import { refuseTerminal, STDOUT } from '../standard-streams.ts';
import { countOf, formatBytes, formatDuration, formatPercent } from '../text.ts';
import { listInputs, openInput } from './pack-inputs.ts';
import type { PackCommandOptions } from './pack-options.ts';

export async function runPack(
  operands: string[],
  order: ArgumentOrder,
  options: PackCommandOptions,
): Promise<void> {
  curbGarbage();
  // As tar and zstd do, and refused on a terminal as there.
  const { output = '-' } = options;
  if (options.dryRun === true && options.tar === undefined && options.name === undefined) {
    listInputs(operands, order, options);
    return;
  }
  const toStdout = output === '-';
  if (toStdout) refuseTerminal(STDOUT, 'an archive', options.force === true);
  const reporter = new Reporter({
    command: 'pack',
    quiet: options.quiet === true,
    verbose: options.verbose === true,
    progress: options.progress ?? 'auto',
  });
  const input = openInput(operands, order, options);
  const archiveOptions: ArchiveOptions = {
    output: toStdout ? STDOUT : output,
    ...defined({
      level: options.level,
      threads: options.threads,
      long: options.long,
      memory: options.memory,
      chunkSize: options.chunkSize,
      packageType: options.type,
      repo: options.repo,
      repoFromDirectory: options.repoFromDir,
    }),
    onWarning: (warning) => reporter.warning(warning),
    onProgress: ({ members, contentBytes, foundBytes, foundMembers, allFound }) =>
      reporter.progress({
        members,
        contentBytes,
        totalMembers: allFound ? foundMembers : undefined,
        totalBytes: allFound ? foundBytes : undefined,
      }),
    signal: interruption(),
  };
  try {
    const result: PackResult = await input.pack(archiveOptions);
    const { members, contentBytes, archiveBytes, failedInputs, elapsedMs } = result;
    // A ratio says something of archives that are smaller than what they hold.
    const ratio = archiveBytes < contentBytes ? ` (${formatPercent(archiveBytes, contentBytes)})` : '';
    const warnings = reporter.warnings > 0 ? `; ${countOf(reporter.warnings, 'warning')}` : '';
    reporter.end(
      `packed ${countOf(members, 'member')}, ${formatBytes(contentBytes)} into ${formatBytes(archiveBytes)}${ratio}` +
        ` in ${formatDuration(elapsedMs)}${warnings}`,
    );
    // With -o -, the archive has standard output to itself.
    const rounded = { ...result, elapsedMs: Math.round(elapsedMs), warnings: reporter.warnings };
    reporter.result(rounded, options, toStdout);
    if (failedInputs > 0) process.exitCode = EXIT.incomplete;
  } finally {
    reporter.end();
    input.close();
  }
}
