/**
 * The inputs of `znip pack`: turns the paths and options of the command line into those of the library. Also
 * `--dry-run`, which lists the members that would be packed.
 */
import { ZnipError } from '../../errors.ts';
import { toText } from '../../format/values/byte-string.ts';
import { replacedBy } from '../../io/output.ts';
import { NO_OUTPUT, type OwnOutput } from '../../io/own-output.ts';
import { pack } from '../../pack/pack.ts';
import type { ArchiveOptions, PackResult } from '../../pack/run.ts';
import { findMembers, type InputOptions, type NamedPath } from '../../pack/walk/inputs.ts';
import { NOT_READ } from '../../pack/walk/special-contents.ts';
import { readPatterns } from '../args/name-lists.ts';
import type { Token } from '../args/read.ts';
import { sourceDateEpoch } from '../args/time.ts';
import { xattrsOf } from '../args/xattrs.ts';
import { EXIT } from '../process/exit-status.ts';
import type { Context } from '../ui/context.ts';
import { countOf, formatBytes, printable } from '../ui/text.ts';
import type { PackCommandOptions } from './options.ts';
import { packPaths } from './paths.ts';

export function inputPaths(
  line: readonly Token[],
  options: PackCommandOptions,
  stdin: number,
): Iterable<NamedPath> {
  if (options.null === true && options.filesFrom === undefined) {
    throw new ZnipError('usage', '-0 has no effect without -T: it is about the names in a list');
  }
  return packPaths(line, options.null === true, stdin);
}

/** The inputs of an archive, ready to be packed. */
export interface PackInput {
  pack: (options: ArchiveOptions) => Promise<PackResult>;
  close: () => void;
}

/** Opens the inputs: paths, a tar stream, or standard input. Throws `usage`, and `io` if something cannot be opened. */
export function openInput(
  context: Context,
  operands: readonly string[],
  line: readonly Token[],
  options: PackCommandOptions,
): PackInput {
  refuseTwoReaders(operands, options);
  if (options.name !== undefined) return openNamed(context, operands, options.name, options);
  if (operands.includes('-')) {
    throw new ZnipError(
      'usage',
      "'-' is standard input, which needs a name: give --name, or write ./- for a file with this name",
    );
  }
  if (options.tar === undefined) {
    const paths = inputPaths(line, options, context.streams.stdin);
    const chosen = inputOptions(options, context);
    return { pack: (archive) => pack(paths, { ...chosen, ...archive }), close() {} };
  }
  if (operands.length > 0) {
    throw new ZnipError('usage', '--tar takes all members from the tar stream: it does not go with paths');
  }
  refuseOthers('--tar', 'the tar stream goes into the archive as it is', options, ABOUT_TREES);
  const { fd, name, close } = context.streams.openForReading(options.tar);
  return {
    async pack(archive) {
      const { packTar } = await import('../../pack/pack-tar.ts');
      return packTar(fd, { ...archive, name });
    },
    close,
  };
}

/** Standard input as one file. It is the only member of the archive. */
function openNamed(
  context: Context,
  operands: readonly string[],
  name: string,
  options: PackCommandOptions,
): PackInput {
  if (operands.length !== 1 || operands[0] !== '-') {
    throw new ZnipError(
      'usage',
      "--name works only with standard input, given as '-': pack paths into another archive",
    );
  }
  refuseOthers('--name', 'one file is packed, as it arrives', options, [...ABOUT_FILES, 'tar']);
  const { owner, mtime, reproducible } = inputOptions(options, context);
  const { fd, close } = context.streams.openForReading('-', 'a content');
  return {
    async pack(archive) {
      const { packStream } = await import('../../pack/pack-stream.ts');
      return packStream(fd, name, { ...archive, owner, mtime, reproducible });
    },
    close,
  };
}

