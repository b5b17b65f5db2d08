/**
 * zstd through @mongodb-js/zstd: prebuilt for the common platforms, so it needs no install script.
 *
 * Asynchronous, and it allocates its results. Its public `compress` drops the level, so znip gives the level to its
 * `bindings`. Its frames do not declare their content size. Frames of znip must, so that is added.
 */
import { ZnipError } from '../errors.ts';
import {
  asSingleSegment,
  checkFrame,
  declareContentSize,
  decodeFrameHeader,
  DECLARED_HEADER_LENGTH,
  MAX_WINDOW_SIZE,
} from '../format/zstd/zstd-frame.ts';
import type { CompressionSettings, ZstdBackend } from './backends.ts';
import { createPortableStreamDecoder, MAX_FZSTD_WINDOW } from './zstd-portable-stream.ts';

interface Bindings {
  compress(data: Buffer, level: number): Promise<Buffer>;
  decompress(data: Buffer): Promise<Buffer>;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

class ZstdPortable implements ZstdBackend {
  readonly name = 'zstd (@mongodb-js/zstd 1.2.2)';
  readonly findsLongDistances = false;
  readonly maxStreamWindow = MAX_FZSTD_WINDOW;
  readonly createStreamDecoder = createPortableStreamDecoder;
  private readonly bindings: Bindings;

  constructor(bindings: Bindings) {
    this.bindings = bindings;
  }

  async compress(source: Uint8Array, target: Uint8Array, settings: CompressionSettings): Promise<number> {
    const frame = await this.bindings.compress(asBuffer(source), settings.level);
    const { contentSize, headerLength } = decodeFrameHeader(frame);
    if (contentSize !== undefined) return place(target, [frame]);
    if (headerLength !== DECLARED_HEADER_LENGTH - 4) {
      throw new ZnipError('internal', `@mongodb-js/zstd: unexpected frame header of ${headerLength} bytes`);
    }
    return place(target, [
      declareContentSize(frame[5] ?? 0, source.byteLength),
      frame.subarray(headerLength),
    ]);
  }

  async decompress(source: Uint8Array, target: Uint8Array): Promise<void> {
    checkFrame(source, target.byteLength);
    const length =
      target.byteLength <= MAX_WINDOW_SIZE
        ? await this.decompressWhole(source, target)
        : await decompressInSteps(source, target);
    if (length !== target.byteLength) {
      throw new ZnipError('damaged-block', `zstd: expected ${target.byteLength} bytes, found ${length}`);
    }
  }

  /**
   * The package allocates everything that its input decompresses to. So the input is changed to end at what it
   * declares.
   */
  private async decompressWhole(source: Uint8Array, target: Uint8Array): Promise<number> {
    let content: Buffer;
    try {
      content = await this.bindings.decompress(asBuffer(asSingleSegment(source)));
    } catch (error) {
      throw damaged(error);
    }
    if (content.byteLength === target.byteLength) target.set(content);
    return content.byteLength;
  }
}

/** Stored bytes that are decoded in one step. */
const STEP = 4096;

/** For the rare tables larger than the largest window: slow, but it never writes past the target. */
async function decompressInSteps(source: Uint8Array, target: Uint8Array): Promise<number> {
  const { Decompress } = await import('fzstd');
  let length = 0;
  const decoder = new Decompress((piece) => {
    if (piece.byteLength > target.byteLength - length) throw new Error('more content than declared');
    target.set(piece, length);
    length += piece.byteLength;
  });
  try {
    for (let at = 0; at < source.byteLength; at += STEP) decoder.push(source.subarray(at, at + STEP));
    decoder.push(new Uint8Array(0), true);
  } catch (error) {
    throw damaged(error);
  }
  return length;
}

function damaged(error: unknown): ZnipError {
  const reason = error instanceof Error ? error.message : String(error);
  return new ZnipError('damaged-block', `zstd: ${reason}`, {}, error);
}

function place(target: Uint8Array, pieces: readonly Uint8Array[]): number {
  let length = 0;
  for (const piece of pieces) length += piece.byteLength;
  if (length > target.byteLength) return 0;
  let offset = 0;
  for (const piece of pieces) {
    target.set(piece, offset);
    offset += piece.byteLength;
  }
  return length;
}

export function loadZstdPortable(load: (name: string) => unknown): ZstdBackend {
  return new ZstdPortable(load('@mongodb-js/zstd/bindings') as Bindings);
}
