/**
 * `znip unpack`.
 */
import { closeSync, statSync } from 'node:fs';
import { openArchive } from '../../archive/archive.ts';
import { tellRemarks } from '../../archive/remarks.ts';
import { ZnipError } from '../../errors.ts';
import { borrowed, FileSource } from '../../io/source.ts';
import type { RecoverOptions } from '../../recover/recover.ts';
import type { LostMember } from '../../rules/lost.ts';
import type { DryMember } from '../../target/dry-run.ts';
import { type MemberChange, unpack, type UnpackOptions, type UnpackResult } from '../../unpack/unpack.ts';
import { defined } from '../args/defined.ts';
import type { CommonOptions } from '../args/options.ts';
import { quoted } from '../args/other-tools.ts';
import { xattrsOf } from '../args/xattrs.ts';
import { EXIT } from '../process/exit-status.ts';
import type { Streams } from '../process/streams.ts';
import type { Context } from '../ui/context.ts';
import type { Reporter } from '../ui/reporter.ts';
import { countOf, formatBytes, formatCount, formatDuration, printable } from '../ui/text.ts';
import { ChangeListing, DryListing } from './listings.ts';

export interface UnpackCommandOptions extends CommonOptions {
  directory: string;
  threads?: number;
  memory?: number;
  overwrite?: boolean;
  keepOld?: boolean;
  keepNewer?: boolean;
  exclude?: string[];
  stripComponents?: number;
  /** `--no-mtime`. */
  mtime: boolean;
  sameOwner?: boolean;
  xattrs?: boolean;
  xattrsInclude?: string[];
  xattrsExclude?: string[];
  preservePermissions?: boolean;
  /** `--no-sparse`. */
  sparse: boolean;
  maxSize?: number;
  maxMembers?: number;
  maxRatio?: number;
  maxDepth?: number;
  requireIndex?: boolean;
  root?: string;
  keepGoing?: boolean;
  ignoreZeros?: boolean;
  /** For `znip recover`: whatever the file is, look for blocks in it. */
  recover?: boolean;
  dryRun?: boolean;
  tar?: string;
  force?: boolean;
  changed?: boolean;
  checksum?: boolean;
  delete?: boolean;
  deleteTop?: boolean;
  maxDelete?: number;
  itemizeChanges?: boolean;
  fsync?: boolean;
  type?: string[];
  repo?: string[];
}

/** The options for both ways of unpacking. */
type SharedOptions = Pick<
  UnpackOptions,
  | 'directory'
  | 'existing'
  | 'mtime'
  | 'sameOwner'
  | 'xattrs'
  | 'preservePermissions'
  | 'sparse'
  | 'fsync'
  | 'onLost'
  | 'threads'
  | 'memory'
  | 'patterns'
  | 'onUnmatched'
  | 'exclude'
  | 'filter'
  | 'stripComponents'
  | 'maxSize'
  | 'maxMembers'
  | 'maxRatio'
  | 'maxDepth'
  | 'dryRun'
  | 'keepGoing'
  | 'onDamaged'
  | 'signal'
> & { [K in 'onDoubt' | 'onNote' | 'onSkipped']: NonNullable<RecoverOptions[K]> };