/** Throws `usage` if more than one thing would be read from standard input: each would get only a part of it. */
export function refuseTwoReaders(operands: readonly string[], options: PackCommandOptions): void {
  const { filesFrom = [], excludeFrom = [], tar, name } = options;
  const readers = [
    ...filesFrom.map((file) => ['-T', file]),
    ...excludeFrom.map((file) => ['--exclude-from', file]),
    ...(tar === undefined ? [] : [['--tar', tar]]),
    ...(name === undefined ? [] : operands.map((operand) => ['--name', operand])),
  ].filter(([, from]) => from === '-' || from === '/dev/stdin');
  if (readers.length < 2) return;
  const flags = readers.map(([flag]) => flag).join(' and ');
  throw new ZnipError('usage', `${flags} both read standard input: only one can, put the other into a file`);
}

/** Options that choose or change what is read from the file system. */
const ABOUT_FILES: readonly (keyof PackCommandOptions)[] = [
  'directory',
  'filesFrom',
  'null',
  'exclude',
  'excludeFrom',
  'include',
  'gitignore',
  'keepTracked',
  'excludeVcs',
  'excludeCaches',
  'oneFileSystem',
  'dereference',
  'xattrs',
  'xattrsInclude',
  'xattrsExclude',
  'readSpecial',
  'transform',
  'prefix',
  'dryRun',
];

/** The same, and options about what is recorded. */
const ABOUT_TREES: readonly (keyof PackCommandOptions)[] = [...ABOUT_FILES, 'owner', 'mtime', 'reproducible'];

/** Throws `usage` for an option that would have no effect. */
function refuseOthers(
  mode: string,
  why: string,
  options: PackCommandOptions,
  refused: readonly (keyof PackCommandOptions)[],
): void {
  const other = refused.find((name) => options[name] !== undefined);
  if (other === undefined) return;
  const flag = `--${other.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  throw new ZnipError('usage', `${flag} has no effect with ${mode}: ${why}`);
}

/** What to leave out and what to record. An option counts more than the environment. */
export function inputOptions(
  options: PackCommandOptions,
  { world, streams }: Pick<Context, 'world' | 'streams'>,
): InputOptions {
  const { reproducible = false } = options;
  if (options.keepTracked === true && options.gitignore !== true) {
    throw new ZnipError('usage', '--keep-tracked has no effect without --gitignore');
  }
  const epoch = reproducible ? sourceDateEpoch(world.env['SOURCE_DATE_EPOCH']) : undefined;
  return {
    exclude: [
      ...(options.exclude ?? []),
      ...(options.excludeFrom ?? []).flatMap((file) => readPatterns(file, streams.stdin)),
    ],
    include: options.include,
    gitignore: options.gitignore,
    keepTracked: options.keepTracked,
    excludeVcs: options.excludeVcs,
    excludeCaches: options.excludeCaches,
    oneFileSystem: options.oneFileSystem,
    dereference: options.dereference,
    xattrs: xattrsOf(options),
    readSpecial: options.readSpecial,
    transform: options.transform,
    prefix: options.prefix,
    owner: options.owner,
    mtime: options.mtime ?? epoch,
    reproducible,
  };
}

/** Output is written in pieces of about this many characters. */
const PIECE = 64 * 1024;

/** `--dry-run`: prints the names on standard output, as bytes for programs, or as printable text on a terminal. */
export function listInputs(
  context: Context,
  operands: readonly string[],
  line: readonly Token[],
  options: PackCommandOptions,
): void {
  refuseTwoReaders(operands, options);
  if (options.json === true)
    throw new ZnipError('usage', '--dry-run prints names: it does not go with --json');
  const { streams, reporter, outcome } = context;
  let failed = false;
  const paths = inputPaths(line, options, streams.stdin);
  const members = findMembers(paths, inputOptions(options, context), {
    own: ownOutput(options.output),
    special: options.readSpecial === true ? NOT_READ : undefined,
    onWarning({ path, reason, failed: fails }) {
      failed ||= fails;
      reporter.warn(path, reason, fails);
    },
  });
  const terminal = streams.outputIsTerminal;
  let count = 0;
  let bytes = 0;
  let piece = '';
  const flush = (): void => streams.write(Buffer.from(piece, terminal ? 'utf8' : 'latin1'));
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
  if (failed) outcome.atLeast(EXIT.incomplete);
}

/** The archive that would be replaced. `pack` leaves it out. */
function ownOutput(output: string | undefined): OwnOutput {
  return output === undefined || output === '-' ? NO_OUTPUT : replacedBy(output);
}
