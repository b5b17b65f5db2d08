/**
 * The archive that a run writes, so that the run does not pack it: the files that it writes to, and the name that
 * it will take. Nothing else is left out; another hard link to the archive that is replaced keeps what is in it.
 */
import type { ByteString } from '../format/values/byte-string.ts';
import { type FileIdentity, isSameFile } from '../posix/stat.ts';

/** A name in a directory. */
export interface NamePlace {
  directory: FileIdentity;
  name: ByteString;
}

export interface OwnOutput {
  /** What is written to. */
  written: readonly FileIdentity[];
  /** What the archive will take the place of, and where that is. */
  replaced: { file: FileIdentity; place: NamePlace } | undefined;
}

export const NO_OUTPUT: OwnOutput = { written: [], replaced: undefined };

/** Whether a file is what is written to, or what is replaced, by any name. */
export function isOwnFile({ written, replaced }: OwnOutput, file: FileIdentity): boolean {
  return (
    written.some((one) => isSameFile(one, file)) ||
    (replaced !== undefined && isSameFile(replaced.file, file))
  );
}

/** Whether what the walk found at a place is the archive itself. `follow`: the name there may be a symlink. */
export function isOwnOutput(
  own: OwnOutput,
  file: FileIdentity,
  { directory, name }: NamePlace,
  follow: boolean,
): boolean {
  const { written, replaced } = own;
  if (written.some((one) => isSameFile(one, file))) return true;
  if (replaced === undefined || !isSameFile(replaced.file, file)) return false;
  return follow || (name === replaced.place.name && isSameFile(directory, replaced.place.directory));
}
