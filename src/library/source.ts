/**
 * What a caller can open an archive from, and how the readers see it.
 */
import { fileURLToPath } from 'node:url';
import { ZnipError } from '../errors.ts';
import { type ByteSource, closedError, FileSource } from '../io/source.ts';
import { unlessAborted } from '../threads/failure.ts';

/**
 * Bytes of a known length that can be read at any place: in a database, an object store, a part of a larger file.
 *
 * @example
 * const archive = await open({ size: bytes.length, read: (offset, length) => bytes.subarray(offset, offset + length) });
 */
export interface RandomAccess {
  /** Bytes in all. They must not change while the archive is open. */
  readonly size: number;
  /** Its name in messages. Default: `the archive`. */
  readonly name?: string | undefined;
  /**
   * Gives exactly `length` bytes from byte `offset` on. It is never asked for bytes past the end. Several calls may run
   * at the same time. `signal` belongs to the task that needs the bytes.
   */
  read(offset: number, length: number, signal?: AbortSignal): Uint8Array | Promise<Uint8Array>;
}

/** Where an archive is: a path, a `file:` URL, a Blob, or anything that can be read at any place. */
export type Source = string | URL | Blob | RandomAccess;

/** A source for the readers, who close it. Throws `io` if a file cannot be opened, `usage` if it is not a source. */
export function toByteSource(source: Source): ByteSource {
  if (typeof source === 'string') return new FileSource(source);
  if (source instanceof URL) return new FileSource(fileURLToPath(source));
  if (isRandomAccess(source)) return new CallerSource(source);
  if (isBlob(source)) return new CallerSource(fromBlob(source));
  throw new ZnipError(
    'usage',
    'no source of bytes: expected a path, a file: URL, a Blob, or an object with size and read()',
  );
}

function isRandomAccess(source: unknown): source is RandomAccess {
  return has(source, 'size') && has(source, 'read');
}

/** A Blob of Node.js, or of another library. */
function isBlob(source: unknown): source is Blob {
  return has(source, 'size') && has(source, 'slice') && has(source, 'arrayBuffer');
}

function has(value: unknown, name: string): boolean {
  return typeof value === 'object' && value !== null && name in value;
}

function fromBlob(blob: Blob): RandomAccess {
  return {
    size: blob.size,
    name: 'the blob',
    async read(offset, length) {
      return new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer());
    },
  };
}

class CallerSource implements ByteSource {
  readonly name: string;
  readonly byteLength: number;
  readonly start = 0;
  readonly fd = undefined;
  private readonly source: RandomAccess;
  private closed = false;

  constructor(source: RandomAccess) {
    this.source = source;
    this.name = source.name ?? 'the archive';
    this.byteLength = source.size;
    if (Number.isSafeInteger(source.size) && source.size >= 0) return;
    throw new ZnipError('usage', `a source of ${source.size} bytes: expected a whole number`);
  }

  async read(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array> {
    const { name, byteLength } = this;
    if (this.closed) throw closedError(name);
    if (offset + length > byteLength) {
      throw new ZnipError(
        'truncated',
        `'${name}' has ${byteLength} bytes, expected ${offset + length}: it was cut short`,
        { path: name, offset: byteLength },
      );
    }
    const bytes = await unlessAborted(this.ask(offset, length, signal), signal);
    if (bytes.byteLength === length) return bytes;
    throw new ZnipError(
      bytes.byteLength < length ? 'truncated' : 'usage',
      `'${name}' gave ${bytes.byteLength} bytes at byte ${offset}, expected ${length}`,
      { path: name, offset },
    );
  }

  close(): void {
    this.closed = true;
  }

  private async ask(offset: number, length: number, signal: AbortSignal | undefined): Promise<Uint8Array> {
    const { name } = this;
    try {
      const bytes: unknown = await this.source.read(offset, length, signal);
      if (bytes instanceof Uint8Array) return bytes;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new ZnipError('io', `cannot read '${name}': ${reason}`, { path: name, offset }, error);
    }
    throw new ZnipError('usage', `what '${name}' gave at byte ${offset} is no Uint8Array`, { path: name });
  }
}
