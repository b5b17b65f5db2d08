/**
 * Archives for commands that first read the index, which is at the end of a file.
 */
import { type Archive, openArchive } from '../../archive/archive.ts';
import { ZnipError } from '../../errors.ts';

/** Opens an archive as `openArchive` does. Throws `usage` for `-`: the end of a pipe arrives last. */
export async function openIndexed(path: string, command: string): Promise<Archive> {
  if (path === '-') {
    throw new ZnipError(
      'usage',
      `${command} takes no pipe, because the index is at the end: save it to a file first (write ./- for a file with this name)`,
    );
  }
  return openArchive(path);
}
