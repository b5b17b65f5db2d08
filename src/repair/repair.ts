/**
 * Writes a good archive from the whole parts of a damaged one: the library's `repair`. Main thread.
 */
import { readSync, statSync } from 'node:fs';
import { ioError, ZnipError, type ZnipErrorCode } from '../errors.ts';
import { MAX_CHUNK_SIZE, MIN_CHUNK_SIZE } from '../format/values/constants.ts';
import { openOutput, type Output } from '../io/output.ts';
import { FileSource } from '../io/source.ts';
import { writeArchive } from '../pack/run.ts';
import { fstat, isSameFile } from '../posix/stat.ts';
import { writeFully } from '../posix/write.ts';
import type { LostMember } from '../rules/lost.ts';
import type { CheckedIndex } from '../verify/index-check.ts';
import { verifySource, type VerifyProgress, type VerifyReport } from '../verify/verify.ts';
import { rescuedChunks } from './rescued-chunks.ts';
import { Survey } from './survey.ts';
import { milliseconds } from '../threads/clock.ts';

export interface RepairOptions {
  /** Where the new archive goes. It must not be the damaged one. */
  output: string;
  /** Worker threads, 1 to 256. Default: one for each core. */
  threads?: number | undefined;
  /** Called for each member that is whole and is left out all the same: refused, or a link to what is lost. */
  onRefused?: ((lost: LostMember) => void) | undefined;
  /** While the damaged archive is verified, which is the first half of the work. */
  onProgress?: ((progress: VerifyProgress) => void) | undefined;
  signal?: AbortSignal | undefined;
}

/** The result of a repair. */
export interface RepairResult {
  /** What was wrong with the damaged archive, and which members are lost because of it. */
  report: VerifyReport;
  /** Nothing was wrong, so the new archive is the same, byte for byte. */
  copied: boolean;
  /** Members of the new archive. */
  members: number;
  /** Bytes of the new archive. */
  archiveBytes: number;
  /** Root hash of the new archive, in hexadecimal. */
  rootHash: string;
  /** Members that are whole but were left out. */
  refused: number;
  /**
   * Sub-indexes were whole, so times are exact, and groups and owners are the original ones. Otherwise, times are exact
   * to the second, package types follow from names, and there are no repos.
   */
  byIndex: boolean;
  /** How long it took, in milliseconds. */
  elapsedMs: number;
}

/**
 * Writes an archive of all whole members of the archive file `path`. If nothing is wrong with it, the archive is
 * copied. The new one gets its name when it is complete, verified and flushed. If anything fails before, an earlier
 * file with that name stays.
 *
 * Throws ZnipError: `not-an-archive` if nothing in the file is whole, `unsupported-version`, `usage` if the output is
 * the damaged archive, `io`.
 */
export async function repair(path: string, options: RepairOptions): Promise<RepairResult> {
  const source = new FileSource(path);
  try {
    return await repairFile(source, options);
  } finally {
    source.close();
  }
}

/** Uses one descriptor for everything, so that it writes what it verified. */
async function repairFile(source: FileSource, options: RepairOptions): Promise<RepairResult> {
  const start = milliseconds();
  const { name: path } = source;
  refuseOutput(source, options.output);
  const survey = new Survey();
  const { output, onRefused, ...rest } = options;
  const { report, index } = await verifySource(source, rest, (walked) => survey.take(walked));
  let refused = 0;
  let written: VerifyReport | undefined;
  const check = async (made: Output): Promise<void> => {
    written = await checkMade(path, made, report, options);
  };
  if (report.ok) await copyFile(source, options, check);
  else {
    if (report.blobs === 0) {
      throw new ZnipError(
        'not-an-archive',
        `'${path}' holds no whole block of a znip archive: nothing can be repaired`,
      );
    }
    const onRefusedMember = (lost: LostMember): void => {
      refused += 1;
      onRefused?.(lost);
    };
    await rewrite(source, options, { survey, index, onRefused: onRefusedMember, check });
  }
  if (written === undefined) throw new ZnipError('internal', `'${output}' was not verified`);
  return {
    report,
    copied: report.ok,
    members: written.members,
    archiveBytes: written.archiveBytes,
    rootHash: written.rootHash ?? '',
    refused,
    byIndex: index?.allEntries === true,
    elapsedMs: milliseconds() - start,
  };
}

