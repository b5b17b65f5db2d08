/**
 * The archive that a run writes, so that the run does not pack it: the files that it writes to, and the name that it
 * will take. Nothing else is left out. If the replaced archive has another hard link, that file keeps its content.
 */
import type { ByteString } from '../format/values/byte-string.ts';
import { type FileIdentity, isSameFile } from '../posix/stat.ts';

/** A name in a directory. */
export interface NamePlace {
  directory: FileIdentity;
  name: ByteString;
}

export interface OwnOutput {
  /** The files that are written to. */
  written: readonly FileIdentity[];
  /** The file that the archive will replace, and its place. */
  replaced: { file: FileIdentity; place: NamePlace } | undefined;
}

export const NO_OUTPUT: OwnOutput = { written: [], replaced: undefined };

/** Whether a file is one of those that are written to or replaced, under any name. */
export function isOwnFile({ written, replaced }: OwnOutput, file: FileIdentity): boolean {
  return (
    written.some((one) => isSameFile(one, file)) ||
    (replaced !== undefined && isSameFile(replaced.file, file))
  );
}

/** Whether the file that the walk found at a place is the archive itself. `follow`: the name there may be a symlink. */
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