export async function runUnpack(
  { world, streams, reporter, outcome }: Context,
  path: string,
  patterns: readonly string[],
  options: UnpackCommandOptions,
): Promise<void> {
  world.tuneEngine();
  if (options.itemizeChanges === true && options.changed !== true) {
    throw new ZnipError(
      'usage',
      '-i, --itemize-changes goes with --changed; to read several tar archives in a row, use --ignore-zeros',
    );
  }
  const dry = new DryListing(options, streams, reporter);
  /** Reports what did not go as asked. If there is damage, damage decides the status. */
  const warnIncomplete = (member: string, reason: string): void => {
    reporter.warn(member, reason);
    outcome.atLeast(EXIT.incomplete);
  };
  const changes = new ChangeListing(options, streams);
  const unmatched: string[] = [];
  const lost: LostMember[] = [];
  const shared: SharedOptions = {
    directory: options.directory,
    existing: existingPolicy(options),
    mtime: options.mtime,
    sameOwner: options.sameOwner === true,
    sparse: options.sparse,
    fsync: options.fsync === true,
    onLost: warnIncomplete,
    patterns,
    onUnmatched: (pattern) => {
      unmatched.push(pattern);
      reporter.unmatched(pattern, path === '-' ? 'standard input' : `'${path}'`);
      outcome.atLeast(EXIT.incomplete);
    },
    ...defined({
      preservePermissions: options.preservePermissions,
      threads: options.threads,
      memory: options.memory,
      xattrs: xattrsOf(options),
      exclude: options.exclude,
      stripComponents: options.stripComponents,
      maxSize: options.maxSize,
      maxMembers: options.maxMembers,
      maxRatio: options.maxRatio,
      maxDepth: options.maxDepth,
      dryRun: options.dryRun === true ? (member: DryMember) => dry.add(member) : undefined,
    }),
    keepGoing: options.keepGoing === true,
    onDamaged: (damage) => {
      lost.push(damage);
      reporter.lost(damage);
      outcome.atLeast(EXIT.badArchive);
    },
    onDoubt: warnIncomplete,
    onSkipped: warnIncomplete,
    onNote: (member, reason) => reporter.warn(member, reason, false),
    ...(options.verbose === true && options.dryRun !== true ? { filter: namesOnce(reporter) } : {}),
    signal: world.interruption(),
  };
  try {
    const result =
      path === '-'
        ? await fromStandardInput(streams, options, shared, reporter)
        : await fromFile(path, options, shared, reporter, changes);
    dry.flush();
    const kept = result.kept > 0 ? `; ${countOf(result.kept, 'name')} kept as they were` : '';
    const what = `${countOf(result.members, 'member')}, ${formatBytes(result.contentBytes)}`;
    const losses = result.lost > 0 ? `; ${countOf(result.lost, 'loss', 'losses')} named above` : '';
    const rest = `${kept}${updateOf(result, options.dryRun === true)}${losses}`;
    reporter.end(
      options.dryRun === true
        ? `would ${options.recover === true ? 'recover' : 'unpack'} ${what}${rest}`
        : `${options.recover === true ? 'recovered' : 'unpacked'} ${what} in ${formatDuration(result.elapsedMs)}${rest}`,
    );
    const planned = {
      ...(options.dryRun === true ? { planned: dry.members } : {}),
      ...(options.changed === true ? { changes: changes.all } : {}),
    };
    const elapsedMs = Math.round(result.elapsedMs);
    const { warnings } = reporter;
    reporter.result({ ...result, elapsedMs, warnings, unmatched, lost, ...planned });
  } catch (error) {
    // If names were taken and there is damage, too, damage decides the status.
    if (error instanceof ZnipError && error.code === 'no-match')
      throw withDirectoryHint(error, path, patterns);
    if (lost.length === 0 || !(error instanceof ZnipError) || error.code !== 'exists') throw error;
    reporter.error(error, EXIT.badArchive);
  } finally {
    dry.flush();
    reporter.end();
  }
}

/** What a run with --changed did besides writing. */
function updateOf({ update }: UnpackResult, dry: boolean): string {
  if (update === undefined) return '';
  const { amended, unchanged, removed } = update;
  const parts = [`${formatCount(unchanged)} unchanged`];
  if (amended > 0) parts.push(`${formatCount(amended)} mended`);
  if (removed > 0) parts.push(`${formatCount(removed)} ${dry ? 'to be removed' : 'removed'}`);
  return `; ${parts.join(', ')}`;
}

/** Lists members when they are chosen, by their names in the archive, as tar's -v does. */
function namesOnce(reporter: Reporter): (path: string) => boolean {
  const told = new Set<string>();
  return (path) => {
    // From a pipe, a member comes a second time, with the index.
    if (!told.has(path)) reporter.detail(printable(path));
    told.add(path);
    return true;
  };
}

/** For `unpack x.znip dir/`: no member has this name, but it is a directory here, or looks like one. */
function withDirectoryHint(error: ZnipError, archive: string, patterns: readonly string[]): ZnipError {
  const [directory] = patterns;
  if (directory === undefined || patterns.length > 1) return error;
  const isDirectory = statSync(directory, { throwIfNoEntry: false })?.isDirectory() === true;
  if (!isDirectory && !directory.endsWith('/')) return error;
  const line = `znip unpack ${quoted(archive)} -C ${quoted(directory)}`;
  return new ZnipError(
    error.code,
    `${error.message}; to unpack into that directory, use \`${line}\``,
    error.context,
  );
}

function existingPolicy({
  overwrite,
  keepOld,
  keepNewer,
}: UnpackCommandOptions): NonNullable<UnpackOptions['existing']> {
  if (overwrite === true) return 'overwrite';
  if (keepNewer === true) return 'keep-newer';
  return keepOld === true ? 'keep' : 'fail';
}

