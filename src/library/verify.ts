/**
 * Proves that an archive is whole: the library's `verify`.
 */
import {
  verifySource,
  verifyStream,
  type VerifyOptions as RunOptions,
  type VerifyProgress,
  type VerifyReport,
} from '../verify/verify.ts';
import { type Source, toByteSource } from './source.ts';
import { type ByteInput, isByteInput, toByteStream } from './streams.ts';
import { snapshots, type TaskOptions } from './task.ts';

/** For `verify`. */
export interface VerifyOptions
  extends TaskOptions, Pick<RunOptions, 'quick' | 'root' | 'contentRoot' | 'threads'> {
  /** Called as blocks are verified. */
  onProgress?: ((progress: Readonly<VerifyProgress>) => void) | undefined;
}

/**
 * Verifies an archive: its structure, every hash, and that index and tar headers agree. It does not stop at damage, and
 * does not throw for it: everything that is wrong is in the report. A stream is verified in one pass.
 *
 * Throws `ZnipError` if the archive cannot be verified at all: `not-an-archive`, `unsupported-version`, `io`, `usage`
 * for `quick` with a stream, `limit` for more than 16,000,000 members; and the reason of the signal.
 *
 * @example
 * const { ok, damage } = await verify('release.znip', { root: 'c0ffee…' });
 */
export async function verify(source: Source | ByteInput, options: VerifyOptions = {}): Promise<VerifyReport> {
  const { onProgress, ...rest } = options;
  options.signal?.throwIfAborted();
  const runOptions: RunOptions = { ...rest, onProgress: snapshots(onProgress) };
  if (typeof source === 'object' && isByteInput(source)) {
    return verifyStream(toByteStream(source, 'the stream', options.signal), runOptions);
  }
  const bytes = toByteSource(source);
  try {
    return (await verifySource(bytes, runOptions, () => {})).report;
  } finally {
    bytes.close();
  }
}
