/**
 * Writes a good archive from what is whole of a damaged one: the library's `repair`. Main thread.
 */
import { closeSync, openSync, readSync, rmSync, statSync } from 'node:fs';
import { errnoOf, ioError, ZnipError } from '../errors.ts';
import { MAX_CHUNK_SIZE, MIN_CHUNK_SIZE } from '../format/constants.ts';
import { openOutput } from '../pack/output.ts';
import { runPack } from '../pack/run.ts';
import { writeFully } from '../posix/write.ts';
import type { LostMember } from '../read/lost.ts';
import { FileSource } from '../read/source.ts';
import type { CheckedIndex } from '../verify/index-check.ts';
import { verify, verifyFile, type VerifyProgress, type VerifyReport } from '../verify/verify.ts';
import { rescuedChunks } from './rescued-chunks.ts';
import { Survey } from './survey.ts';

export interface RepairOptions {
  /** Where the new archive goes. Never the damaged one. */
  output: string;
  /** Worker threads, 1 to 256. Default: one for each core. */
  threads?: number;
  /** Called for each member that is whole and is left out all the same: refused, or a link to what is lost. */
  onRefused?: (lost: LostMember) => void;
  /** While the damaged archive is verified, which is the first half of the work. */
  onProgress?: (progress: VerifyProgress) => void;
  signal?: AbortSignal;
}

export interface RepairResult {
  /** What was wrong with the damaged archive, and which members that costs. */
  report: VerifyReport;
  /** Nothing was wrong: the new archive is the same, byte for byte. */
  copied: boolean;
  /** Members of the new archive. */
  members: number;
  archiveBytes: number;
  rootHash: string;
  /** Members that are whole and were left out all the same. */
  refused: number;
  /**
   * Sub-indexes were whole, so that times are exact and groups and owners are what they were; otherwise times
   * are exact to the second, package types follow from names, and there are no repos.
   */
  byIndex: boolean;
  elapsedMs: number;
}

/**
 * Writes an archive of all the members of the archive file `path` that are whole, and verifies it. An archive
 * with which nothing is wrong is copied. The new one gets its name when it is complete and flushed.
 *
 * Throws ZnipError: `not-an-archive` when nothing of the file is whole, `unsupported-version`, `usage` when
 * the output is the damaged archive, `io`.
 */
export async function repair(path: string, options: RepairOptions): Promise<RepairResult> {
  const start = performance.now();
  refuseSameFile(path, options.output);
  const survey = new Survey();
  const { output, onRefused, ...rest } = options;
  const { report, index } = await verifyFile(path, rest, (walked) => survey.take(walked));
  let refused = 0;
  try {
    if (report.ok) await copyFile(path, options);
    else {
      if (report.blobs === 0) {
        throw new ZnipError(
          'not-an-archive',
          `'${path}' holds no whole block of a znip archive: nothing can be repaired`,
        );
      }
      await rewrite(path, options, survey, index, (lost) => {
        refused += 1;
        onRefused?.(lost);
      });
    }
  } finally {
    index?.archive.close();
  }
  const { threads, signal } = options;
  const written = await verify(output, {
    ...(threads === undefined ? {} : { threads }),
    ...(signal === undefined ? {} : { signal }),
  });
  if (!written.ok || written.rootHash === null) {
    const why = written.damage[0]?.message ?? 'it has no root hash';
    rmSync(output, { force: true });
    throw new ZnipError(
      'inconsistent',
      `'${output}' was written and removed again, because it is not whole: ${why}`,
      { path: output },
    );
  }
  return {
    report,
    copied: report.ok,
    members: written.members,
    archiveBytes: written.archiveBytes,
    rootHash: written.rootHash,
    refused,
    byIndex: index?.allEntries === true,
    elapsedMs: performance.now() - start,
  };
}

async function rewrite(
  path: string,
  { output, threads, signal }: RepairOptions,
  survey: Survey,
  index: CheckedIndex | undefined,
  onRefused: (lost: LostMember) => void,
): Promise<void> {
  const source = new FileSource(path);
  const chunkSize = survey.blocks.reduce((size, block) => Math.max(size, block.chunkLength), MIN_CHUNK_SIZE);
  const total = survey.blocks.reduce((sum, block) => sum + block.chunkLength, 0);
  const level = Number(index?.archive.manifest.metadata.get('znip.level'));
  try {
    await runPack(
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
    );
  } finally {
    source.close();
  }
}

const PIECE = 1024 * 1024;

async function copyFile(path: string, { output: name, signal }: RepairOptions): Promise<void> {
  const output = await openOutput(name, signal);
  try {
    const fd = openSync(path, 'r');
    try {
      const piece = Buffer.alloc(PIECE);
      for (let read = readSync(fd, piece); read > 0; read = readSync(fd, piece)) {
        signal?.throwIfAborted();
        writeFully(output.fd, piece.subarray(0, read));
      }
    } catch (error) {
      if (errnoOf(error) === undefined) throw error;
      throw ioError('copy', path, error);
    } finally {
      closeSync(fd);
    }
    output.commit();
  } finally {
    output.discard();
  }
}

/** The damaged archive may be the only one there is. */
function refuseSameFile(path: string, output: string): void {
  const [from, to] = [path, output].map((name) => statSync(name, { bigint: true, throwIfNoEntry: false }));
  if (from === undefined || to === undefined || from.ino !== to.ino || from.dev !== to.dev) return;
  throw new ZnipError(
    'usage',
    `'${output}' is the archive that is to be repaired: give the new one another name`,
    {
      path: output,
    },
  );
}
