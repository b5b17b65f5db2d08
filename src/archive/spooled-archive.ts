/**
 * An archive that arrives, but whose end must be known before it can be used. It is kept in an unnamed temporary file
 * and then opened like any other. Main thread.
 */
import { ZnipError } from '../errors.ts';
import type { ByteStream } from '../io/byte-stream.ts';
import { detectStream } from '../io/foreign-stream.ts';
import { FileSource } from '../io/source.ts';
import { openSpool, type Spool, spoolError } from '../io/spool.ts';
import { writeFully } from '../posix/write.ts';
import { type Archive, openArchive, type OpenOptions } from './archive.ts';

/**
 * Reads a whole stream and opens it as an archive. Throws what `openArchive` throws, `not-an-archive` for a stream of
 * others, and `io` if there is no room for it in `TMPDIR`.
 */
export async function openSpooled(stream: ByteStream, options: OpenOptions = {}): Promise<Archive> {
  refuseForeign(stream, await detectStream(stream));
  const spool = openSpool();
  try {
    await fill(spool, stream);
  } catch (error) {
    spool.close();
    throw error;
  }
  // From here on, the spool belongs to the archive and is closed with it.
  return openArchive(new FileSource(stream.name.replaceAll("'", ''), spool.fd), options);
}

/** Throws `not-an-archive` for a stream without an index and a root hash. */
export function refuseForeign({ name }: ByteStream, kind: string): void {
  if (kind === 'znip') return;
  throw new ZnipError(
    'not-an-archive',
    `${name} is a ${kind} stream: expected a znip archive, which has an index and a root hash`,
  );
}

/** Bytes that are read at once. */
const PIECE = 1024 * 1024;

async function fill({ fd, directory }: Spool, stream: ByteStream): Promise<void> {
  const piece = new Uint8Array(PIECE);
  for (let read = PIECE; read === PIECE;) {
    read = await stream.readInto(piece);
    try {
      writeFully(fd, piece.subarray(0, read));
    } catch (error) {
      throw spoolError(directory, error);
    }
  }
}
