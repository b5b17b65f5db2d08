/**
 * zstd through zstd-napi: synchronous, straight into the caller's buffer, with every parameter.
 * An optional dependency: its binary is built or fetched when it is installed.
 */
import type { CCtx, CParameter, DCtx, DParameter, ResetDirective } from 'zstd-napi/binding.js';
import { ZnipError } from '../errors.ts';
import { checkFrame } from '../format/zstd/zstd-frame.ts';
import type { CompressionSettings, ZstdBackend, ZstdStreamDecoder } from './backends.ts';

interface Binding {
  CCtx: new () => CCtx;
  DCtx: new () => DCtx;
  CParameter: typeof CParameter;
  DParameter: typeof DParameter;
  ResetDirective: typeof ResetDirective;
  versionString(): string;
}

/**
 * Table sizes other than the level's own, where they help; 0 leaves the choice to the level.
 *
 * At level 3, half the table of short matches leaves more of a core's second-level cache to the other table. On
 * node_modules and linux, in chunks of 16 MiB, this took 0.96 and 0.91 of the time, at 1.003 and 1.002 of the size.
 */
const CHAIN_LOG: Partial<Record<number, number>> = { 3: 15 };

/** The largest window that libzstd decodes, `zstd --long=31`, as log2. */
const MAX_WINDOW_LOG = 31;

/** How many bytes are decoded at once. */
const PIECE = 256 * 1024;

/** libzstd itself compares content and checksum. */
class StreamDecoder implements ZstdStreamDecoder {
  private readonly context: DCtx;
  private readonly piece = new Uint8Array(PIECE);

  constructor(context: DCtx) {
    this.context = context;
  }

  *decode(bytes: Uint8Array): Generator<Uint8Array, void, undefined> {
    for (let at = 0, full = false; at < bytes.byteLength || full;) {
      const { produced, consumed } = this.step(bytes.subarray(at));
      at += consumed;
      full = produced === PIECE;
      if (produced > 0) yield this.piece.subarray(0, produced);
    }
  }

  endFrame(): Iterable<Uint8Array> {
    return [];
  }

  private step(bytes: Uint8Array): { produced: number; consumed: number } {
    try {
      const [, produced, consumed] = this.context.decompressStream(this.piece, bytes);
      return { produced, consumed };
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new ZnipError('damaged-block', `zstd: ${reason}`, {}, error);
    }
  }
}

class ZstdFast implements ZstdBackend {
  readonly name: string;
  readonly findsLongDistances = true;
  readonly maxStreamWindow = 2 ** MAX_WINDOW_LOG;
  private readonly binding: Binding;
  private cctx: CCtx | undefined;
  private dctx: DCtx | undefined;
  private settings: CompressionSettings | undefined;

  constructor(binding: Binding) {
    this.binding = binding;
    this.name = `zstd ${binding.versionString()} (zstd-napi)`;
  }

  compress(source: Uint8Array, target: Uint8Array, settings: CompressionSettings): number {
    const context = this.compressor(settings);
    try {
      return context.compress2(target, source);
    } catch (error) {
      // The context may still be within a frame. There it accepts no other parameters.
      context.reset(this.binding.ResetDirective.sessionOnly);
      if (error instanceof Error && error.message.includes('Destination buffer is too small')) return 0;
      throw new ZnipError('internal', `zstd: ${String(error)}`, {}, error);
    }
  }

  decompress(source: Uint8Array, target: Uint8Array): void {
    checkFrame(source, target.byteLength);
    this.dctx ??= new this.binding.DCtx();
    let length: number;
    try {
      length = this.dctx.decompress(target, source);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new ZnipError('damaged-block', `zstd: ${reason}`, {}, error);
    }
    if (length !== target.byteLength) {
      throw new ZnipError('damaged-block', `zstd: expected ${target.byteLength} bytes, found ${length}`);
    }
  }

  async createStreamDecoder(): Promise<ZstdStreamDecoder> {
    const context = new this.binding.DCtx();
    // The caller decides how large a window may be.
    context.setParameter(this.binding.DParameter.windowLogMax, MAX_WINDOW_LOG);
    return new StreamDecoder(context);
  }

  private compressor(settings: CompressionSettings): CCtx {
    const { CParameter: parameter } = this.binding;
    if (this.cctx !== undefined && this.settings === settings) return this.cctx;
    this.cctx ??= new this.binding.CCtx();
    this.cctx.setParameter(parameter.compressionLevel, settings.level);
    this.cctx.setParameter(parameter.windowLog, settings.windowLog);
    this.cctx.setParameter(parameter.chainLog, CHAIN_LOG[settings.level] ?? 0);
    this.cctx.setParameter(parameter.enableLongDistanceMatching, settings.longDistance ? 1 : 0);
    this.settings = settings;
    return this.cctx;
  }
}

export function loadZstdFast(load: (name: string) => unknown): ZstdBackend {
  return new ZstdFast(load('zstd-napi/binding.js') as Binding);
}
