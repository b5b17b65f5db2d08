/**
 * `znip pack`.
 */
import { existsSync } from 'node:fs';
import { ZnipError } from '../../errors.ts';
import type { ArchiveOptions, PackResult } from '../../pack/run.ts';
import type { ArgumentOrder } from '../args/argument-order.ts';
import { defined } from '../args/defined.ts';
import { quoted } from '../args/other-tools.ts';
import { EXIT } from '../process/exit-status.ts';
import { curbGarbage } from '../process/heap.ts';
import { interruption } from '../process/interruption.ts';
import { isTerminal, refuseTerminal, STDOUT } from '../process/standard-streams.ts';
import { Reporter } from '../ui/reporter.ts';
import { countOf, formatBytes, formatDuration, formatPercent, printable } from '../ui/text.ts';
import { listInputs, openInput } from './inputs.ts';
import type { PackCommandOptions } from './options.ts';

/** `pack dir out.znip`: what is no file yet is meant to be the archive. Throws `usage`. */
function refuseArchiveAsInput(operands: readonly string[]): void {
  const meant = [operands.at(-1), operands[0]].find((name) => name?.endsWith('.znip') === true);
  if (operands.length < 2 || meant === undefined || (existsSync(meant) && !isTerminal(STDOUT))) return;
  const paths = operands.filter((name) => name !== meant).map(quoted);
  throw new ZnipError(
    'usage',
    `'${meant}' stands where something to pack does: to write it, use \`znip pack ${paths.join(' ')} -o ${quoted(meant)}\``,
  );
}

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
  if (options.output === undefined) refuseArchiveAsInput(operands);
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
    ...(options.verbose === true ? { onMember: (path: string) => reporter.detail(printable(path)) } : {}),
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
