/**
 * BLAKE3 through the native core or, on any machine, blake3-wasm.
 */
import type { Core } from '../core/core.ts';
import { hashOutsideContents } from '../format/fingerprint.ts';
import type { Blake3Backend, Hasher, PartHasher } from './backends.ts';

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

  fingerprint(chunk: Uint8Array, head: Uint8Array): Uint8Array {
    return hashOutsideContents(chunk, head, this.createHasher());
  }

  hashSubtrees(): number {
    return 0;
  }

  createPartHasher(): PartHasher {
    return this.createHasher();
  }
}

export function nativeBlake3(core: Core): Blake3Backend {
  return {
    name: 'blake3 (native)',
    hash: (bytes) => core.hash(bytes),
    createHasher: () => new core.Hasher(),
    fingerprint: (chunk, head) => core.fingerprint(chunk, head),
    hashSubtrees: (part, offset, subtrees) => 32 * core.hashSubtrees(part, offset, subtrees),
    createPartHasher: () => new core.TreeHasher(),
  };
}

export function loadBlake3Portable(load: (name: string) => unknown): Blake3Backend {
  return new Blake3Portable(load('blake3-wasm') as WasmModule);
}
