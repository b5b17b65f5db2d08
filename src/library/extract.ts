/**
 * Unpacks an archive from any kind of source: the library's `extract`.
 */
import { openArchive } from '../archive/archive.ts';
import { ZnipError } from '../errors.ts';
import { type ByteStream, FdStream } from '../io/byte-stream.ts';
import { streamOf } from '../io/source-stream.ts';
import { borrowed, type ByteSource, FileSource } from '../io/source.ts';
import { recoverSource } from '../recover/recover.ts';
import { unpackStream } from '../unpack-stream/unpack-stream.ts';
import type { UnpackResult } from '../unpack/unpack.ts';
import {
  extractIndexed,
  type ExtractOptions,
  type ExtractResult,
  toUnpackOptions,
} from './extract-indexed.ts';
import { type Source, toByteSource } from './source.ts';
import { type ByteInput, isByteInput, toByteStream } from './streams.ts';

/** For `extract`, which opens the archive itself. */
export interface ExtractSourceOptions extends ExtractOptions {
  /** The root hash that the archive must have, in hexadecimal. Nothing is written from any other archive. */
  root?: string | undefined;
  /** Refuse a .tar, .tar.zst or .tar.gz that znip did not make: it has no index and fewer hashes. Default: false. */
  requireIndex?: boolean | undefined;
  /** In a .tar that znip did not make, read on after records of zeros: several archives in a row. Default: false. */
  ignoreZeros?: boolean | undefined;
}

/**
 * Unpacks an archive into a directory, which is created if needed. From a path, a Blob or anything that can be read at
 * any place, this is done by the index and in parallel; from a stream, in one pass. A .tar, .tar.zst or .tar.gz that
 * znip did not make works, too.
 *
 * With `keepGoing`, everything that is whole is unpacked, even if the index is lost or the archive was cut. `lost`
 * events name the rest.
 *
 * Throws `ZnipError`: what `open` and `Archive.extract` throw. If a stream turns out to be cut or damaged, the members
 * that had arrived whole stay.
 *
 * @example
 * await extract(createReadStream('release.znip'), 'somewhere', { existing: 'overwrite' });
 */
export async function extract(
  source: Source | ByteInput,
  directory: string,
  options: ExtractSourceOptions = {},
): Promise<ExtractResult> {
  options.signal?.throwIfAborted();
  if (typeof source === 'object' && isByteInput(source)) {
    return extractStream(toByteStream(source, 'the stream', options.signal), directory, options);
  }
  const bytes = toByteSource(source);
  try {
    return await extractSource(bytes, directory, options);
  } finally {
    bytes.close();
  }
}

async function extractSource(
  source: ByteSource,
  directory: string,
  options: ExtractSourceOptions,
): Promise<ExtractResult> {
  const { root, requireIndex, ignoreZeros: _, ...rest } = options;
  try {
    if (wantsRecovery(options)) return await recoverInto(source, directory, rest, root);
    const archive = await openArchive(borrowed(source, options.signal), { root });
    return await extractIndexed(archive, directory, rest);
  } catch (error) {
    const isForeign = error instanceof ZnipError && error.code === 'not-an-archive';
    const needsIndex = requireIndex === true || root !== undefined || options.changed === true;
    if (!isForeign || needsIndex) throw error;
  }
  return extractStream(fromStart(source, options.signal), directory, options);
}

/** Whether to unpack the archive even if its index is damaged. Only the index can tell groups apart. */
function wantsRecovery({ keepGoing, dryRun, changed, packageTypes, repos }: ExtractOptions): boolean {
  return (
    keepGoing === true &&
    dryRun !== true &&
    changed !== true &&
    packageTypes === undefined &&
    repos === undefined
  );
}

async function recoverInto(
  source: ByteSource,
  directory: string,
  options: ExtractOptions,
  root: string | undefined,
): Promise<ExtractResult> {
  const { events, unpackOptions } = toUnpackOptions(directory, options);
  const { byIndex: _, ...result } = await recoverSource(source, {
    ...unpackOptions,
    root,
    onDoubt: (path, reason) => events.tell({ type: 'doubt', path, reason }),
    onNote: (path, reason) => events.tell({ type: 'note', path, reason }),
    onSkipped: (path, reason) => events.tell({ type: 'skipped', path, reason }),
  });
  return { ...result, events: events.count };
}

/** Starts again from the beginning: a file may have been read at its position before. */
function fromStart(source: ByteSource, signal: AbortSignal | undefined): ByteStream {
  return source instanceof FileSource
    ? new FdStream(source.openAgain(), `'${source.name}'`, signal, true)
    : streamOf(source, signal);
}

async function extractStream(
  stream: ByteStream,
  directory: string,
  { root, requireIndex, ignoreZeros, packageTypes, repos, ...options }: ExtractSourceOptions,
): Promise<ExtractResult> {
  const isPart = packageTypes !== undefined || repos !== undefined;
  if (options.changed === true || isPart) {
    await stream.close();
    const what = isPart ? 'package types and repos need' : '`changed` needs';
    throw new ZnipError(
      'usage',
      `${what} the index, which comes last in a stream: extract from a path or a source`,
    );
  }
  const { events, unpackOptions } = toUnpackOptions(directory, options);
  const result: UnpackResult = await unpackStream(stream, {
    ...unpackOptions,
    root,
    requireIndex,
    ignoreZeros,
    onSkipped: (path, reason) => events.tell({ type: 'skipped', path, reason }),
    onDoubt: (path, reason) => events.tell({ type: 'doubt', path, reason }),
    onNote: (path, reason) => events.tell({ type: 'note', path, reason }),
  });
  return { ...result, events: events.count };
}
