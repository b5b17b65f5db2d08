/**
 * zstd through the native core: synchronous, straight into the caller's buffer, with every parameter.
 */
import type { Core } from '../core/core.ts';
import { ZnipError } from '../errors.ts';
import { checkFrame } from '../format/zstd/zstd-frame.ts';
import {
  chainLogFor,
  type CompressionSettings,
  type ZstdBackend,
  type ZstdStreamDecoder,
} from './backends.ts';

/** The largest window that libzstd decodes, `zstd --long=31`, as log2. */
const MAX_WINDOW_LOG = 31;

/** How many bytes are decoded at once. */
const PIECE = 256 * 1024;

/** libzstd itself compares content and checksum. */
class StreamDecoder implements ZstdStreamDecoder {
  private readonly decoder: InstanceType<Core['StreamDecoder']>;
  private readonly piece = new Uint8Array(PIECE);
  /** Bytes taken and made in one step. */
  private readonly counts = new Uint32Array(2);

  constructor(core: Core) {
    this.decoder = new core.StreamDecoder();
  }

  *decode(bytes: Uint8Array): Generator<Uint8Array, void, undefined> {
    for (let at = 0, full = false; at < bytes.byteLength || full;) {
      this.step(bytes.subarray(at));
      const [taken = 0, made = 0] = this.counts;
      at += taken;
      full = made === PIECE;
      if (made > 0) yield this.piece.subarray(0, made);
    }
  }

  endFrame(): Iterable<Uint8Array> {
    return [];
  }

  private step(bytes: Uint8Array): void {
    try {
      this.decoder.step(bytes, this.piece, this.counts);
    } catch (error) {
      throw damaged(error);
    }
  }
}

class ZstdNative implements ZstdBackend {
  readonly name: string;
  readonly findsLongDistances = true;
  readonly maxStreamWindow = 2 ** MAX_WINDOW_LOG;
  private readonly core: Core;

  constructor(core: Core) {
    this.core = core;
    this.name = `zstd ${core.zstdVersion()} (native)`;
  }

  compress(source: Uint8Array, target: Uint8Array, settings: CompressionSettings): number {
    const { level, windowLog, longDistance } = settings;
    try {
      return this.core.compress(source, target, level, windowLog, chainLogFor(level), longDistance);
    } catch (error) {
      throw new ZnipError('internal', `zstd: ${reasonOf(error)}`, {}, error);
    }
  }

  decompress(source: Uint8Array, target: Uint8Array): void {
    checkFrame(source, target.byteLength);
    let length: number;
    try {
      length = this.core.decompress(source, target);
    } catch (error) {
      throw damaged(error);
    }
    if (length !== target.byteLength) {
      throw new ZnipError('damaged-block', `zstd: expected ${target.byteLength} bytes, found ${length}`);
    }
  }

  async createStreamDecoder(): Promise<ZstdStreamDecoder> {
    return new StreamDecoder(this.core);
  }
}

function damaged(error: unknown): ZnipError {
  return new ZnipError('damaged-block', `zstd: ${reasonOf(error)}`, {}, error);
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

export function nativeZstd(core: Core): ZstdBackend {
  return new ZstdNative(core);
}
