/**
 * Packs the bytes of a stream as one file: the library's `packStream`.
 */
import { SETTLED_TOTAL } from '../format/chunk-layout.ts';
import { encodeTarHeader, paddedLength, tarHeaderLength } from '../format/tar/tar-header.ts';
import { toText } from '../format/values/byte-string.ts';
import { TAR_END_LENGTH } from '../format/values/constants.ts';
import { KIND, type Member } from '../format/values/entry.ts';
import { FdStream, IterableStream } from '../io/byte-stream.ts';
import { chunkTar } from './plan/tar-chunks.ts';
import { chunkUnsized } from './plan/unsized-chunks.ts';
import { type ArchiveOptions, type PackResult, writeArchive } from './run.ts';
import { memberName } from './walk/inputs.ts';
import { FIXED_MTIME, metadataOf, type MetadataOptions } from './walk/metadata.ts';

export interface PackStreamOptions extends ArchiveOptions, MetadataOptions {
  /** What the source is called in messages. Default: `standard input`, `the stream`. */
  sourceName?: string | undefined;
}

/**
 * Packs what `source` gives as the one file `name`. `source` is a descriptor open for reading, or pieces of bytes. The
 * file gets the mode of a new file, a fixed time, and, if owners are wanted, the owner of the process. The time is
 * fixed so that the same bytes make the same archive; the true time of a pipe's data is not known anyway.
 *
 * If the stream ends within 64 MiB, its size is known before anything is written, and the archive is the one that
 * `pack` makes of such a file. Otherwise it goes through the ring, and at the end the size is written into its header
 * and the block headers. If the output is a pipe, which cannot be changed later, the compressed archive is kept in an
 * unlinked temporary file (in `TMPDIR`) until then.
 *
 * Throws ZnipError: `usage` for a name that no member may have and for options out of range, `io`.
 */
export async function packStream(
  source: number | AsyncIterable<Uint8Array>,
  name: string,
  options: PackStreamOptions,
): Promise<PackResult> {
  const member = describeMember(name, options);
  const stream =
    typeof source === 'number'
      ? new FdStream(source, options.sourceName ?? 'standard input', options.signal)
      : new IterableStream(options.sourceName ?? 'the stream', source, options.signal);
  try {
    return await writeArchive(options, async ({ groups, onWarning, onFound, onAllFound }) => {
      options.onMember?.(toText(member.path));
      const size = await stream.readAhead(SETTLED_TOTAL);
      if (size >= SETTLED_TOTAL) {
        return {
          total: size,
          rewrites: true,
          plans: (chunkSize, acquire) =>
            chunkUnsized(stream, member, acquire, {
              chunkSize,
              groups,
              onEnd: (length) => {
                onFound(1, length);
                onAllFound();
              },
            }),
        };
      }
      const sized = { ...member, size };
      const tar = new IterableStream(stream.name, tarOf(sized, await stream.peek(size)));
      return {
        total: tarHeaderLength(sized) + paddedLength(size) + TAR_END_LENGTH,
        plans: (chunkSize, acquire) =>
          chunkTar(tar, acquire, {
            chunkSize,
            groups,
            onWarning,
            // The header has no nanoseconds, and lacks the owner if it is not recorded.
            describe: () => sized,
            onMember: () => onFound(1, size),
            onEnd: onAllFound,
          }),
      };
    });
  } finally {
    await stream.close();
  }
}

function describeMember(name: string, options: MetadataOptions): Member {
  const path = memberName(name);
  const recorded = metadataOf(options)(
    {
      mode: 0o666 & ~process.umask(),
      mtime: FIXED_MTIME,
      uid: process.getuid?.() ?? 0,
      gid: process.getgid?.() ?? 0,
    },
    KIND.file,
  );
  const { mode, mtime, uid, gid } = recorded;
  return { path, kind: KIND.file, mode, mtime, size: 0, linkTarget: '', uid, gid };
}

/** A tar stream with one file whose content is already there. */
async function* tarOf(member: Member, content: Uint8Array): AsyncGenerator<Uint8Array, void> {
  const header = Buffer.alloc(tarHeaderLength(member));
  encodeTarHeader(header, 0, member);
  yield header;
  yield content;
  yield new Uint8Array(paddedLength(content.byteLength) - content.byteLength + TAR_END_LENGTH);
}
