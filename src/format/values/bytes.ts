/**
 * Runs of bytes.
 */

/** Whether two runs of bytes are the same. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

/** Hashes bytes with BLAKE3; 32 bytes. The codec supplies it, so that this folder loads no package. */
export type Hash = (bytes: Uint8Array) => Uint8Array;
