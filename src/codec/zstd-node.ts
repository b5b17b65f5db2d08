/**
 * zstd through node:zlib, of Node.js 22.15 and newer: synchronous, with every parameter, and nothing to install.
 *
 * It allocates its results. The @types/node of the oldest supported version lacks it, so its types are here.
 */
import { ZnipError } from '../errors.ts';
import { checkFrame } from '../format/zstd/zstd-frame.ts';
import { chainLogFor, type CompressionSettings, type ZstdBackend } from './backends.ts';
import { createPortableStreamDecoder, MAX_FZSTD_WINDOW } from './zstd-portable-stream.ts';

interface ZstdOptions {
  params?: Record<number, number>;
  /** Declares the content size in the frame. */
  pledgedSrcSize?: number;
  maxOutputLength?: number;
}

interface Zlib {
  zstdCompressSync(source: Uint8Array, options: ZstdOptions): Buffer;
  zstdDecompressSync(source: Uint8Array, options: ZstdOptions): Buffer;
  constants: Record<string, number>;
}

/** The window that frames of znip may have, as log2 (docs/format.md, "Blobs"). */
const MAX_WINDOW_LOG = 27;

class ZstdNode implements ZstdBackend {
  readonly name: string;
  readonly findsLongDistances = true;
  // Streams of others: the decoder of node:zlib does not report the end of a frame, where the checksum must be checked.
  readonly maxStreamWindow = MAX_FZSTD_WINDOW;
  readonly createStreamDecoder = createPortableStreamDecoder;
  private readonly zlib: Zlib;

  constructor(zlib: Zlib) {
    this.zlib = zlib;
    this.name = `zstd ${process.versions['zstd'] ?? ''} (node:zlib)`.replace('  ', ' ');
  }

  compress(source: Uint8Array, target: Uint8Array, settings: CompressionSettings): number {
    const { level, windowLog, longDistance } = settings;
    const frame = this.zlib.zstdCompressSync(source, {
      params: {
        [this.constant('ZSTD_c_compressionLevel')]: level,
        [this.constant('ZSTD_c_windowLog')]: windowLog,
        [this.constant('ZSTD_c_chainLog')]: chainLogFor(level),
        [this.constant('ZSTD_c_enableLongDistanceMatching')]: longDistance ? 1 : 0,
      },
      pledgedSrcSize: source.byteLength,
    });
    if (frame.byteLength > target.byteLength) return 0;
    target.set(frame);
    return frame.byteLength;
  }

  decompress(source: Uint8Array, target: Uint8Array): void {
    checkFrame(source, target.byteLength);
    let content: Buffer;
    try {
      content = this.zlib.zstdDecompressSync(source, {
        params: { [this.constant('ZSTD_d_windowLogMax')]: MAX_WINDOW_LOG },
        // One byte more than allowed, so that a longer result is noticed and the length is never 0.
        maxOutputLength: target.byteLength + 1,
      });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new ZnipError('damaged-block', `zstd: ${reason}`, {}, error);
    }
    if (content.byteLength !== target.byteLength) {
      throw new ZnipError(
        'damaged-block',
        `zstd: expected ${target.byteLength} bytes, found ${content.byteLength}`,
      );
    }
    target.set(content);
  }

  private constant(name: string): number {
    const value = this.zlib.constants[name];
    if (value === undefined) throw new ZnipError('internal', `node:zlib has no ${name}`);
    return value;
  }
}

/** Throws if this Node.js has no zstd. */
export function loadZstdNode(load: (name: string) => unknown): ZstdBackend {
  const zlib = load('node:zlib') as Partial<Zlib>;
  if (zlib.zstdCompressSync === undefined) throw new Error('node:zlib has zstd from Node.js 22.15 on');
  return new ZstdNode(zlib as Zlib);
}
