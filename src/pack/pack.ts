/**
 * Packs trees into an archive: the library's `pack`.
 */
import { windowLogFor } from '../codec/codec.ts';
import { ZnipError } from '../errors.ts';
import { checkChunkSize, chooseChunkSize, SETTLED_TOTAL } from '../format/chunk-layout.ts';
import { TAR_END_LENGTH } from '../format/constants.ts';
import { paddedLength, tarHeaderLength } from '../format/tar-header.ts';
import { resolveThreads } from '../ring/threads.ts';
import { VERSION } from '../version.ts';
import type { ArchiveSummary } from './archive-writer.ts';
import { contentLength, type SourceMember } from './chunk-plan.ts';
import { findMembers, type InputOptions, type PackPath } from './inputs.ts';
import { descriptorOutput, openOutput, type Output } from './output.ts';
import { runPipeline } from './pipeline.ts';
import { planChunks } from './plan.ts';
import type { Warning } from './walk.ts';

export interface PackOptions extends InputOptions {
  /** Archive file, or a descriptor open for writing. */
  output: string | number;
  /** zstd level, 1 to 19. Default 3. */
  level?: number;
  /** Worker threads, 1 to 256. Default: one for each core. */
  threads?: number;
  /** Bytes of tar stream in a chunk, 64 KiB to 128 MiB. Default: by the size of the input. */
  chunkSize?: number;
  /** Package type of every member. Default: recognised from its name. */
  packageType?: string;
  /** Repo of every member. Default: none. */
  repo?: string;
  /** Take each member's first path component as its repo. */
  repoFromDirectory?: boolean;
  /** Called for each input that was skipped, could not be read, or changed while it was read. */
  onWarning?: (warning: Warning) => void;
  /** Called as chunks are written. */
  onProgress?: (progress: PackProgress) => void;
  signal?: AbortSignal;
}

export interface PackProgress {
  /** Members and bytes of content in the archive so far. */
  members: number;
  contentBytes: number;
  archiveBytes: number;
  /** Bytes of content found so far, and whether that is all. */
  foundBytes: number;
  foundMembers: number;
  allFound: boolean;
}

export interface PackResult extends ArchiveSummary {
  /** Inputs that are missing from the archive or changed while they were read. */
  failedInputs: number;
  elapsedMs: number;
}

const DEFAULT_LEVEL = 3;

/** Below this much tar stream, starting threads takes longer than the work. */
const INLINE_TOTAL = 8 * 1024 * 1024;

function checkLevel(level: number): number {
  if (!Number.isInteger(level) || level < 1 || level > 19) {
    throw new ZnipError('usage', `level ${level} is out of range: it must be from 1 to 19`);
  }
  return level;
}

/** Members that the walk is ahead by, so that the chunk size can follow from the total. */
interface Lookahead {
  /** All members, the first of them already found. */
  members: Iterable<SourceMember>;
  /** Bytes of tar stream, or SETTLED_TOTAL and more when the walk has not ended. */
  total: number;
}

function lookAhead(found: Iterator<SourceMember>, enough: number): Lookahead {
  const first: SourceMember[] = [];
  let total = TAR_END_LENGTH;
  while (total < enough) {
    const { done, value } = found.next();
    if (done === true) return { members: first, total };
    first.push(value);
    total += tarHeaderLength(value) + paddedLength(value.size);
  }
  return { members: chain(first, found), total };
}

function* chain(
  first: SourceMember[],
  rest: Iterator<SourceMember>,
): Generator<SourceMember, void, undefined> {
  yield* first;
  for (let next = rest.next(); next.done !== true; next = rest.next()) yield next.value;
}

/**
 * Packs `paths`, files or directories with all they hold, into an archive. No paths make an empty archive.
 *
 * The archive gets its name only when it is complete and flushed; when anything fails, what was there
 * before stays. Inputs that cannot be read are left out, reported by `onWarning`, and counted in the
 * result. Throws ZnipError: `source-unreadable` when a path does not exist, `usage` for an option out of
 * range, `io` when the output cannot be written.
 */
export async function pack(paths: Iterable<PackPath>, options: PackOptions): Promise<PackResult> {
  const start = performance.now();
  const threads = resolveThreads(options.threads);
  const level = checkLevel(options.level ?? DEFAULT_LEVEL);
  const givenChunkSize = options.chunkSize === undefined ? undefined : checkChunkSize(options.chunkSize);

  const output = await openTarget(options);
  const progress: PackProgress = {
    members: 0,
    contentBytes: 0,
    archiveBytes: 0,
    foundBytes: 0,
    foundMembers: 0,
    allFound: false,
  };
  let failedInputs = 0;
  const told = new Set<string>();
  const onWarning = (warning: Warning): void => {
    if (warning.failed) {
      // A large file is read in parts, each of which may find the same.
      const problem = `${warning.path}\0${warning.reason}`;
      if (told.has(problem)) return;
      told.add(problem);
      failedInputs += 1;
    }
    options.onWarning?.(warning);
  };

  try {
    const found = counted(findMembers(paths, options, output.identities, onWarning), progress);
    const { members, total } = lookAhead(found, givenChunkSize === undefined ? SETTLED_TOTAL : INLINE_TOTAL);
    const chunkSize = givenChunkSize ?? chooseChunkSize(total);
    const plans = planChunks(members, {
      chunkSize,
      packageType: options.packageType,
      repo: options.repo,
      repoFromDirectory: options.repoFromDirectory ?? false,
      onWarning,
    });
    const summary = await runPipeline(plans, {
      threads: total < INLINE_TOTAL ? 1 : threads,
      settings: { level, windowLog: windowLogFor(chunkSize), chunkSize, producer: `znip ${VERSION}` },
      fd: output.fd,
      outputName: output.name,
      onWarning,
      onChunk: (plan, archiveBytes) => {
        progress.members += plan.members.count;
        progress.contentBytes += contentLength(plan);
        progress.archiveBytes = archiveBytes;
        options.onProgress?.(progress);
      },
      signal: options.signal,
    });
    output.commit();
    return { ...summary, failedInputs, elapsedMs: performance.now() - start };
  } finally {
    output.discard();
  }
}

async function openTarget({ output, signal }: PackOptions): Promise<Output> {
  return typeof output === 'string'
    ? openOutput(output, signal)
    : descriptorOutput(output, 'standard output');
}

function* counted(
  found: Iterable<SourceMember>,
  progress: PackProgress,
): Generator<SourceMember, void, undefined> {
  for (const member of found) {
    progress.foundMembers += 1;
    progress.foundBytes += member.size;
    yield member;
  }
  progress.allFound = true;
}
