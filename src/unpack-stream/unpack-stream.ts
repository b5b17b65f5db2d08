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
  /** Refuse a .tar, .tar.zst or .tar.gz of others, which has no index and fewer hashes. Default: false. */
  requireIndex?: boolean | undefined;
  /**
   * The root hash that the archive must have, in hexadecimal. It comes last, so the archive waits in an unnamed file
   * in `TMPDIR` until it is there, and is unpacked by its index: nothing is written of any other.
   */
  root?: string | undefined;
}

/**
 * Unpacks what arrives on a descriptor or is a stream already, which is closed at the end: a znip archive, or a .tar,
 * .tar.zst or .tar.gz of others.
 *
 * A stream that is cut short or damaged leaves the members that had arrived whole, and throws: `truncated`,
 * `damaged-block`, `inconsistent`, `unsafe-path`, `unsafe-link`, `not-an-archive`. Names that were taken
 * throw `exists`, after everything else is written, as with `unpack`. `limit` is thrown before anything is
 * written of the member that exceeds it.
 *
 * With `keep-newer`, an archive of znip replaces a file when its time is newer by whole seconds: the rest of
 * the time is in the index, which comes last.
 *
 * With `keepGoing`, what is damaged of a znip archive is told to `onDamaged` and counted in the result, and
 * everything else is unpacked. The index, when it comes, tells which members a damaged blob held.
 *
 * With `requireIndex`, streams of others are `not-an-archive`. With `root`, `root-mismatch` is thrown before anything
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
 * Unpacks all that is whole of a znip archive of which anything may be damaged or missing, the beginning too:
 * `unpackStream` with `keepGoing`, for what is not recognised as an archive any more. Throws `not-an-archive`
 * when there is no whole block in it. `frames` is a frame table that can be believed, or empty.
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
