/**
 * Streams that others made: tells what they are by their first bytes, and turns them into tar.
 */
import { createGunzip } from 'node:zlib';
import { ZnipError } from '../errors.ts';
import { ANY_SKIPPABLE_MAGIC, TAR_RECORD, ZSTD_MAGIC } from '../format/constants.ts';
import { isArchiveName, startsAsArchive } from '../format/marks.ts';
import { isHeader } from '../format/tar/record.ts';
import { FrameScanner } from '../format/zstd-scanner.ts';
import { type ByteStream, IterableStream } from './byte-stream.ts';

export type StreamKind = 'znip' | 'zstd' | 'gzip' | 'tar';

/** Bytes that tell one kind from another. */
const PROBE_LENGTH = TAR_RECORD;

/**
 * What a stream is: an archive of znip where it has any mark of one. Throws `not-an-archive` when it is nothing that znip reads, `truncated` when it is empty.
 */
export async function detectStream(stream: ByteStream): Promise<StreamKind> {
  const kind = await kindOf(stream);
  // In messages, a file's name has quotes around it.
  if (kind === 'znip' || !isArchiveName(stream.name.replace(/'$/, ''))) return kind;
  throw new ZnipError(
    'not-an-archive',
    `${stream.name} is called a znip archive but begins as a ${kind} stream: it is damaged, and recover unpacks what is whole, or another kind of file, which needs another name`,
  );
}

async function kindOf(stream: ByteStream): Promise<StreamKind> {
  const start = await stream.peek(PROBE_LENGTH);
  if (start.byteLength === 0)
    throw new ZnipError('truncated', `${stream.name} is empty: expected an archive`);
  const isTar = start.byteLength === TAR_RECORD && start.toString('latin1', 257, 262) === 'ustar';
  if (!isTar && startsAsArchive(start)) return 'znip';
  if (start.byteLength >= 4) {
    const magic = start.readUInt32LE(0);
    // A zstd stream may begin with a skippable frame, as those of pzstd do.
    if (magic === ZSTD_MAGIC || (magic & 0xfffffff0) >>> 0 === ANY_SKIPPABLE_MAGIC) return 'zstd';
    if ((magic & 0xffff) === 0x8b1f) return 'gzip';
  }
  // Plain v7 has no magic: its checksum tells it, and zeros are an archive of nothing.
  if (isTar || (start.byteLength === TAR_RECORD && isHeader(start, 0))) return 'tar';
  throw new ZnipError(
    'not-an-archive',
    `${stream.name} is no archive that znip reads: expected a .znip, .tar, .tar.zst or .tar.gz`,
  );
}

/** The tar stream within a stream of this kind. */
export async function openTarStream(stream: ByteStream, kind: StreamKind): Promise<ByteStream> {
  if (kind === 'gzip') return new IterableStream(stream.name, gunzip(stream));
  if (kind === 'zstd') return new IterableStream(stream.name, await unzstd(stream));
  return stream;
}

const PIECE = 128 * 1024;

/** Frames and blocks that are decoded at once, to 8 MiB at most: a block of four bytes may come to 128 KiB. */
const HEADERS = 64;

async function* pieces(stream: ByteStream): AsyncGenerator<Buffer, void> {
  for (;;) {
    const piece = Buffer.alloc(PIECE);
    const read = await stream.readInto(piece);
    if (read > 0) yield piece.subarray(0, read);
    if (read < PIECE) return;
  }
}

async function* gunzip(stream: ByteStream): AsyncGenerator<Uint8Array, void> {
  const { Readable } = await import('node:stream');
  const source = Readable.from(pieces(stream), { objectMode: false });
  const decoder = createGunzip();
  // Errors of the source have to reach whoever reads the decoder.
  source.on('error', (error) => decoder.destroy(error));
  try {
    for await (const piece of source.pipe(decoder)) yield piece as Buffer;
  } catch (error) {
    throw decodeError(stream, 'gzip', error);
  }
}

async function unzstd(stream: ByteStream): Promise<AsyncIterable<Uint8Array>> {
  const { Decompress } = await import('fzstd');
  return decodeZstd(stream, Decompress);
}

interface ZstdDecoder {
  push(piece: Uint8Array, final?: boolean): void;
}

/**
 * zstd streams of any making: windows, several frames, no content size. The codec's packages decode whole
 * frames only, which may be of any size here, so this is left to fzstd, which streams.
 */
async function* decodeZstd(
  stream: ByteStream,
  Decoder: new (onData: (data: Uint8Array) => void) => ZstdDecoder,
): AsyncGenerator<Uint8Array, void> {
  const decoded: Uint8Array[] = [];
  const decoder = new Decoder((data) => void decoded.push(data));
  const scanner = new FrameScanner((tag) => {
    throw archiveWithin(stream, tag);
  });
  try {
    for await (const piece of pieces(stream)) {
      for (let at = 0; at < piece.byteLength;) {
        const length = scanner.advance(piece.subarray(at), HEADERS);
        decoder.push(piece.subarray(at, at + length));
        at += length;
        yield* decoded.splice(0);
      }
    }
    if (!scanner.isBetweenFrames) throw new Error('unexpected EOF');
    decoder.push(new Uint8Array(0), true);
  } catch (error) {
    throw decodeError(stream, 'zstd', error);
  }
  yield* decoded.splice(0);
}

/** A stream of others has no frames of znip: the marks at its beginning are damaged, and its hashes count. */
function archiveWithin({ name }: ByteStream, tag: string): ZnipError {
  return new ZnipError(
    'damaged-block',
    `${name} does not begin as a znip archive, but has parts of one (${tag}): its beginning is damaged; recover unpacks what is whole`,
    { offset: 0 },
  );
}

function decodeError(stream: ByteStream, kind: string, error: unknown): ZnipError {
  if (error instanceof ZnipError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  const cut = /unexpected (?:end|EOF)/i.test(reason);
  return new ZnipError(
    cut ? 'truncated' : 'damaged-block',
    `${stream.name}: the ${kind} stream ${cut ? 'was cut short' : 'is damaged'}: ${reason}`,
    {},
    error,
  );
}
