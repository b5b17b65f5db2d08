/**
 * Archives for commands that read the index first, which is at the end of a file.
 */
import { type Archive, openArchive } from '../../archive/archive.ts';
import { ZnipError } from '../../errors.ts';

/** Opens an archive as `openArchive` does. Throws `usage` for `-`: a pipe has its end last. */
export async function openIndexed(path: string, command: string): Promise<Archive> {
  if (path === '-') {
    throw new ZnipError(
      'usage',
      `${command} takes no pipe, because the index is at the end: save what arrives to a file (./- is a file called so)`,
    );
  }
  return openArchive(path);
}