/**
 * Unpacks by the index, or by what is left of it. A tar file of others has no index and is unpacked in one pass. The
 * file is opened only once, so znip unpacks the same file that it has looked at.
 */
async function fromFile(
  path: string,
  options: UnpackCommandOptions,
  shared: SharedOptions,
  reporter: Reporter,
  changes: ChangeListing,
): Promise<UnpackResult> {
  const source = new FileSource(path);
  try {
    return await fromSource(source, options, shared, reporter, changes);
  } finally {
    source.close();
  }
}

async function fromSource(
  source: FileSource,
  options: UnpackCommandOptions,
  shared: SharedOptions,
  reporter: Reporter,
  changes: ChangeListing,
): Promise<UnpackResult> {
  const fromForeign = async (): Promise<UnpackResult> => {
    const fd = source.openAgain();
    try {
      return await fromStream(fd, `'${source.name}'`, options, shared, reporter);
    } finally {
      closeSync(fd);
    }
  };
  if (wantsRecovery(options)) {
    const { recoverSource } = await import('../../recover/recover.ts');
    try {
      return await recoverSource(source, {
        ...shared,
        ...rootOf(options),
        onProgress: (progress) => reporter.progress(progress),
      });
    } catch (error) {
      const foreign = error instanceof ZnipError && error.code === 'not-an-archive';
      if (!foreign || options.recover === true || needsIndex(options)) throw error;
      return fromForeign();
    }
  }
  let archive;
  try {
    archive = await openArchive(borrowed(source), rootOf(options));
  } catch (error) {
    const foreign = error instanceof ZnipError && error.code === 'not-an-archive';
    if (!foreign || needsIndex(options)) throw error;
    return fromForeign();
  }
  const { filter: _, ...choice } = shared;
  await tellRemarks(archive, choice, shared.onDoubt);
  return unpack(archive, {
    ...shared,
    ...defined({
      packageTypes: options.type,
      repos: options.repo,
      changed: options.changed,
      checksum: options.checksum,
      delete: options.delete,
      deleteTop: options.deleteTop,
      maxDelete: options.maxDelete,
    }),
    ...(changes.isWanted ? { onChange: (change: MemberChange) => changes.add(change) } : {}),
    onProgress: (progress) => reporter.progress(progress),
  });
}

/** Whether to unpack the archive even if its index is damaged. Only the index can tell groups apart. */
function wantsRecovery(options: UnpackCommandOptions): boolean {
  const { recover: always, keepGoing, dryRun, changed, type, repo } = options;
  if (always === true) return true;
  return (
    changed !== true && keepGoing === true && dryRun !== true && type === undefined && repo === undefined
  );
}

/** Whether to refuse files without an index. */
export function needsIndex({ requireIndex, root, changed }: UnpackCommandOptions): boolean {
  return requireIndex === true || root !== undefined || changed === true;
}

export function rootOf({ root }: UnpackCommandOptions): { root?: string } {
  return root === undefined ? {} : { root };
}

async function fromStandardInput(
  streams: Streams,
  options: UnpackCommandOptions,
  shared: SharedOptions,
  reporter: Reporter,
): Promise<UnpackResult> {
  if (streams.inputIsTerminal) {
    throw new ZnipError('usage', 'no archive is read from a terminal: name a file, or pipe one in');
  }
  return fromStream(streams.stdin, 'standard input', options, shared, reporter);
}

async function fromStream(
  fd: number,
  name: string,
  options: UnpackCommandOptions,
  shared: SharedOptions,
  reporter: Reporter,
): Promise<UnpackResult> {
  if (options.changed === true) {
    throw new ZnipError('usage', '--changed needs the index, which comes last: unpack from a .znip file');
  }
  if (options.type !== undefined || options.repo !== undefined) {
    throw new ZnipError(
      'usage',
      '--type and --repo need the index, which comes last: unpack from a .znip file',
    );
  }
  const { unpackStream } = await import('../../unpack-stream/unpack-stream.ts');
  return unpackStream(fd, {
    ...shared,
    ...rootOf(options),
    requireIndex: options.requireIndex === true,
    ignoreZeros: options.ignoreZeros === true,
    name,
    onProgress: ({ members, contentBytes }) =>
      reporter.progress({ members, contentBytes, totalMembers: undefined, totalBytes: undefined }),
  });
}
