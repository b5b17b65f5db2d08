/**
 * Decodes zstd streams of any origin through fzstd, because the portable packages decode only whole frames. fzstd
 * ignores what a frame states about its content, so that is compared here: its length, and XXH64 by xxhash-wasm (RFC
 * 8878 §3.1.1, Content_Checksum).
 */
import { ZnipError } from '../errors.ts';
import type { FrameEnd } from '../format/zstd/zstd-scanner.ts';
import type { ZstdStreamDecoder } from './backends.ts';

interface Decoder {
  push(piece: Uint8Array, final?: boolean): void;
}

interface Hash {
  update(bytes: Uint8Array): unknown;
  digest(): bigint;
}

/** fzstd refuses larger windows. */
export const MAX_FZSTD_WINDOW = 2046 * 1024 * 1024;

class PortableStreamDecoder implements ZstdStreamDecoder {
  private readonly createDecoder: (onData: (data: Uint8Array) => void) => Decoder;
  private readonly createHash: () => Hash;
  private readonly decoded: Uint8Array[] = [];
  private decoder: Decoder;
  private hash: Hash;
  private length = 0;

  constructor(createDecoder: (onData: (data: Uint8Array) => void) => Decoder, createHash: () => Hash) {
    this.createDecoder = createDecoder;
    this.createHash = createHash;
    this.decoder = this.newDecoder();
    this.hash = createHash();
  }

  decode(bytes: Uint8Array): Uint8Array[] {
    return this.push(bytes, false);
  }

  endFrame({ checksum, contentSize }: FrameEnd): Uint8Array[] {
    // fzstd holds back anything shorter than the longest header, and a whole frame may be shorter.
    const rest = this.push(new Uint8Array(0), true);
    if (contentSize !== undefined && contentSize !== this.length) {
      throw damaged(`the frame declares ${contentSize} bytes and holds ${this.length}`);
    }
    if (checksum !== undefined && Number(this.hash.digest() & 0xffffffffn) !== checksum) {
      throw damaged('the content does not have the checksum that its frame states');
    }
    this.decoder = this.newDecoder();
    this.hash = this.createHash();
    this.length = 0;
    return rest;
  }

  private push(bytes: Uint8Array, final: boolean): Uint8Array[] {
    try {
      this.decoder.push(bytes, final);
    } catch (error) {
      throw damaged(error instanceof Error ? error.message : String(error), error);
    }
    for (const piece of this.decoded) {
      this.hash.update(piece);
      this.length += piece.byteLength;
    }
    return this.decoded.splice(0);
  }

  private newDecoder(): Decoder {
    return this.createDecoder((data) => void this.decoded.push(data));
  }
}

function damaged(reason: string, cause?: unknown): ZnipError {
  return new ZnipError('damaged-block', `zstd: ${reason}`, {}, cause);
}

export async function createPortableStreamDecoder(): Promise<ZstdStreamDecoder> {
  const [{ Decompress }, { default: loadXxHash }] = await Promise.all([
    import('fzstd'),
    import('xxhash-wasm'),
  ]);
  const xxHash = await loadXxHash();
  return new PortableStreamDecoder(
    (onData) => new Decompress(onData),
    () => xxHash.create64(),
  );
}
