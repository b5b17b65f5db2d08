/**
 * Writes an archive that is made from others: what merging and repacking have in common.
 */
import { codec } from '../codec/codec.ts';
import { differentSetting, type MadeWith } from '../format/metadata.ts';
import { findFrame } from '../format/tables/frame-table.ts';
import { MAX_CHUNK_SIZE, MIN_CHUNK_SIZE } from '../format/values/constants.ts';
import { type ArchiveOptions, type PackResult, writeArchive } from '../pack/run.ts';
import { VERSION } from '../version.ts';
import { grownChunks } from './grown-chunks.ts';
import type { GrowSource } from './grow-source.ts';

/** How an archive is made from others. */
export type GrowOptions = Pick<
  ArchiveOptions,
  'output' | 'level' | 'threads' | 'memory' | 'onWarning' | 'onProgress' | 'signal'
>;

/** Used where the sources do not agree. */
const DEFAULT_LEVEL = 3;

/** Writes what goes in of the sources, one behind the other. With `recompress`, every chunk is compressed anew. */
export async function writeGrown(
  sources: readonly GrowSource[],
  options: GrowOptions,
  recompress: boolean,
): Promise<PackResult> {
  const chunkSize = Math.min(
    MAX_CHUNK_SIZE,
    sources.reduce((size, one) => Math.max(size, longest(one)), MIN_CHUNK_SIZE),
  );
  const level = options.level ?? commonLevel(sources);
  const made: MadeWith = {
    producer: `znip ${VERSION}`,
    codec: codec().name,
    level,
    longDistance: false,
    chunkSize,
  };
  const isMixed =
    !recompress &&
    sources.some(({ archive }) => differentSetting(archive.manifest.metadata, made) !== undefined);
  const total = sources.reduce((sum, { frames }) => sum + (frames.at(-1)?.streamOffset ?? 0), 0);
  const threads = options.threads ?? (recompress || isMuchRemade(sources) ? undefined : 1);
  return writeArchive({ ...options, level, chunkSize, threads }, ({ onFound, onAllFound, onWarning }) => {
    for (const { name, unknown } of sources) {
      if (unknown !== undefined) onWarning({ path: name, reason: unknown, failed: true });
    }
    onFound(
      sources.reduce((sum, { entries }) => sum + entries.length, 0),
      sources.reduce(
        (sum, { archive }) => sum + archive.groups().reduce((all, one) => all + one.contentBytes, 0),
        0,
      ),
    );
    onAllFound();
    return {
      total,
      isMixed,
      plans: (_, acquire) => grownChunks(sources, acquire, { chunkSize, recompress }),
    };
  });
}

/** Bytes of chunks that are made anew; for fewer, starting threads takes longer than the work. */
const THREADS_BYTES = 64 * 1024 * 1024;

/** Whether threads are worth it: copying goes as fast on one. */
function isMuchRemade(sources: readonly GrowSource[]): boolean {
  let bytes = 0;
  for (const { entries, frames, kept } of sources) {
    let last = -1;
    for (let position = kept.indexOf(0); position >= 0; position = kept.indexOf(0, position + 1)) {
      const { batch, row } = entries.at(position);
      const frame = findFrame(frames, (batch.streamOffsets[row] ?? 0) - 1);
      if (frame !== last) bytes += frames[frame]?.streamLength ?? 0;
      last = frame;
    }
  }
  return bytes > THREADS_BYTES;
}

/** The chunk size of an archive; if it does not say, that of its longest chunk. */
function longest({ archive, frames }: GrowSource): number {
  const stated = Number(archive.manifest.metadata.get('znip.chunk_size'));
  const found = frames.reduce((size, { streamLength }) => Math.max(size, streamLength), 0);
  return Number.isInteger(stated) && stated >= found ? stated : found;
}

function commonLevel(sources: readonly GrowSource[]): number {
  const levels = new Set(sources.map(({ archive }) => Number(archive.manifest.metadata.get('znip.level'))));
  const [level = NaN] = levels;
  return levels.size === 1 && Number.isInteger(level) && level >= 1 && level <= 19 ? level : DEFAULT_LEVEL;
}
