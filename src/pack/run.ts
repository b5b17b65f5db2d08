/**
 * What all ways of packing have in common: options, output, chunk size, progress and result. Main thread.
 */
import { codec, windowLogFor } from '../codec/codec.ts';
import { ZnipError } from '../errors.ts';
import { checkChunkSize, chooseChunkSize, LONG_CHUNK_SIZE, SETTLED_TOTAL } from '../format/chunk-layout.ts';
import { toText } from '../format/values/byte-string.ts';
import { copySpool } from '../io/copy-spool.ts';
import { descriptorOutput, openOutput, type Output } from '../io/output.ts';
import { NO_OUTPUT, type OwnOutput } from '../io/own-output.ts';
import { FdSink, type Sink } from '../io/sink.ts';
import { openSpool } from '../io/spool.ts';
import { milliseconds } from '../threads/clock.ts';
import { unlessAborted } from '../threads/failure.ts';
import { resolveThreads } from '../threads/thread-count.ts';
import { VERSION } from '../version.ts';
import type { Base, BaseOptions } from './base/base.ts';
import { planPackMemory } from './memory.ts';
import { type PlanSource, runPipeline } from './pipeline.ts';
import { type ChunkPlan, contentLength, type AcquireSlot } from './plan/chunk-plan.ts';
import type { GroupOptions } from './plan/plan.ts';
import { AttributeNotes, type OnAttributes } from './walk/attribute-notes.ts';
import type { Warning } from './walk/warning.ts';
import type { ArchiveSummary } from './write/archive-writer.ts';

/** How an archive is made, wherever its members come from. */
export interface ArchiveOptions extends BaseOptions {
  /** Archive file, a descriptor open for writing, or what takes the archive piece by piece. */
  output: string | number | Sink;
  /** zstd level, 1 to 19. Default 3. */
  level?: number | undefined;
  /** Worker threads, 1 to 256. Default: one for each core. */
  threads?: number | undefined;
  /**
   * Bytes of memory that packing may take, approximately. If that is too little for all threads, there are fewer.
   * Default: what the threads need, 430 MB for two threads and a million members.
   */
  memory?: number | undefined;
  /** Bytes of tar stream in a chunk, 64 KiB to 128 MiB. Default: by the size of the input. */
  chunkSize?: number | undefined;
  /** Long-distance matching, in chunks of 128 MiB unless `chunkSize` says otherwise. Default: false. */
  long?: boolean | undefined;
  /** Package type of every member. Default: recognised from its name. */
  packageType?: string | undefined;
  /** Repo of every member. Default: none. */
  repo?: string | undefined;
  /** Take each member's first path component as its repo. */
  repoFromDirectory?: boolean | undefined;
  /** Called for each input that was skipped, could not be read, or changed while it was read. */
  onWarning?: ((warning: Warning) => void) | undefined;
  /** Called for each member that is found, with its path as text, in the order of the archive. */
  onMember?: ((path: string) => void) | undefined;
  /** Called as chunks are written. */
  onProgress?: ((progress: PackProgress) => void) | undefined;
  signal?: AbortSignal | undefined;
}

/** The progress of a pack. */
export interface PackProgress {
  /** Members in the archive so far. */
  members: number;
  /** Bytes of content in the archive so far. */
  contentBytes: number;
  /** Bytes of the archive so far. */
  archiveBytes: number;
  /** Bytes of content found so far. */
  foundBytes: number;
  /** Members found so far. */
  foundMembers: number;
  /** Everything has been found, so the found numbers are final. */
  allFound: boolean;
}

/** The result of a pack. */
export interface PackResult extends ArchiveSummary {
  /** Inputs that are missing from the archive or its index, or that changed while they were read. */
  failedInputs: number;
  /** Bytes of all blobs. */
  blobBytes: number;
  /** Bytes of blobs that were taken over from the base; 0 without one. */
  takenBytes: number;
  /** How long it took, in milliseconds. */
  elapsedMs: number;
}

