/**
 * `znip verify`.
 */
import { ZnipError } from '../../errors.ts';
import type { Damage } from '../../verify/damage.ts';
import { verify, type VerifyOptions, type VerifyReport, verifyStream } from '../../verify/verify.ts';
import { defined } from '../args/defined.ts';
import type { CommonOptions } from '../args/options.ts';
import { EXIT } from '../process/exit-status.ts';
import { curbGarbage } from '../process/heap.ts';
import { interruption } from '../process/interruption.ts';
import { isTerminal, STDIN, writeMessage } from '../process/standard-streams.ts';
import { speaksJson, writeEvent, writeWarning } from '../ui/messages.ts';
import { Reporter } from '../ui/reporter.ts';
import { countOf, formatBytes, formatDuration, printable, readable, shortName } from '../ui/text.ts';

export interface VerifyCommandOptions extends CommonOptions {
  quick?: boolean;
  root?: string;
  threads?: number;
}

/** Members named for each damage when nobody asked for all. */
const SHOWN_MEMBERS = 10;

export async function runVerify(path: string, options: VerifyCommandOptions): Promise<void> {
  curbGarbage();
  const reporter = new Reporter({
    command: 'verify',
    quiet: options.quiet === true,
    verbose: options.verbose === true,
    progress: options.progress ?? 'auto',
  });
  const verifyOptions: VerifyOptions = {
    quick: options.quick === true,
    ...defined({ root: options.root, threads: options.threads }),
    onProgress: ({ members, streamBytes, totalMembers, totalBytes }) =>
      reporter.progress({ members, contentBytes: streamBytes, totalMembers, totalBytes }),
    signal: interruption(),
  };
  const name = path === '-' ? 'standard input' : path;
  try {
    const report = await (path === '-' ? fromStandardInput(verifyOptions) : verify(path, verifyOptions));
    if (!report.ok) process.exitCode = EXIT.badArchive;
    else if (report.differingCount > 0) process.exitCode = EXIT.incomplete;
    reporter.end(report.ok && report.differingCount === 0 ? describeWhole(name, report) : undefined);
    reporter.result({ archive: path, ...report, elapsedMs: Math.round(report.elapsedMs) }, options);
    tellDiffering(name, report, options);
    if (!report.ok) tellDamage(name, report, options.verbose === true);
  } finally {
    reporter.end();
  }
}

async function fromStandardInput(options: VerifyOptions): Promise<VerifyReport> {
  if (isTerminal(STDIN)) {
    throw new ZnipError('usage', 'no archive is read from a terminal: name a file, or pipe one in');
  }
  return verifyStream(STDIN, options);
}

function describeWhole(name: string, report: VerifyReport): string {
  const { quick, members, blobs, streamBytes, elapsedMs, rootHash } = report;
  const time = formatDuration(elapsedMs);
  const what = quick
    ? `the index is whole: ${countOf(members, 'member')}; contents were not read`
    : `whole: ${countOf(members, 'member')}, ${countOf(blobs, 'blob')}, ${formatBytes(streamBytes)} of tar stream`;
  return `${printable(name)}: ${what}; ${time}\nroot hash ${rootHash ?? ''}`;
}

/** Members named when nobody asked for all. */
const SHOWN_DIFFERING = 20;

/** What is not damaged, and not the same to every program either. */
function tellDiffering(name: string, report: VerifyReport, options: VerifyCommandOptions): void {
  const { differing, differingCount, ok } = report;
  if (differingCount === 0) return;
  const shown = speaksJson() || options.verbose === true ? Infinity : SHOWN_DIFFERING;
  for (const { member, reason } of differing.slice(0, shown)) writeWarning(member, reason);
  if (speaksJson()) return;
  const left = differingCount - Math.min(shown, differing.length);
  if (left > 0) writeMessage(`  and ${countOf(left, 'more member')}: -v names them`);
  const found = ok ? 'nothing is damaged, but ' : '';
  writeMessage(
    `znip: ${printable(name)}: ${found}${countOf(differingCount, 'member')} that tar programs read differently from the index`,
  );
}

/** Each damage with its code, its place and the members that it hits, and a summary. `all`: name all members. */
export function tellDamage(name: string, { damage, damageCount }: VerifyReport, all: boolean): void {
  if (speaksJson()) {
    for (const one of damage) writeEvent('damage', { ...one });
    return;
  }
  const shownMembers = all ? Infinity : SHOWN_MEMBERS;
  const hit = new Set<string>();
  for (const one of damage) {
    writeMessage(`znip: ${one.code}: ${readable(one.message)}`);
    for (const member of one.members) hit.add(member);
    if (!isNamed(one)) tellMembers(one.members, shownMembers);
  }
  const hidden = damageCount > damage.length ? `, of which ${damage.length} are shown` : '';
  const members = hit.size > 0 ? `; ${countOf(hit.size, 'member')} hit` : '';
  writeMessage(`znip: ${printable(name)} is damaged: ${countOf(damageCount, 'fault')}${hidden}${members}`);
}

/** The message itself names the member that it is about. */
function isNamed({ members, message }: Damage): boolean {
  return members.every((member) => message.includes(`'${member}'`));
}

function tellMembers(members: readonly string[], shown: number): void {
  for (const member of members.slice(0, shown)) writeMessage(`  hits ${shortName(member)}`);
  if (members.length > shown)
    writeMessage(`  and ${countOf(members.length - shown, 'more member')}: -v names them`);
}
