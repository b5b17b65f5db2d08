/**
 * zstd streams of any origin: any window, several frames, no content size. What each frame states about its content,
 * length and checksum, is compared with the decoded bytes.
 */
import type { ZstdStreamDecoder } from '../codec/backends.ts';
import { codec } from '../codec/codec.ts';
import { type ForeignFile, ZnipError } from '../errors.ts';
import { MAX_WINDOW_SIZE } from '../format/zstd/zstd-frame.ts';
import { FrameScanner } from '../format/zstd/zstd-scanner.ts';
import type { ByteStream } from './byte-stream.ts';
import { cutShort, damagedStream, nextPiece } from './decode-error.ts';

/** Frames and blocks that are decoded at once, for 8 MiB at most: a block of four bytes may decode to 128 KiB. */
const HEADERS = 64;

const FOREIGN: ForeignFile = {
  what: 'a .tar.zst',
  kind: 'compressed',
  command: 'zstd -dc',
  expected: 'stream',
};

/**
 * Windows larger than the default of zstd(1) are only allowed if the user said how much memory there is. Then a window
 * may take half of it, because other things need memory, too.
 */
function windowFor(memory: number | undefined, most: number): number {
  return Math.min(most, memory === undefined ? MAX_WINDOW_SIZE : Math.max(1, Math.floor(memory / 2)));
}

/** A piece is valid until the next one is asked for. */
export async function unzstd(
  stream: ByteStream,
  memory: number | undefined,
): Promise<AsyncIterable<Uint8Array>> {
  const zstd = codec();
  const decoder = await zstd.createStreamDecoder();
  const maxWindow = windowFor(memory, zstd.maxStreamWindow);
  const scanner = new FrameScanner({
    onArchiveFrame: (tag) => {
      throw archiveWithin(stream, tag);
    },
    maxWindow,
    hint: `${maxWindow < zstd.maxStreamWindow ? 'allow twice as much with `memory`, or ' : ''}decompress it first`,
    foreign: FOREIGN,
    stopsAtEnds: true,
  });
  return decodeZstd(stream, scanner, decoder);
}

async function* decodeZstd(
  stream: ByteStream,
  scanner: FrameScanner,
  decoder: ZstdStreamDecoder,
): AsyncGenerator<Uint8Array, void> {
  for (;;) {
    const piece = await nextPiece(stream);
    if (piece.byteLength === 0) break;
    try {
      for (let at = 0; at < piece.byteLength;) {
        const length = scanner.advance(piece.subarray(at), HEADERS);
        yield* decoder.decode(piece.subarray(at, at + length));
        if (scanner.ended !== undefined) yield* decoder.endFrame(scanner.ended);
        at += length;
      }
    } catch (error) {
      throw damagedStream(stream, 'zstd', error);
    }
  }
  if (!scanner.isBetweenFrames) throw cutShort(stream, 'zstd');
}

/**
 * A stream of others has no frames of znip. So this is an archive whose marks at the beginning are damaged, and its
 * hashes must be checked.
 */
function archiveWithin({ name }: ByteStream, tag: string): ZnipError {
  return new ZnipError(
    'damaged-block',
    `${name} does not begin as a znip archive, but has parts of one (${tag}): its beginning is damaged; recover unpacks what is whole`,
    { offset: 0 },
  );
}
