/**
 * What a package must do to compress or to hash for znip.
 */
import type { FrameEnd } from '../format/zstd/zstd-scanner.ts';

/** How to compress: the values behind `-1` to `-19` and the chunk size. */
export interface CompressionSettings {
  /** zstd level, 1 to 19. */
  level: number;
  /** log2 of the largest distance of a match: 10 to 27. */
  windowLog: number;
  /** Find repetitions at any distance within the window, too: `--long`. Only for backends that can. */
  longDistance: boolean;
}

/**
 * Table sizes other than the level's own, where they help, as log2; 0 leaves the choice to the level.
 *
 * At level 3, half the table of short matches leaves more of a core's second-level cache to the other table. On
 * node_modules and linux, in chunks of 16 MiB, this took 0.96 and 0.91 of the time, at 1.003 and 1.002 of the size.
 */
const CHAIN_LOG: Partial<Record<number, number>> = { 3: 15 };

/** log2 of the size of zstd's table of short matches at a level; 0 leaves it to the level. */
export function chainLogFor(level: number): number {
  return CHAIN_LOG[level] ?? 0;
}

/** Decodes frames of any origin, as their bytes arrive. */
export interface ZstdStreamDecoder {
  /**
   * What the next bytes decode to; they belong to one frame at most. A piece is valid until the next one is asked for.
   */
  decode(bytes: Uint8Array): Iterable<Uint8Array>;
  /**
   * The frame's bytes have all come. Gives the rest of its content. Throws `damaged-block` if the content is not what
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
   * Compresses `source` into one frame, which declares its content size, at the start of `target`. Returns the length
   * of the frame, or 0 if it does not fit.
   */
  compress(source: Uint8Array, target: Uint8Array, settings: CompressionSettings): number | Promise<number>;
  /** Decompresses the whole frame `source`, which must fill `target` exactly. Throws `damaged-block` if it does not. */
  decompress(source: Uint8Array, target: Uint8Array): void | Promise<void>;
  /** The largest window, in bytes, that a frame may have for `createStreamDecoder`. */
  readonly maxStreamWindow: number;
  createStreamDecoder(): Promise<ZstdStreamDecoder>;
}

export interface Hasher {
  update(bytes: Uint8Array): void;
  digest(): Uint8Array;
}

/** Bytes that `hashSubtrees` may write: no part of a chunk has more subtrees. */
export const SUBTREES_LENGTH = 54 * 32;

/** Hashes a content whose parts lie in several chunks. */
export interface PartHasher {
  /** The next part, and what `hashSubtrees` wrote about it. */
  update(part: Uint8Array, subtrees: Uint8Array): void;
  digest(): Uint8Array;
}

export interface Blake3Backend {
  readonly name: string;
  /** BLAKE3 of `bytes`: 32 bytes. */
  hash(bytes: Uint8Array): Uint8Array;
  createHasher(): Hasher;
  /** The fingerprint of a chunk, see `FingerprintHead`. */
  fingerprint(chunk: Uint8Array, head: Uint8Array): Uint8Array;
  /**
   * Does the work for a part of a content that can be done without the other parts. The part starts at byte `offset` of
   * the content. Writes the results to `subtrees`, and returns the bytes of them; 0 if it can do nothing.
   */
  hashSubtrees(part: Uint8Array, offset: number, subtrees: Uint8Array): number;
  createPartHasher(): PartHasher;
}
