/**
 * gzip streams of any origin, as in RFC 1952. This module reads headers and trailers, and zlib gets only what is
 * between them. The reason: everything before a fault must come out, but zlib's own gzip reader drops what it has
 * decoded from the bytes in which it finds a fault.
 */
import { createInflateRaw, constants, crc32, type InflateRaw } from 'node:zlib';
import { deferred } from '../threads/deferred.ts';
import type { ByteStream } from './byte-stream.ts';
import { cutShort, damagedStream, nextPiece, PIECE } from './decode-error.ts';

const HEADER_LENGTH = 10;
const TRAILER_LENGTH = 8;
const DEFLATE = 8;
const MAX_WORD = 2 ** 32;
/** Bytes of a member that are read first. */
const FIRST_PIECE = 4096;

/** FLG, RFC 1952 §2.3.1. */
const FHCRC = 2;
const FEXTRA = 4;
const FNAME = 8;
const FCOMMENT = 16;
const RESERVED = 0xe0;

/** A piece is valid until the next one is asked for. */
export async function* gunzip(stream: ByteStream): AsyncGenerator<Uint8Array, void> {
  for (let first = true; await readHeader(stream, first); first = false) {
    const inflater = new Inflater(stream);
    let checksum = 0;
    let length = 0;
    for await (const piece of inflater.inflate()) {
      checksum = crc32(piece, checksum);
      length = (length + piece.byteLength) % MAX_WORD;
      yield piece;
    }
    // CRC32, 4 bytes, and ISIZE, 4 bytes: the length modulo 2^32
    const trailer = await read(stream, TRAILER_LENGTH);
    if (trailer.readUInt32LE(0) !== checksum || trailer.readUInt32LE(4) !== length) {
      throw damaged(stream, 'the content does not have the checksum and length that it states');
    }
  }
}

/** Skips the header of a member; false at the end of the stream. Zeros after the last member are padding. */
async function readHeader(stream: ByteStream, first: boolean): Promise<boolean> {
  const header = Buffer.alloc(HEADER_LENGTH);
  const have = await stream.readInto(header);
  if (!first && header.subarray(0, have).every((byte) => byte === 0)) {
    await checkPadding(stream);
    return false;
  }
  if (have < 2 || header.readUInt16LE(0) !== 0x8b1f) throw garbage(stream, have);
  if (have < HEADER_LENGTH) throw cutShort(stream, 'gzip');
  // 2: CM, 3: FLG, 4: MTIME, 8: XFL, 9: OS
  const flags = header[3] ?? 0;
  if (header[2] !== DEFLATE || (flags & RESERVED) !== 0) throw damaged(stream, 'a header of unknown kind');
  if ((flags & FEXTRA) !== 0) await read(stream, (await read(stream, 2)).readUInt16LE(0));
  if ((flags & FNAME) !== 0) await skipText(stream);
  if ((flags & FCOMMENT) !== 0) await skipText(stream);
  if ((flags & FHCRC) !== 0) await read(stream, 2);
  return true;
}

async function checkPadding(stream: ByteStream): Promise<void> {
  for (;;) {
    const piece = await nextPiece(stream);
    if (piece.byteLength === 0) return;
    if (piece.some((byte) => byte !== 0)) throw garbage(stream, piece.byteLength);
  }
}

function garbage(stream: ByteStream, taken: number): Error {
  const at = stream.position - taken;
  return damaged(stream, `what follows its last member at byte ${at} is no gzip; all before it has arrived`);
}

function damaged(stream: ByteStream, why: string): Error {
  return damagedStream(stream, 'gzip', new Error(why));
}

async function read(stream: ByteStream, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  if ((await stream.readInto(bytes)) < length) throw cutShort(stream, 'gzip');
  return bytes;
}

/** Skips text that ends with NUL, of any length. */
async function skipText(stream: ByteStream): Promise<void> {
  for (;;) {
    const piece = await nextPiece(stream);
    if (piece.byteLength === 0) throw cutShort(stream, 'gzip');
    const end = piece.indexOf(0);
    if (end < 0) continue;
    stream.unread(piece.subarray(end + 1));
    return;
  }
}

/** Decodes what is between a header and its trailer. The stream is then at the trailer. */
class Inflater {
  private readonly stream: ByteStream;
  // What zlib decodes is kept, even if the data has no end.
  private readonly zlib: InflateRaw = createInflateRaw({ finishFlush: constants.Z_SYNC_FLUSH });
  private failure: Error | undefined;
  private changed = deferred<void>();

  constructor(stream: ByteStream) {
    this.stream = stream;
    const wake = (): void => this.changed.resolve();
    this.zlib.on('readable', wake);
    this.zlib.on('error', (error) => {
      this.failure = error;
      wake();
    });
  }

  async *inflate(): AsyncGenerator<Buffer, void> {
    let given = 0;
    try {
      // Bytes after the member are given back. Small pieces first: with many small members, little is given back each
      // time.
      for (let length = FIRST_PIECE; ; length = Math.min(2 * length, PIECE)) {
        const piece = await nextPiece(this.stream, length);
        if (piece.byteLength === 0) throw cutShort(this.stream, 'gzip');
        given += piece.byteLength;
        yield* this.write(piece);
        const left = given - this.zlib.bytesWritten;
        // It leaves bytes only after its end.
        if (left === 0) continue;
        this.stream.unread(piece.subarray(piece.byteLength - left));
        return;
      }
    } finally {
      this.zlib.destroy();
    }
  }

  /** Gives bytes to zlib, and yields what they decode to, until zlib takes no more. */
  private async *write(piece: Buffer): AsyncGenerator<Buffer, void> {
    let written = false;
    this.zlib.write(piece, () => {
      written = true;
      this.changed.resolve();
    });
    for (;;) {
      const isLast = written || this.failure !== undefined;
      for (let out = this.take(); out !== null; out = this.take()) yield out;
      if (this.failure !== undefined) throw damagedStream(this.stream, 'gzip', this.failure);
      if (isLast) return;
      await this.changed.promise;
      this.changed = deferred<void>();
    }
  }

  private take(): Buffer | null {
    return this.zlib.read() as Buffer | null;
  }
}
