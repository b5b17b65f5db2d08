/**
 * BLAKE3 through @napi-rs/blake-hash (native, SIMD) or blake3-wasm (anywhere).
 */
import type { Blake3Backend, Hasher } from './backends.ts';

interface NativeModule {
  blake3(bytes: Uint8Array): Buffer;
  Blake3Hasher: new () => { update(bytes: Uint8Array): unknown; digestBuffer(): Buffer };
}

class Blake3Fast implements Blake3Backend {
  readonly name = 'blake3 (@napi-rs/blake-hash)';
  private readonly native: NativeModule;

  constructor(native: NativeModule) {
    this.native = native;
  }

  hash(bytes: Uint8Array): Uint8Array {
    return this.native.blake3(bytes);
  }

  createHasher(): Hasher {
    const hasher = new this.native.Blake3Hasher();
    return {
      update: (bytes) => void hasher.update(bytes),
      digest: () => hasher.digestBuffer(),
    };
  }
}

interface WasmModule {
  hash(bytes: Uint8Array): Uint8Array;
  createHash(): { update(bytes: Uint8Array): unknown; digest(): Uint8Array };
}

class Blake3Portable implements Blake3Backend {
  readonly name = 'blake3 (blake3-wasm)';
  private readonly wasm: WasmModule;

  constructor(wasm: WasmModule) {
    this.wasm = wasm;
  }

  hash(bytes: Uint8Array): Uint8Array {
    return this.wasm.hash(bytes);
  }

  createHasher(): Hasher {
    const hasher = this.wasm.createHash();
    return {
      update: (bytes) => void hasher.update(bytes),
      digest: () => hasher.digest(),
    };
  }
}

export function loadBlake3Fast(load: (name: string) => unknown): Blake3Backend {
  return new Blake3Fast(load('@napi-rs/blake-hash') as NativeModule);
}

export function loadBlake3Portable(load: (name: string) => unknown): Blake3Backend {
  return new Blake3Portable(load('blake3-wasm') as WasmModule);
}
