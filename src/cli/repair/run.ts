/**
 * `znip repair`.
 */
import { ZnipError } from '../../errors.ts';
import { repair, type RepairResult } from '../../repair/repair.ts';
import type { LostMember } from '../../rules/lost.ts';
import { defined } from '../args/defined.ts';
import type { CommonOptions } from '../args/options.ts';
import { EXIT } from '../process/exit-status.ts';
import type { Context } from '../ui/context.ts';
import { countOf, formatBytes, formatDuration, printable } from '../ui/text.ts';
import { tellDamage } from '../verify/run.ts';

export interface RepairCommandOptions extends CommonOptions {
  output: string;
  threads?: number;
}

export async function runRepair(
  { world, reporter, outcome }: Context,
  path: string,
  options: RepairCommandOptions,
): Promise<void> {
  world.tuneEngine();
  if (path === '-' || options.output === '-') {
    throw new ZnipError(
      'usage',
      'repair cannot work with pipes: it needs files that it can read at any place',
    );
  }
  const refused: LostMember[] = [];
  try {
    const result = await repair(path, {
      output: options.output,
      ...defined({ threads: options.threads }),
      onRefused: (lost) => refused.push(lost),
      onProgress: ({ members, streamBytes, totalMembers, totalBytes }) =>
        reporter.progress({ members, contentBytes: streamBytes, totalMembers, totalBytes }),
      signal: world.interruption(),
    });
    reporter.end();
    if (!result.report.ok) {
      outcome.atLeast(EXIT.badArchive);
      tellDamage(reporter, path, result.report, options.verbose === true);
    }
    for (const lost of refused) reporter.lost(lost, 'is left out');
    reporter.end(describe(options.output, result));
    const elapsedMs = Math.round(result.elapsedMs);
    const report = { ...result.report, elapsedMs: Math.round(result.report.elapsedMs) };
    reporter.result({ archive: path, output: options.output, ...result, elapsedMs, refused, report });
  } finally {
    reporter.end();
  }
}

function describe(
  output: string,
  { copied, members, archiveBytes, byIndex, elapsedMs }: RepairResult,
): string {
  const what = `${countOf(members, 'member')}, ${formatBytes(archiveBytes)}`;
  const how = copied
    ? 'nothing was wrong, so it is a copy'
    : byIndex
      ? 'times, owners and groups are what they were'
      : 'without its index: times are exact to the second, groups follow from names';
  return `${printable(output)}: ${what}; ${how}; ${formatDuration(elapsedMs)}`;
}
