/**
 * `znip repair`.
 */
import { ZnipError } from '../../errors.ts';
import { repair, type RepairResult } from '../../repair/repair.ts';
import type { LostMember } from '../../rules/lost.ts';
import { defined } from '../args/defined.ts';
import type { CommonOptions } from '../args/options.ts';
import { EXIT } from '../process/exit-status.ts';
import { curbGarbage } from '../process/heap.ts';
import { interruption } from '../process/interruption.ts';
import { writeMessage } from '../process/standard-streams.ts';
import { speaksJson, writeEvent } from '../ui/messages.ts';
import { Reporter } from '../ui/reporter.ts';
import { countOf, formatBytes, formatDuration, printable, readable } from '../ui/text.ts';
import { tellDamage } from '../verify/run.ts';

export interface RepairCommandOptions extends CommonOptions {
  output: string;
  threads?: number;
}

export async function runRepair(path: string, options: RepairCommandOptions): Promise<void> {
  curbGarbage();
  if (path === '-' || options.output === '-') {
    throw new ZnipError('usage', 'repair goes back and forth in its files: it takes no pipes');
  }
  const reporter = new Reporter({
    command: 'repair',
    quiet: options.quiet === true,
    verbose: options.verbose === true,
    progress: options.progress ?? 'auto',
  });
  const refused: LostMember[] = [];
  try {
    const result = await repair(path, {
      output: options.output,
      ...defined({ threads: options.threads }),
      onRefused: (lost) => refused.push(lost),
      onProgress: ({ members, streamBytes, totalMembers, totalBytes }) =>
        reporter.progress({ members, contentBytes: streamBytes, totalMembers, totalBytes }),
      signal: interruption(),
    });
    reporter.end();
    if (!result.report.ok) {
      process.exitCode = EXIT.badArchive;
      tellDamage(path, result.report, options.verbose === true);
    }
    for (const lost of refused) tellRefused(lost);
    reporter.end(describe(options.output, result));
    const elapsedMs = Math.round(result.elapsedMs);
    const report = { ...result.report, elapsedMs: Math.round(result.report.elapsedMs) };
    reporter.result(
      { archive: path, output: options.output, ...result, elapsedMs, refused, report },
      options,
    );
  } finally {
    reporter.end();
  }
}

function tellRefused({ member, reason, ...place }: LostMember): void {
  if (speaksJson()) writeEvent('lost', { member, reason, ...place });
  else writeMessage(`znip: ${readable(member === null ? reason : `'${member}' is left out: ${reason}`)}`);
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
