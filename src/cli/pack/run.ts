/**
 * `znip pack`.
 */
import { existsSync } from 'node:fs';
import { ZnipError } from '../../errors.ts';
import type { ArchiveOptions, PackResult } from '../../pack/run.ts';
import { defined } from '../args/defined.ts';
import { quoted } from '../args/other-tools.ts';
import type { Token } from '../args/read.ts';
import { EXIT } from '../process/exit-status.ts';
import type { Context } from '../ui/context.ts';
import { countOf, formatBytes, formatDuration, formatPercent, printable } from '../ui/text.ts';
import { listInputs, openInput } from './inputs.ts';
import type { PackCommandOptions } from './options.ts';

/** For `pack dir out.znip`: if the last name does not exist, it was meant as the archive. Throws `usage`. */
function refuseArchiveAsInput({ streams }: Context, operands: readonly string[]): void {
  const meant = [operands.at(-1), operands[0]].find((name) => name?.endsWith('.znip') === true);
  if (operands.length < 2 || meant === undefined || (existsSync(meant) && !streams.outputIsTerminal)) return;
  const paths = operands.filter((name) => name !== meant).map(quoted);
  throw new ZnipError(
    'usage',
    `'${meant}' is in the place of something to pack: to write an archive with this name, use \`znip pack ${paths.join(' ')} -o ${quoted(meant)}\``,
  );
}

export async function runPack(
  context: Context,
  operands: string[],
  line: readonly Token[],
  options: PackCommandOptions,
): Promise<void> {
  const { world, streams, reporter, outcome } = context;
  world.tuneEngine();
  // The default is standard output, as in tar and zstd. As there, a terminal is refused.
  const { output = '-' } = options;
  if (options.dryRun === true && options.tar === undefined && options.name === undefined) {
    listInputs(context, operands, line, options);
    return;
  }
  if (options.trustMtime === true && (options.tar !== undefined || options.name !== undefined)) {
    throw new ZnipError(
      'usage',
      '--trust-mtime is for files on disk: with --tar and --name, nothing has a time to trust',
    );
  }
  const toStdout = output === '-';
  if (options.output === undefined) refuseArchiveAsInput(context, operands);
  if (toStdout) streams.refuseTerminal('an archive', options.force === true);
  const input = openInput(context, operands, line, options);
  const archiveOptions: ArchiveOptions = {
    output: toStdout ? streams.stdout : output,
    ...defined({
      level: options.level,
      threads: options.threads,
      long: options.long,
      memory: options.memory,
      chunkSize: options.chunkSize,
      packageType: options.type,
      repo: options.repo,
      repoFromDirectory: options.repoFromDir,
      base: options.base,
      baseOptional: options.baseOptional,
      baseAny: options.baseAny,
      trustMtime: options.trustMtime,
    }),
    ...(options.verbose === true ? { onMember: (path: string) => reporter.detail(printable(path)) } : {}),
    onWarning: ({ path, reason, failed }) => reporter.warn(path, reason, failed),
    onProgress: ({ members, contentBytes, foundBytes, foundMembers, allFound }) =>
      reporter.progress({
        members,
        contentBytes,
        totalMembers: allFound ? foundMembers : undefined,
        totalBytes: allFound ? foundBytes : undefined,
      }),
    signal: world.interruption(),
  };
  try {
    const result: PackResult = await input.pack(archiveOptions);
    const { members, contentBytes, archiveBytes, failedInputs, blobBytes, takenBytes, elapsedMs } = result;
    // A ratio is useful only if the archive is smaller than what it holds.
    const ratio = archiveBytes < contentBytes ? ` (${formatPercent(archiveBytes, contentBytes)})` : '';
    const taken =
      options.base === undefined
        ? ''
        : `; took over ${formatPercent(takenBytes, blobBytes)} of ${formatBytes(blobBytes)}`;
    const warnings = reporter.warnings > 0 ? `; ${countOf(reporter.warnings, 'warning')}` : '';
    reporter.end(
      `packed ${countOf(members, 'member')}, ${formatBytes(contentBytes)} into ${formatBytes(archiveBytes)}${ratio}` +
        ` in ${formatDuration(elapsedMs)}${taken}${warnings}`,
    );
    // With -o -, only the archive goes to standard output.
    const rounded = { ...result, elapsedMs: Math.round(elapsedMs), warnings: reporter.warnings };
    reporter.result(rounded, toStdout);
    if (failedInputs > 0) outcome.atLeast(EXIT.incomplete);
  } finally {
    reporter.end();
    input.close();
  }
}
