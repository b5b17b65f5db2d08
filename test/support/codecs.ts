/**
 * The codec of each tier, for tests that must hold for all of them. A machine without cargo has no native one.
 */
import { createRequire } from 'node:module';
import { loadBlake3Portable } from '../../src/codec/blake3.ts';
import { type Codec, loadCodec, together } from '../../src/codec/codec.ts';
import { loadZstdPortable } from '../../src/codec/zstd-portable.ts';
import { ZnipError } from '../../src/errors.ts';

export interface NamedCodec {
  /** For the title of a `describe`; says why it is skipped when it is. */
  title: string;
  installed: boolean;
  /** Throws `codec-unavailable` where it is not installed. */
  codec: () => Codec;
}

function named(title: string, load: () => Codec): NamedCodec {
  try {
    const codec = load();
    return { title: `the ${title} codec`, installed: true, codec: () => codec };
  } catch (error) {
    if (!(error instanceof ZnipError) || error.code !== 'codec-unavailable') throw error;
    return { title: `the ${title} codec (it is not installed)`, installed: false, codec: load };
  }
}

export const NATIVE = named('native', () => loadCodec('native'));
/** What is there without the core: from Node.js 22.15 on, its own zstd. */
export const PORTABLE = named('portable', () => loadCodec('portable'));
/** The portable codec of older Node.js: a dependency, so it must load wherever the tests run. */
export const PACKAGED = named('packaged', () => {
  const load = createRequire(import.meta.url);
  return together(loadZstdPortable(load), loadBlake3Portable(load));
});
export const CODECS: readonly NamedCodec[] = [NATIVE, PORTABLE, PACKAGED];

/** BLAKE3 for tests of the structures that carry checksums. */
export function hash(bytes: Uint8Array): Uint8Array {
  return PORTABLE.codec().hash(bytes);
}
