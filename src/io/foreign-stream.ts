/**
 * Streams that others made: recognises them by their first bytes, and turns them into tar.
 */
import { type ForeignFile, ZnipError } from '../errors.ts';
import { commandFor } from '../format/foreign-kinds.ts';
import { isHeader } from '../format/tar/record.ts';
import { ANY_SKIPPABLE_MAGIC, TAR_RECORD, ZSTD_MAGIC } from '../format/values/constants.ts';
import { isArchiveName, startsAsArchive } from '../format/zstd/marks.ts';
import { type ByteStream, IterableStream } from './byte-stream.ts';
import { gunzip } from './gzip-stream.ts';
import { unzstd } from './zstd-stream.ts';

export type StreamKind = 'znip' | 'zstd' | 'gzip' | 'tar';

/** How many bytes are needed to recognise a kind. */
const PROBE_LENGTH = TAR_RECORD;

/**
 * What a stream is. With any mark of a znip archive, it is such an archive. Throws `not-an-archive` if znip cannot read
 * it, and `truncated` if it is empty.
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
  const isRecord = start.byteLength === TAR_RECORD && isHeader(start, 0);
  const hasMagic = start.toString('latin1', 257, 262) === 'ustar';
  // The name of a tar's first member may look like a mark. A stored blob may hold the magic of tar in its place, or
  // bytes whose sum fits a header. Both at once cannot happen by chance.
  if (!(isRecord && hasMagic) && startsAsArchive(start)) return 'znip';
  if (start.byteLength >= 4) {
    const magic = start.readUInt32LE(0);
    // A zstd stream may begin with a skippable frame, like those of pzstd.
    if (magic === ZSTD_MAGIC || (magic & 0xfffffff0) >>> 0 === ANY_SKIPPABLE_MAGIC) return 'zstd';
    if ((magic & 0xffff) === 0x8b1f) return 'gzip';
  }
  // Plain v7 has no magic. A damaged header is still recognised as tar by its magic.
  if (isRecord || hasMagic) return 'tar';
  const other = commandFor(start);
  if (other !== undefined) {
    const path = /^'(.*)'$/.exec(stream.name)?.[1];
    const { what, by, command } = other;
    const foreign: ForeignFile = { what, kind: 'compressed', command, expected: 'stream' };
    throw new ZnipError(
      'not-an-archive',
      `${stream.name} is compressed by ${by}, which znip does not read`,
      path === undefined ? { foreign } : { path, foreign },
    );
  }
  throw new ZnipError(
    'not-an-archive',
    `${stream.name} is no archive that znip reads: expected a .znip, .tar, .tar.zst or .tar.gz`,
  );
}

/** The tar stream within a stream of this kind. `memory`: bytes that may be taken, if there is a limit. */
export async function openTarStream(
  stream: ByteStream,
  kind: StreamKind,
  memory?: number,
): Promise<ByteStream> {
  if (kind === 'gzip') return new IterableStream(stream.name, gunzip(stream));
  if (kind === 'zstd') return new IterableStream(stream.name, await unzstd(stream, memory));
  return stream;
}
