/**
 * The seam between znip and the packages that compress and hash. Everything else sees only `Codec`.
 *
 * The fast packages (zstd-napi, @napi-rs/blake-hash) are used when they load, the portable ones
 * (@mongodb-js/zstd, blake3-wasm) otherwise; each thread loads its own. `ZNIP_CODEC=portable` asks
 * for the portable ones.
 */
import { createRequire } from 'node:module';
import { ZnipError } from '../errors.ts';
import type { Blake3Backend, ZstdBackend } from './backends.ts';
import { loadBlake3Fast, loadBlake3Portable } from './blake3.ts';
import { loadZstdFast } from './zstd-fast.ts';
import { loadZstdPortable } from './zstd-portable.ts';

export interface Codec extends ZstdBackend, Omit<Blake3Backend, 'name'> {
  readonly hashName: string;
}

export type CodecChoice = 'auto' | 'fast' | 'portable';

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
    `no ${what} package loads on this machine (${reasons.join('; ')}): reinstall znip with its dependencies`,
  );
}

/** Loads a codec; `auto` takes the fast packages where they load. Throws `codec-unavailable`. */
export function loadCodec(choice: CodecChoice = 'auto'): Codec {
  const pick = <T>(fast: (load: Require) => T, portable: (load: Require) => T): ((load: Require) => T)[] =>
    choice === 'auto' ? [fast, portable] : [choice === 'fast' ? fast : portable];
  const zstd = firstThatLoads('zstd', pick(loadZstdFast, loadZstdPortable));
  const blake3 = firstThatLoads('BLAKE3', pick(loadBlake3Fast, loadBlake3Portable));
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
  current ??= loadCodec(process.env['ZNIP_CODEC'] === 'portable' ? 'portable' : 'auto');
  return current;
}

/** Largest window that pays for a chunk of this many bytes, as log2: the whole chunk, 2^27 at most. */
export function windowLogFor(chunkSize: number): number {
  return Math.min(27, Math.max(10, Math.ceil(Math.log2(chunkSize))));
}
