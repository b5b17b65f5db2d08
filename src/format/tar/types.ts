/**
 * The type flags of tar: which kind of member each is, and whether data follows its header.
 */
import { KIND } from '../values/entry.ts';

/** The meaning of a type flag. `kind` is null if no entry has this kind. */
export interface Type {
  kind: number | null;
  /** Whether data follows whenever the size says so. */
  data: boolean;
}

export const FILE: Type = { kind: KIND.file, data: true };
const NO_KIND: Type = { kind: null, data: false };

/** What a sparse file of a pax header is called in reports. Its own flag is that of a plain file. */
export const SPARSE_FLAG = 'S';

/** Types that mean the same to all programs. POSIX, and with it most programs, reads all other types as files. */
export const TYPES: Record<string, Type> = {
  '0': FILE,
  '\0': FILE,
  '7': FILE,
  '1': { kind: KIND.hardlink, data: false },
  '2': { kind: KIND.symlink, data: false },
  '3': NO_KIND,
  '4': NO_KIND,
  '5': { kind: KIND.directory, data: false },
  '6': NO_KIND,
  // A directory of an incremental dump. Its data is the list of its names.
  D: { kind: KIND.directory, data: true },
  // Sparse files, volume labels, and the rest of a file from another volume.
  S: { kind: null, data: true },
  V: { kind: null, data: true },
  M: { kind: null, data: true },
};

/** Kinds that unpack to nothing and that indexes do not know, in words. */
export const UNKNOWN_KINDS: Record<string, string> = {
  '3': 'character devices',
  '4': 'block devices',
  '6': 'FIFOs',
  S: 'sparse files',
  M: 'files that continue from another volume',
  V: 'volume labels',
};

/** In old archives, and in those of some programs, only the slash shows that it is a directory. */
export const FILE_TYPES = '0\x007';

export const DIRECTORY_BY_NAME: Type = { kind: KIND.directory, data: false };

/** Headers that say something about the next member: pax, Solaris, global, GNU long names and link targets. */
const EXTENSIONS = 'xXgLK';

const IS_EXTENSION = new Uint8Array(256);
for (const flag of EXTENSIONS) IS_EXTENSION[flag.charCodeAt(0)] = 1;

/** Whether a header with this type flag, as a byte, comes before that of a member. */
export function isExtension(flag: number): boolean {
  return IS_EXTENSION[flag] === 1;
}
