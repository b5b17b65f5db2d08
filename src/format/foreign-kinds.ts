/**
 * Compressed files that znip does not read. Recognises them by their first bytes, and names the command that reads
 * them.
 */

export interface Decompressor {
  /** What the file is, with its article. */
  what: string;
  /** What made the file. */
  by: string;
  /** Decompresses a file to standard output. */
  command: string;
}

const KINDS: readonly [what: string, magic: string, by: string, command: string][] = [
  ['an .xz file', '\xfd7zXZ\0', 'xz', 'xz -dc'],
  ['a .bz2 file', 'BZh', 'bzip2', 'bzip2 -dc'],
  ['an .lz4 file', '\x04\x22\x4d\x18', 'lz4', 'lz4 -dc'],
  // lz4 -l
  ['an .lz4 file', '\x02\x21\x4c\x18', 'lz4', 'lz4 -dc'],
  ['an .lz file', 'LZIP', 'lzip', 'lzip -dc'],
  ['a .Z file', '\x1f\x9d', 'compress', 'gzip -dc'],
  ['a .Z file', '\x1f\xa0', 'compress', 'gzip -dc'],
  ['an .lzo file', '\x89LZO\0\r\n\x1a\n', 'lzop', 'lzop -dc'],
  // The properties that lzma(1) writes, and a dictionary size that is a multiple of 64 KiB.
  ['an .lzma file', '\x5d\0\0', 'lzma', 'xz -dc'],
];

/** The command that decompresses a file with these first bytes; undefined if it is of no such kind. */
export function commandFor(start: Buffer): Decompressor | undefined {
  const found = KINDS.find(([, magic]) => start.toString('latin1', 0, magic.length) === magic);
  if (found === undefined) return undefined;
  const [what, , by, command] = found;
  // After "BZh" come a digit and the magic of a block. A name in a tar header might begin with "BZh", too.
  if (by === 'bzip2' && !/^[1-9](?:$|1AY&SY|\x17rE8P\x90)/.test(start.toString('latin1', 3, 10)))
    return undefined;
  return { what, by, command };
}
