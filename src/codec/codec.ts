/**
 * The one interface between znip and the packages that compress and hash. All other code sees only `Codec`.
 *
 * If the fast packages (zstd-napi, @napi-rs/blake-hash) load, they are used. Otherwise znip uses node:zlib if it has
 * zstd, and the portable packages (@mongodb-js/zstd, blake3-wasm). Each thread loads its own. `ZNIP_CODEC` asks for
 * one: `portable`, or `node`, which hashes with the portable package.
 */
import { createRequire } from 'node:module';
import { ZnipError } from '../errors.ts';
import type { Blake3Backend, ZstdBackend } from './backends.ts';
import { loadBlake3Fast, loadBlake3Portable } from './blake3.ts';
import { loadZstdFast } from './zstd-fast.ts';
import { loadZstdNode } from './zstd-node.ts';
import { loadZstdPortable } from './zstd-portable.ts';

export interface Codec extends ZstdBackend, Omit<Blake3Backend, 'name'> {
  readonly hashName: string;
}

export type CodecChoice = 'auto' | 'fast' | 'node' | 'portable';

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
    `no ${what} package loads on this machine (${reasons.join('; ')}): reinstall znip with its optional dependencies, or use Node.js 22.15 or newer, which has zstd`,
  );
}

/** In the order in which they are tried. */
const ZSTD = {
  auto: [loadZstdFast, loadZstdNode, loadZstdPortable],
  fast: [loadZstdFast],
  node: [loadZstdNode],
  portable: [loadZstdPortable],
} as const;

const BLAKE3 = {
  auto: [loadBlake3Fast, loadBlake3Portable],
  fast: [loadBlake3Fast],
  node: [loadBlake3Portable],
  portable: [loadBlake3Portable],
} as const;

/** Loads a codec; `auto` takes the fast packages if they load. Throws `codec-unavailable`. */
export function loadCodec(choice: CodecChoice = 'auto'): Codec {
  const zstd = firstThatLoads('zstd', ZSTD[choice]);
  const blake3 = firstThatLoads('BLAKE3', BLAKE3[choice]);
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
  };
}

let current: Codec | undefined;

/** This thread's codec, loaded at the first call. */
export function codec(): Codec {
  const asked = process.env['ZNIP_CODEC'];
  current ??= loadCodec(asked === 'portable' || asked === 'node' ? asked : 'auto');
  return current;
}

/** The largest window that helps a chunk of this many bytes, as log2: the whole chunk, 2^27 at most. */
export function windowLogFor(chunkSize: number): number {
  return Math.min(27, Math.max(10, Math.ceil(Math.log2(chunkSize))));
}
