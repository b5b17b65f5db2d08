/**
 * What `znip pack` takes in: the command line's paths and options as the library has them, and `--dry-run`,
 * which lists the members that they mean.
 */
import { type BigIntStats, statSync } from 'node:fs';
import { ZnipError } from '../../errors.ts';
import { toText } from '../../format/byte-string.ts';
import { findMembers, type InputOptions, type NamedPath } from '../../pack/inputs.ts';
import type { ArgumentOrder } from '../argument-order.ts';
import { EXIT } from '../exit-status.ts';
import { readPatterns } from '../name-lists.ts';
import { packPaths } from '../pack-paths.ts';
import { Reporter } from '../reporter.ts';
import { isTerminal, STDOUT, writeOutput } from '../standard-streams.ts';
import { countOf, formatBytes, printable } from '../text.ts';
import { sourceDateEpoch } from '../time.ts';
import type { PackCommandOptions } from './pack.ts';

export function inputPaths(
  operands: readonly string[],
  order: ArgumentOrder,
  options: PackCommandOptions,
): Iterable<NamedPath> {
  if (options.null === true && options.filesFrom === undefined) {
    throw new ZnipError('usage', '-0 has no effect without -T: it is about the names in a list');
  }
  return packPaths(operands, order, options.null === true);
}

/** What to leave out and what to record. Options win over the environment. */
export function inputOptions(options: PackCommandOptions): InputOptions {
  const { reproducible = false } = options;
  const epoch = reproducible ? sourceDateEpoch(process.env['SOURCE_DATE_EPOCH']) : undefined;
  return {
    exclude: [...(options.exclude ?? []), ...(options.excludeFrom ?? []).flatMap(readPatterns)],
    include: options.include,
    gitignore: options.gitignore,
    excludeVcs: options.excludeVcs,
    excludeCaches: options.excludeCaches,
    oneFileSystem: options.oneFileSystem,
    dereference: options.dereference,
    owner: options.owner,
    mtime: options.mtime ?? epoch,
    reproducible,
  };
}

/** Output is written in pieces of about this many characters. */
const PIECE = 64 * 1024;

/** `--dry-run`: the names on standard output, as their bytes for programs, as printable text on a terminal. */
export function listInputs(
  operands: readonly string[],
  order: ArgumentOrder,
  options: PackCommandOptions,
): void {
  if (options.json === true)
    throw new ZnipError('usage', '--dry-run prints names: it does not go with --json');
  const reporter = new Reporter({
    command: 'pack',
    quiet: options.quiet === true,
    verbose: options.verbose === true,
    progress: options.progress ?? 'auto',
  });
  let failed = false;
  const paths = inputPaths(operands, order, options);
  const members = findMembers(paths, inputOptions(options), existing(options.output), (warning) => {
    failed ||= warning.failed;
    reporter.warn(warning.path, warning.reason);
  });
  const terminal = isTerminal(STDOUT);
  let count = 0;
  let bytes = 0;
  let piece = '';
  const flush = (): void => writeOutput(Buffer.from(piece, terminal ? 'utf8' : 'latin1'));
  for (const { path, size } of members) {
    count += 1;
    bytes += size;
    piece += `${terminal ? printable(toText(path)) : path}\n`;
    if (piece.length < PIECE) continue;
    flush();
    piece = '';
  }
  flush();
  reporter.end(`would pack ${countOf(count, 'member')}, ${formatBytes(bytes)}`);
  if (failed) process.exitCode = EXIT.incomplete;
}

/** The archive that would be replaced: `pack` leaves it out. */
function existing(output: string | undefined): BigIntStats[] {
  const stats =
    output === undefined || output === '-'
      ? undefined
      : statSync(output, { bigint: true, throwIfNoEntry: false });
  return stats?.isFile() === true ? [stats] : [];
}