/** Verifies the new archive before it gets its name. Throws `inconsistent` if it is not whole, or not a copy. */
async function checkMade(
  path: string,
  { temporary, fd }: Output,
  report: VerifyReport,
  { output, threads, signal }: RepairOptions,
): Promise<VerifyReport> {
  if (temporary === undefined) throw notAFile(output);
  let why: string;
  const source = new FileSource(temporary);
  try {
    if (!isSameFile(fstat(fd), fstat(source.fd))) {
      throw new ZnipError(
        'io',
        `'${temporary}' was replaced while it was written: write to another directory`,
        {
          path: temporary,
        },
      );
    }
    const checkOptions = {
      ...(threads === undefined ? {} : { threads }),
      ...(signal === undefined ? {} : { signal }),
    };
    const { report: made } = await verifySource(source, checkOptions, () => {});
    const isCopy = !report.ok || made.rootHash === report.rootHash;
    if (made.ok && isCopy) return made;
    why = made.damage[0]?.message ?? 'it is another archive now';
  } catch (error) {
    const unknown = error instanceof ZnipError && NO_ARCHIVE.has(error.code);
    if (!unknown) throw error;
    why = error.message;
  } finally {
    source.close();
  }
  throw new ZnipError(
    'inconsistent',
    `what was made of '${path}' is not whole, so '${output}' is as it was before: ${why}; perhaps '${path}' was changed meanwhile`,
    { path: output },
  );
}

/** The errors of verify for a file that is not even a damaged archive. */
const NO_ARCHIVE: ReadonlySet<ZnipErrorCode> = new Set<ZnipErrorCode>([
  'not-an-archive',
  'unsupported-version',
]);

interface RewriteContext {
  survey: Survey;
  index: CheckedIndex | undefined;
  onRefused: (lost: LostMember) => void;
  check: (made: Output) => Promise<void>;
}

async function rewrite(
  source: FileSource,
  { output, threads, signal }: RepairOptions,
  { survey, index, onRefused, check }: RewriteContext,
): Promise<void> {
  const chunkSize = survey.blocks.reduce((size, block) => Math.max(size, block.chunkLength), MIN_CHUNK_SIZE);
  const total = survey.blocks.reduce((sum, block) => sum + block.chunkLength, 0);
  const level = Number(index?.archive.manifest.metadata.get('znip.level'));
  await writeArchive(
    {
      output,
      chunkSize: Math.min(chunkSize, MAX_CHUNK_SIZE),
      ...(Number.isInteger(level) && level >= 1 && level <= 19 ? { level } : {}),
      ...(threads === undefined ? {} : { threads }),
      ...(signal === undefined ? {} : { signal }),
    },
    () => ({
      total,
      plans: (_, acquire) => rescuedChunks(acquire, { source, survey, entries: index?.entries, onRefused }),
    }),
    check,
  );
}

const PIECE = 1024 * 1024;

async function copyFile(
  source: FileSource,
  { output: name, signal }: RepairOptions,
  check: (made: Output) => Promise<void>,
): Promise<void> {
  const output = await openOutput(name, signal);
  try {
    const piece = Buffer.alloc(PIECE);
    for (let offset = 0; ;) {
      signal?.throwIfAborted();
      const length = readPiece(source, piece, offset);
      if (length === 0) break;
      writeOut(output, piece.subarray(0, length));
      offset += length;
    }
    await check(output);
    output.commit();
  } finally {
    output.discard();
  }
}

/** Reads as far as the file goes now. Its length may have changed since it was verified; this is noticed at the end. */
function readPiece({ fd, name }: FileSource, piece: Buffer, offset: number): number {
  try {
    return readSync(fd, piece, 0, piece.byteLength, offset);
  } catch (error) {
    throw ioError('copy', name, error);
  }
}

function writeOut({ fd, name }: Output, piece: Uint8Array): void {
  try {
    writeFully(fd, piece);
  } catch (error) {
    throw ioError('write', name, error);
  }
}

/** The damaged archive may be the only copy. And znip must be able to read what it wrote. */
function refuseOutput(source: FileSource, output: string): void {
  const to = statSync(output, { bigint: true, throwIfNoEntry: false });
  if (to !== undefined && !to.isFile() && !to.isDirectory()) throw notAFile(output);
  if (to === undefined || !isSameFile(fstat(source.fd), to)) return;
  throw new ZnipError(
    'usage',
    `'${output}' is the archive that is to be repaired: give the new one another name`,
    {
      path: output,
    },
  );
}

function notAFile(output: string): ZnipError {
  return new ZnipError('usage', `'${output}' is no regular file: expected the name of one, to be verified`, {
    path: output,
  });
}
