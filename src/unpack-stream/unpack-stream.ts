/**
 * Unpacks an archive while it arrives, in one pass: the library's `unpackStream`. Main thread.
 */
import { openSpooled, refuseForeign } from '../archive/spooled-archive.ts';
import type { Frame } from '../format/tables/frame-table.ts';
import { type ByteStream, toStream } from '../io/byte-stream.ts';
import { detectStream, openTarStream } from '../io/foreign-stream.ts';
import { unpack, type UnpackResult } from '../unpack/unpack.ts';
import { salvage } from './salvage.ts';
import { StreamRun, type UnpackStreamOptions as StreamRunOptions } from './stream-run.ts';
import { unpackBlocks } from './unpack-blocks.ts';
import { unpackTar } from './unpack-foreign.ts';

export interface UnpackStreamOptions extends StreamRunOptions {
  /** Refuse a .tar, .tar.zst or .tar.gz that znip did not make: it has no index and fewer hashes. Default: false. */
  requireIndex?: boolean | undefined;
  /**
   * The root hash that the archive must have, in hexadecimal. It comes last, so the archive waits in an unnamed file
   * in `TMPDIR` until the hash arrives, and is then unpacked by its index. Nothing is written from any other archive.
   */
  root?: string | undefined;
}

/**
 * Unpacks an archive from a descriptor or a stream, and closes it at the end: a znip archive, or a .tar, .tar.zst or
 * .tar.gz that znip did not make.
 *
 * If a stream is cut short or damaged, the members that had arrived whole stay, and this throws: `truncated`,
 * `damaged-block`, `inconsistent`, `unsafe-path`, `unsafe-link`, `not-an-archive`. If names were taken, it throws
 * `exists`, after everything else is written, as `unpack` does. `limit` is thrown before anything of the member that
 * exceeds it is written.
 *
 * With `keep-newer`, a member of a znip archive replaces a file if its time is newer by whole seconds: the rest of the
 * time is in the index, which comes last.
 *
 * With `keepGoing`, damaged members of a znip archive are told to `onDamaged` and counted in the result, and everything
 * else is unpacked. The index, when it comes, says which members a damaged blob held.
 *
 * With `requireIndex`, any other stream is `not-an-archive`. With `root`, `root-mismatch` is thrown before anything
 * is written.
 */
export async function unpackStream(
  source: number | ByteStream,
  options: UnpackStreamOptions = {},
): Promise<UnpackResult> {
  const stream = toStream(source, options.name, options.signal);
  try {
    if (options.root !== undefined) return await unpackSpooled(stream, options, options.root);
    const kind = await detectStream(stream);
    if (options.requireIndex === true) refuseForeign(stream, kind);
    const run = new StreamRun(options, kind);
    try {
      return await run.unpack(async () => {
        if (kind !== 'znip') {
          await unpackTar(run, await openTarStream(stream, kind, options.memory), stream);
        } else if (options.keepGoing === true) await salvage(run, stream, []);
        else await unpackBlocks(run, stream);
      });
    } finally {
      await run.stop();
    }
  } finally {
    await stream.close();
  }
}

async function unpackSpooled(
  stream: ByteStream,
  options: UnpackStreamOptions,
  root: string,
): Promise<UnpackResult> {
  const archive = await openSpooled(stream, { root });
  try {
    return await unpack(archive, options);
  } finally {
    archive.close();
  }
}

/**
 * Unpacks everything that is whole in a znip archive. Any part of it may be damaged or missing, even the beginning:
 * this is `unpackStream` with `keepGoing`, for what can no longer be recognised as an archive. Throws `not-an-archive`
 * if it has no whole block. `frames` is a frame table that can be trusted, or empty.
 */
export async function salvageStream(
  source: number | ByteStream,
  options: UnpackStreamOptions,
  frames: readonly Frame[],
): Promise<UnpackResult> {
  const stream = toStream(source, options.name, options.signal);
  try {
    const run = new StreamRun({ ...options, keepGoing: true }, 'znip');
    try {
      return await run.unpack(() => salvage(run, stream, frames));
    } finally {
      await run.stop();
    }
  } finally {
    await stream.close();
  }
}
