/**
 * What a package that compresses, or one that hashes, must do to stand behind the seam.
 */
import type { FrameEnd } from '../format/zstd/zstd-scanner.ts';

/** How to compress: what `-1` to `-19` and the chunk size come to. */
export interface CompressionSettings {
  /** zstd level, 1 to 19. */
  level: number;
  /** log2 of the largest distance of a match: 10 to 27. */
  windowLog: number;
  /** Find repetitions at any distance within the window, too: `--long`. For a backend that can. */
  longDistance: boolean;
}

/** Decodes frames of any making, as their bytes arrive. */
export interface ZstdStreamDecoder {
  /** What the next bytes come to, of one frame at most. A piece is good until the next one is asked for. */
  decode(bytes: Uint8Array): Iterable<Uint8Array>;
  /**
   * What has come was all of a frame: the rest of its content. Throws `damaged-block` when the content is not what
   * the frame states.
   */
  endFrame(end: FrameEnd): Iterable<Uint8Array>;
}

export interface ZstdBackend {
  /** Package and version of libzstd, as the archive's metadata records it. */
  readonly name: string;
  /** Whether it can find repetitions at any distance within the window. */
  readonly findsLongDistances: boolean;
  /**
   * Compresses `source` into one frame, which declares its content size, at the start of `target`.
   * Returns the frame's length, or 0 when it does not fit.
   */
  compress(source: Uint8Array, target: Uint8Array, settings: CompressionSettings): number | Promise<number>;
  /**
   * Decompresses the frame `source`, all of it, so that it fills `target` exactly.
   * Throws `damaged-block` when it does not.
   */
  decompress(source: Uint8Array, target: Uint8Array): void | Promise<void>;
  /** Bytes that the window of a frame may have for `createStreamDecoder`. */
  readonly maxStreamWindow: number;
  createStreamDecoder(): Promise<ZstdStreamDecoder>;
}

export interface Hasher {
  update(bytes: Uint8Array): void;
  digest(): Uint8Array;
}

export interface Blake3Backend {
  readonly name: string;
  /** BLAKE3 of `bytes`: 32 bytes. */
  hash(bytes: Uint8Array): Uint8Array;
  createHasher(): Hasher;
}
