/**
 * What the tables of an archive say about how it was made. Implements docs/format.md, "Tables".
 */
import { FORMAT_MAJOR, FORMAT_MINOR } from './values/constants.ts';

/** What decides the bytes of a blob, besides its chunk. */
export interface MadeWith {
  /** Name and version of the program. */
  producer: string;
  /** The zstd library and its version. */
  codec: string;
  /** zstd level. */
  level: number;
  /** Long-distance matching. */
  longDistance: boolean;
  /** Bytes. */
  chunkSize: number;
}

/** `isMixed`: some blobs were made with other settings, and taken over. */
export function metadataOf(made: MadeWith, isMixed: boolean): Map<string, string> {
  return new Map([
    ['znip.format_version', `${FORMAT_MAJOR}.${FORMAT_MINOR}`],
    ['znip.producer', made.producer],
    ['znip.codec', isMixed ? MIXED : made.codec],
    ['znip.level', isMixed ? MIXED : String(made.level)],
    ['znip.long', String(made.longDistance)],
    ['znip.chunk_size', String(made.chunkSize)],
  ]);
}

/** Of a value that is not the same for all blobs. */
export const MIXED = 'mixed';

/** In words, what is not the same; undefined if blobs of the same chunks have the same bytes. */
export function differentSetting(
  metadata: ReadonlyMap<string, string>,
  made: MadeWith,
): { what: string; there: string; here: string } | undefined {
  for (const [key, here] of metadataOf(made, false)) {
    const there = metadata.get(key) ?? 'unknown';
    if (there !== here) return { what: key.replace('znip.', '').replace('_', ' '), there, here };
  }
  return undefined;
}
