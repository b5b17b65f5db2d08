/**
 * The content of one member, or a range of it. Only the blobs that hold it are read, one at a time. Implements
 * docs/format.md, "Reading", steps 5 and 8.
 */
import { damagedMember, decodeBlob } from '../blocks/decode-blob.ts';
import { codec } from '../codec/codec.ts';
import { ZnipError } from '../errors.ts';
import { findFrame, type Frame } from '../format/tables/frame-table.ts';
import { fromText, toText } from '../format/values/byte-string.ts';
import { equalBytes } from '../format/values/bytes.ts';
import type { Archive } from './archive.ts';
import type { EntryRef } from './entries.ts';
import { entriesNear, findContents, findMembers } from './find-members.ts';

/** A part of a content, in bytes from its start. */
export interface ByteRange {
  /** First byte. Default 0. */
  start?: number | undefined;
  /** End, exclusive; what lies past the content's own end does not count. Default: all the rest. */
  end?: number | undefined;
}

/** Reads chunks of an archive. Keeps the last one, because consecutive members share it. Only one is in memory. */
export class ChunkReader {
  readonly frames: readonly Frame[];
  private readonly archive: Archive;
  private last: { blob: number; chunk: Uint8Array } | undefined;

  constructor(archive: Archive, frames: readonly Frame[]) {
    this.archive = archive;
    this.frames = frames;
  }

  static async open(archive: Archive): Promise<ChunkReader> {
    return new ChunkReader(archive, await archive.frames());
  }

  /** The chunk of a blob, verified. Throws `damaged-block`, `truncated` or `io`. */
  async read(blob: number): Promise<Uint8Array> {
    if (this.last?.blob === blob) return this.last.chunk;
    this.last = undefined;
    const frame = this.frames[blob] as Frame;
    const { blobOffset, blobLength, streamLength } = frame;
    const stored = await this.archive.source.read(blobOffset, blobLength);
    // A new one each time, so that earlier ones stay unchanged for their users.
    const chunk = new Uint8Array(streamLength);
    await decodeBlob(stored, chunk, frame, blob, codec());
    this.last = { blob, chunk };
    return chunk;
  }
}

/**
 * Yields the content of a file member, or a range of it, in pieces that must not be changed. A hard link has the
 * content of its target. `member` is a name, which is looked up in the whole index, or an entry of this archive. To
 * read many members, pass entries.
 *
 * Each chunk is verified against the frame table before a byte of it is yielded. A whole content is also verified
 * against its entry: before anything is yielded if one chunk holds it, and at its end if several do. A range has no
 * hash of its own.
 *
 * Throws ZnipError: `no-match` if there is no such member, `usage` for a directory, a symlink, or a range that starts
 * past the end, `damaged-block`, `damaged-member`, `inconsistent`, `unsafe-link`, `truncated` or `io`.
 */
export async function* readMember(
  archive: Archive,
  member: string | EntryRef,
  range: ByteRange = {},
): AsyncGenerator<Uint8Array, void> {
  yield* readContent(await ChunkReader.open(archive), await findContent(archive, member), range);
}

async function findContent(archive: Archive, member: string | EntryRef): Promise<EntryRef> {
  if (typeof member !== 'string' && member.batch.checksum(member.row) !== null) return member;
  const entries =
    typeof member === 'string' ? await entriesNear(archive, [fromText(member)]) : await archive.entries();
  let ref: EntryRef | undefined;
  if (typeof member === 'string') {
    const name = fromText(member);
    ref = findMembers(entries, [name]).get(name);
    if (ref === undefined) {
      throw new ZnipError('no-match', `'${archive.source.name}' has no member '${member}'`, { member });
    }
  } else ref = member;
  return findContents(entries, [ref])[0] as EntryRef;
}

/** Yields the content of a file's entry; see `readMember`. */
export async function* readContent(
  chunks: ChunkReader,
  file: EntryRef,
  range: ByteRange = {},
): AsyncGenerator<Uint8Array, void> {
  const { batch, row } = file;
  const size = batch.sizes[row] ?? 0;
  const path = batch.path(row);
  const checksum = batch.checksum(row);
  const { start, end } = resolveRange(range, size, toText(path));
  const streamStart = batch.streamOffsets[row] ?? 0;
  const whole = start === 0 && end === size;
  if (start === end) {
    if (whole && !isContent(checksum, new Uint8Array(0))) throw damagedMember(path);
    return;
  }
  const first = findFrame(chunks.frames, streamStart + start);
  const last = findFrame(chunks.frames, streamStart + end - 1);
  if (first < 0 || last < 0) {
    throw new ZnipError('inconsistent', `index: the content of member '${toText(path)}' is in no blob`, {
      member: toText(path),
    });
  }
  const hasher = whole && first !== last ? codec().createHasher() : undefined;
  for (let blob = first; blob <= last; blob++) {
    const chunk = await readFor(chunks, blob, toText(path));
    const { streamOffset } = chunks.frames[blob] as Frame;
    const piece = chunk.subarray(
      Math.max(0, streamStart + start - streamOffset),
      Math.min(chunk.byteLength, streamStart + end - streamOffset),
    );
    if (whole && hasher === undefined && !isContent(checksum, piece)) throw damagedMember(path);
    hasher?.update(piece);
    yield piece;
  }
  if (hasher !== undefined && (checksum === null || !equalBytes(hasher.digest(), checksum))) {
    throw damagedMember(path);
  }
}

function isContent(checksum: Uint8Array | null, content: Uint8Array): boolean {
  return checksum !== null && equalBytes(codec().hash(content), checksum);
}

function resolveRange(
  { start = 0, end = Infinity }: ByteRange,
  size: number,
  member: string,
): { start: number; end: number } {
  if (start > size) {
    throw new ZnipError('usage', `member '${member}' has ${size} bytes: a range cannot start at ${start}`, {
      member,
    });
  }
  if (!(Number.isInteger(start) && start >= 0 && end >= start)) {
    throw new ZnipError('usage', `from ${start} to ${end} is not a range of bytes`, { member });
  }
  return { start, end: Math.min(end, size) };
}

/** A chunk that this member needs. If something is wrong with it, it is wrong with the member. */
async function readFor(chunks: ChunkReader, blob: number, member: string): Promise<Uint8Array> {
  try {
    return await chunks.read(blob);
  } catch (error) {
    if (!(error instanceof ZnipError)) throw error;
    const { code, message, context } = error;
    throw new ZnipError(code, `cannot read member '${member}': ${message}`, { ...context, member }, error);
  }
}
