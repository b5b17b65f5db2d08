/**
 * The one interface between znip and what compresses and hashes. All other code sees only `Codec`.
 *
 * There are two tiers. `native` is the core of `native/`. `portable` is node:zlib where it has zstd (Node.js 22.15 and
 * newer), else @mongodb-js/zstd; and blake3-wasm. Each thread loads its own.
 */
import { createRequire } from 'node:module';
import { core, coreState } from '../core/core.ts';
import { ZnipError } from '../errors.ts';
import type { Blake3Backend, ZstdBackend } from './backends.ts';
import { loadBlake3Portable, nativeBlake3 } from './blake3.ts';
import { nativeZstd } from './zstd-native.ts';
import { loadZstdNode } from './zstd-node.ts';
import { loadZstdPortable } from './zstd-portable.ts';

export interface Codec extends ZstdBackend, Omit<Blake3Backend, 'name'> {
  readonly hashName: string;
}

/** `auto`: native if there is a core. */
export type CodecChoice = 'auto' | 'native' | 'portable';

type Require = (name: string) => unknown;

function firstThatLoads<T>(what: string, loaders: readonly ((load: Require) => T)[]): T {
  const load = createRequire(import.meta.url) as Require;
  const reasons: string[] = [];
  for (const loader of loaders) {
    try {
      return loader(load);
    } catch (error) {
      reasons.push(error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error));
    }
  }
  throw new ZnipError(
    'codec-unavailable',
    `no ${what} package loads on this machine (${reasons.join('; ')}): reinstall znip, or use Node.js 22.15 or newer, which has zstd`,
  );
}

/** Loads a codec. Throws `codec-unavailable`. */
export function loadCodec(choice: CodecChoice = 'auto'): Codec {
  const native = choice === 'portable' ? undefined : core();
  if (native !== undefined) return together(nativeZstd(native), nativeBlake3(native));
  if (choice === 'native') {
    throw new ZnipError('codec-unavailable', `the native core does not load: ${coreState().reason ?? ''}`);
  }
  return together(
    firstThatLoads('zstd', [loadZstdNode, loadZstdPortable]),
    firstThatLoads('BLAKE3', [loadBlake3Portable]),
  );
}

/** The codec of two backends. */
export function together(zstd: ZstdBackend, blake3: Blake3Backend): Codec {
  return {
    name: zstd.name,
    hashName: blake3.name,
    findsLongDistances: zstd.findsLongDistances,
    compress: zstd.compress.bind(zstd),
    decompress: zstd.decompress.bind(zstd),
    maxStreamWindow: zstd.maxStreamWindow,
    createStreamDecoder: zstd.createStreamDecoder.bind(zstd),
    hash: blake3.hash.bind(blake3),
    createHasher: blake3.createHasher.bind(blake3),
    fingerprint: blake3.fingerprint.bind(blake3),
    hashSubtrees: blake3.hashSubtrees.bind(blake3),
    createPartHasher: blake3.createPartHasher.bind(blake3),
  };
}

let current: Codec | undefined;

/** This thread's codec, loaded at the first call. */
export function codec(): Codec {
  current ??= loadCodec();
  return current;
}

/** The largest window that helps a chunk of this many bytes, as log2: the whole chunk, 2^27 at most. */
export function windowLogFor(chunkSize: number): number {
  return Math.min(27, Math.max(10, Math.ceil(Math.log2(chunkSize))));
}
