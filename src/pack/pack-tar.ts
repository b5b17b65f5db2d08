/**
 * Makes an archive of an existing tar stream: the library's `packTar`.
 */
import { ZnipError } from '../errors.ts';
import { toText } from '../format/values/byte-string.ts';
import { ByteStream, IterableStream, toStream } from '../io/byte-stream.ts';
import { detectStream, openTarStream } from '../io/foreign-stream.ts';
import { longestHeaders } from './plan/longest-headers.ts';
import { chunkTar } from './plan/tar-chunks.ts';
import { type ArchiveOptions, type PackResult, writeArchive } from './run.ts';

export interface PackTarOptions extends ArchiveOptions {
  /** What the source is called in messages. Default: `standard input`, `the tar stream`. */
  name?: string | undefined;
}

/**
 * Re-frames a tar stream: the archive's tar stream is that of `source`, byte for byte, and its index is made
 * from the tar headers. `source` is a descriptor open for reading, a stream, or pieces of bytes such as a
 * `Readable` gives; .tar.gz and .tar.zst are taken as well, by what they begin with. One pass, in memory bounded by the
 * ring and what is read ahead, 64 MiB, to choose the chunk size.
 *
 * Members that the index does not know (devices, FIFOs, sparse files, …) stay in the tar stream, and so do names that
 * `unpack` refuses. Both are reported by `onWarning` and counted in the result.
 *
 * Throws ZnipError, and leaves the old file at the output unchanged: `truncated` if the stream ends before the zeros
 * that end a tar archive, `damaged-block` if it is not a tar stream, `not-an-archive` if it does not begin like one,
 * `limit` if headers or a name are longer than an archive can hold, `usage` for an option out of range and for a znip
 * archive, `io` if input or output fail.
 */
export async function packTar(
  source: number | AsyncIterable<Uint8Array> | ByteStream,
  options: PackTarOptions,
): Promise<PackResult> {
  const stream =
    typeof source === 'number' || source instanceof ByteStream
      ? toStream(source, options.name, options.signal)
      : new IterableStream(options.name ?? 'the tar stream', source, options.signal);
  let tar: ByteStream = stream;
  try {
    return await writeArchive(options, async ({ enough, groups, onWarning, onFound, onAllFound }) => {
      const kind = await detectStream(stream);
      if (kind === 'znip') {
        throw new ZnipError(
          'usage',
          `${stream.name} is a znip archive already: to pack its tar stream anew, pipe it from \`readTar\``,
        );
      }
      tar = await openTarStream(stream, kind, options.memory);
      const total = await tar.readAhead(enough);
      return {
        total,
        leastChunkSize: options.chunkSize === undefined ? longestHeaders(tar.held) : 0,
        plans: (chunkSize, acquire) =>
          chunkTar(tar, acquire, {
            chunkSize,
            groups,
            onWarning,
            onMember: ({ path, size }) => {
              onFound(1, size);
              options.onMember?.(toText(path));
            },
            onEnd: onAllFound,
          }),
      };
    });
  } finally {
    await tar.close();
    await stream.close();
  }
}