/** What is known about the input before the first chunk. */
export interface Input {
  /** Bytes of tar stream; if the input has not ended yet, at least `enough`. */
  total: number;
  /** A chunk must be at least this long, unless the user sets the chunk size. */
  leastChunkSize?: number;
  /** Blobs of other settings are taken over. */
  isMixed?: boolean;
  /** Some bytes of the archive are written again at the end, which needs a file. */
  rewrites?: boolean;
  plans: (chunkSize: number, acquire: AcquireSlot) => Iterable<ChunkPlan> | AsyncIterable<ChunkPlan>;
}

/** What the input of a run gets. */
export interface InputContext {
  /** What must not be packed: the output and the file that it replaces. */
  own: OwnOutput;
  /** Bytes of tar stream after which more would not change the chunk size and the threads. */
  enough: number;
  groups: GroupOptions;
  onWarning: (warning: Warning) => void;
  /** Called with the meaning of a file's extended attributes. */
  onAttributes: OnAttributes;
  onFound: (members: number, bytes: number) => void;
  onAllFound: () => void;
}

const DEFAULT_LEVEL = 3;

/** For less tar stream than this, starting threads takes longer than the work. */
const INLINE_TOTAL = 8 * 1024 * 1024;

function checkLevel(level: number): number {
  if (!Number.isInteger(level) || level < 1 || level > 19) {
    throw new ZnipError('usage', `level ${level} is out of range: it must be from 1 to 19`);
  }
  return level;
}

function checkLong(long: boolean): boolean {
  if (long && !codec().findsLongDistances) {
    throw new ZnipError(
      'codec-unavailable',
      '`long` needs the native core or Node.js 22.15 or newer: use one of them, or pack without `long`',
    );
  }
  return long;
}

function checkBase({ base, baseOptional, baseAny, trustMtime }: BaseOptions): void {
  if (base !== undefined) return;
  for (const [name, value] of Object.entries({ baseOptional, baseAny, trustMtime })) {
    if (value === true) throw new ZnipError('usage', `\`${name}\` needs a \`base\``);
  }
}

/**
 * Packs what `openInput` gives. `check` sees a file when it is complete and has no name yet; it gets none when
 * that throws. Throws ZnipError: `usage` for an option out of range, `codec-unavailable`, `io` for the output.
 */
