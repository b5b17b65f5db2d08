/**
 * `znip verify`.
 */
import { ZnipError } from '../../errors.ts';
import type { Damage } from '../../verify/damage.ts';
import { verify, type VerifyOptions, type VerifyReport, verifyStream } from '../../verify/verify.ts';
import { defined } from '../args/defined.ts';
import type { CommonOptions } from '../args/options.ts';
import { EXIT } from '../process/exit-status.ts';
import type { Streams } from '../process/streams.ts';
import type { Context } from '../ui/context.ts';
import type { Reporter } from '../ui/reporter.ts';
import { countOf, formatBytes, formatDuration, printable, readable, shortName } from '../ui/text.ts';

export interface VerifyCommandOptions extends CommonOptions {
  quick?: boolean;
  root?: string;
  contentRoot?: string;
  threads?: number;
}

/** How many members are named for each damage if the user did not ask for all. */
const SHOWN_MEMBERS = 10;

export async function runVerify(
  { world, streams, reporter, outcome }: Context,
  path: string,
  options: VerifyCommandOptions,
): Promise<void> {
  world.tuneEngine();
  const verifyOptions: VerifyOptions = {
    quick: options.quick === true,
    ...defined({ root: options.root, contentRoot: options.contentRoot, threads: options.threads }),
    onProgress: ({ members, streamBytes, totalMembers, totalBytes }) =>
      reporter.progress({ members, contentBytes: streamBytes, totalMembers, totalBytes }),
    signal: world.interruption(),
  };
  const name = path === '-' ? 'standard input' : path;
  try {
    const report = await (path === '-'
      ? fromStandardInput(streams, verifyOptions)
      : verify(path, verifyOptions));
    if (!report.ok) outcome.atLeast(EXIT.badArchive);
    else if (report.differingCount > 0) outcome.atLeast(EXIT.incomplete);
    reporter.end(report.ok && report.differingCount === 0 ? describeWhole(name, report) : undefined);
    reporter.result({ archive: path, ...report, elapsedMs: Math.round(report.elapsedMs) });
    tellDiffering(reporter, name, report, options.verbose === true);
    if (!report.ok) tellDamage(reporter, name, report, options.verbose === true);
  } finally {
    reporter.end();
  }
}

async function fromStandardInput(streams: Streams, options: VerifyOptions): Promise<VerifyReport> {
  if (streams.inputIsTerminal) {
    throw new ZnipError('usage', 'no archive is read from a terminal: name a file, or pipe one in');
  }
  return verifyStream(streams.stdin, options);
}

function describeWhole(name: string, report: VerifyReport): string {
  const { quick, members, blobs, streamBytes, elapsedMs, rootHash } = report;
  const time = formatDuration(elapsedMs);
  const what = quick
    ? `the index is whole: ${countOf(members, 'member')}; contents were not read`
    : `whole: ${countOf(members, 'member')}, ${countOf(blobs, 'blob')}, ${formatBytes(streamBytes)} of tar stream`;
  return `${printable(name)}: ${what}; ${time}\nroot hash ${rootHash ?? ''}`;
}

/** How many members are named if the user did not ask for all. */
const SHOWN_DIFFERING = 20;

/** Reports members that are not damaged, but that not every program reads in the same way. */
function tellDiffering(reporter: Reporter, name: string, report: VerifyReport, all: boolean): void {
  const { differing, differingCount, ok } = report;
  if (differingCount === 0) return;
  const shown = all ? Infinity : SHOWN_DIFFERING;
  for (const [i, { member, reason }] of differing.entries()) {
    const lines = i < shown ? [`znip: ${shortName(member)}: ${readable(reason)}`] : [];
    reporter.found('warning', { path: member, reason }, lines);
  }
  const left = differingCount - Math.min(shown, differing.length);
  if (left > 0) reporter.remark(`  and ${countOf(left, 'more member')}: -v names them`);
  const found = ok ? 'nothing is damaged, but ' : '';
  reporter.remark(
    `znip: ${printable(name)}: ${found}${countOf(differingCount, 'member')} that tar programs read differently from the index`,
  );
}

/** Each damage with its code, its place and the members that it affects, and a summary. `all`: name all members. */
export function tellDamage(
  reporter: Reporter,
  name: string,
  { damage, damageCount }: VerifyReport,
  all: boolean,
): void {
  const shownMembers = all ? Infinity : SHOWN_MEMBERS;
  const hit = new Set<string>();
  for (const one of damage) {
    for (const member of one.members) hit.add(member);
    const members = isNamed(one) ? [] : linesOf(one.members, shownMembers);
    reporter.found('damage', { ...one }, [`znip: ${one.code}: ${readable(one.message)}`, ...members]);
  }
  const hidden = damageCount > damage.length ? `, of which ${damage.length} are shown` : '';
  const members = hit.size > 0 ? `; ${countOf(hit.size, 'member')} hit` : '';
  reporter.remark(`znip: ${printable(name)} is damaged: ${countOf(damageCount, 'fault')}${hidden}${members}`);
}

/** Whether the message itself names the member that it is about. */
function isNamed({ members, message }: Damage): boolean {
  return members.every((member) => message.includes(`'${member}'`));
}

function linesOf(members: readonly string[], shown: number): string[] {
  const lines = members.slice(0, shown).map((member) => `  hits ${shortName(member)}`);
  const left = members.length - lines.length;
  return left > 0 ? [...lines, `  and ${countOf(left, 'more member')}: -v names them`] : lines;
}
