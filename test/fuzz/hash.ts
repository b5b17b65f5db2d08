/** BLAKE3, from whichever package is there. */
import { loadCodec } from '../../src/codec/codec.ts';

const codec = loadCodec();
export const blake3 = (bytes: Uint8Array): Buffer => Buffer.from(codec.hash(bytes));