export async function writeArchive(
  options: ArchiveOptions,
  openInput: (context: InputContext) => Input | Promise<Input>,
  check?: (output: Output) => Promise<void>,
): Promise<PackResult> {
  const start = milliseconds();
  const { signal } = options;
  const threads = resolveThreads(options.threads);
  const level = checkLevel(options.level ?? DEFAULT_LEVEL);
  const long = checkLong(options.long ?? false);
  checkBase(options);
  const asked = options.chunkSize ?? (long ? LONG_CHUNK_SIZE : undefined);
  const givenChunkSize = asked === undefined ? undefined : checkChunkSize(asked);
  const { to, file } = await outputOf(options);
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
      // A large file is read in parts, and each part may find the same problem.
      const problem = `${warning.path}\0${warning.reason}`;
      if (told.has(problem)) return;
      told.add(problem);
      failedInputs += 1;
    }
    options.onWarning?.(warning);
  };

  const attributes = new AttributeNotes();
  const note = (path: string, reason: string): void => onWarning({ path, reason, failed: false });
  let base: Base | undefined;
  const blobs = { blobBytes: 0, takenBytes: 0, damagedBlobs: 0 };

  try {
    if (options.base !== undefined) {
      const { Base: Opened } = await import('./base/base.ts');
      base = await Opened.open(options.base, options, note, signal);
    }
    const opening = openInput({
      own: file?.own ?? NO_OUTPUT,
      enough: givenChunkSize === undefined ? SETTLED_TOTAL : INLINE_TOTAL,
      groups: {
        packageType: options.packageType,
        repo: options.repo,
        repoFromDirectory: options.repoFromDirectory ?? false,
      },
      onWarning,
      onAttributes(found, source) {
        const missing = attributes.note(found, () => toText(source));
        if (missing !== undefined) onWarning(missing);
      },
      onFound: (members, bytes) => {
        progress.foundMembers += members;
        progress.foundBytes += bytes;
      },
      onAllFound: () => {
        progress.allFound = true;
      },
    });
    const {
      total,
      leastChunkSize = 0,
      plans,
      rewrites,
      isMixed = false,
      // Input may never come.
    } = opening instanceof Promise ? await unlessAborted(opening, signal) : opening;
    const chunkSize = givenChunkSize ?? chooseChunkSize(total, leastChunkSize);
    const plan = planPackMemory(options.memory, total < INLINE_TOTAL ? 1 : threads, { chunkSize, level });
    const spool = rewrites === true && file?.rewritable !== true ? openSpool() : undefined;
    const name = file?.name ?? 'the stream';
    const made = { producer: `znip ${VERSION}`, codec: codec().name, level, longDistance: long, chunkSize };
    const used = await base?.use(made, options);
    if (typeof used === 'string') note(options.base ?? '', used);
    const taken = typeof used === 'object' ? used : undefined;
    try {
      const source: PlanSource = (acquire) => {
        const found = plans(chunkSize, acquire);
        return taken === undefined || base === undefined ? found : trusted(found, base);
      };
      const summary = await runPipeline(source, {
        threads: plan.threads,
        slots: plan.slots,
        settings: {
          level,
          windowLog: windowLogFor(chunkSize),
          longDistance: long,
          chunkSize,
          producer: made.producer,
          isMixed: isMixed || taken?.isMixed === true,
          indexBytes: wholeMebibytes(plan.left),
        },
        base: taken?.blobs,
        output: spool?.fd ?? to,
        outputName: spool?.name ?? name,
        onReport({ warnings, attributes: noticed, ...report }) {
          blobs.blobBytes += report.blobBytes;
          blobs.takenBytes += report.takenBytes;
          blobs.damagedBlobs += report.damagedBlobs;
          warnings.forEach(onWarning);
          attributes.merge(noticed);
        },
        onChunk: (chunk, archiveBytes) => {
          progress.members += chunk.members.count;
          progress.contentBytes += contentLength(chunk);
          progress.archiveBytes = archiveBytes;
          options.onProgress?.(progress);
        },
        signal,
      });
      if (spool !== undefined) {
        await copySpool(spool, typeof to === 'number' ? new FdSink(to, name, signal) : to);
      }
      const others = attributes.warning();
      if (others !== undefined) onWarning(others);
      const { blobBytes, takenBytes, damagedBlobs } = blobs;
      if (damagedBlobs > 0) {
        const were = damagedBlobs === 1 ? 'was' : 'were';
        note(
          options.base ?? '',
          `the base is damaged: ${damagedBlobs} of its blobs ${were} not taken over, but made anew`,
        );
      }
      if (file !== undefined) await check?.(file);
      file?.commit();
      return { ...summary, failedInputs, blobBytes, takenBytes, elapsedMs: milliseconds() - start };
    } finally {
      spool?.close();
    }
  } finally {
    base?.close();
    file?.discard();
  }
}

/** The plans, with what the base knows about their files. */
async function* trusted(
  plans: Iterable<ChunkPlan> | AsyncIterable<ChunkPlan>,
  base: Base,
): AsyncGenerator<ChunkPlan, void> {
  for await (const plan of plans) yield base.trust(plan);
}

/** Less than one is not worth dividing: with the least memory, no part of the index stays in memory. */
function wholeMebibytes(bytes: number): number {
  return bytes - (bytes % (1024 * 1024));
}

/** Where the archive goes, and the file or pipe behind that; a sink of the caller's has none. */
async function outputOf({
  output,
  signal,
}: ArchiveOptions): Promise<{ to: number | Sink; file: Output | undefined }> {
  if (typeof output === 'object') return { to: output, file: undefined };
  const file =
    typeof output === 'string'
      ? await openOutput(output, signal)
      : descriptorOutput(output, 'standard output');
  return { to: file.fd, file };
}
