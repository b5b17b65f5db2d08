/**
 * Both codecs, for tests that must hold for either. An install without scripts has no fast one.
 */
import { type Codec, loadCodec } from '../../src/codec/codec.ts';
import { ZnipError } from '../../src/errors.ts';

export interface NamedCodec {
  /** For the title of a `describe`; says why it is skipped when it is. */
  title: string;
  installed: boolean;
  /** Throws `codec-unavailable` where it is not installed. */
  codec: () => Codec;
}

function named(choice: 'fast' | 'node' | 'portable'): NamedCodec {
  const load = (): Codec => loadCodec(choice);
  try {
    const codec = load();
    return { title: `the ${choice} codec`, installed: true, codec: () => codec };
  } catch (error) {
    if (!(error instanceof ZnipError) || error.code !== 'codec-unavailable') throw error;
    return { title: `the ${choice} codec (it is not installed)`, installed: false, codec: load };
  }
}

export const FAST = named('fast');
/** A dependency, not an optional one: it must load wherever the tests run. */
export const PORTABLE: NamedCodec = { ...named('portable'), installed: true };
/** From Node.js 22.15 on. */
export const NODE = named('node');
export const CODECS: readonly NamedCodec[] = [FAST, NODE, PORTABLE];

/** BLAKE3 for tests of the structures that carry checksums. */
export function hash(bytes: Uint8Array): Uint8Array {
  return PORTABLE.codec().hash(bytes);
}
