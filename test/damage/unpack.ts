/** What unpack makes of a damaged archive: it is refused with status 4, or gives exactly what was packed. */
import { closeSync, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { openArchive, unpack, unpackStream, ZnipError } from 'znip/internal';
import { exitStatusOf } from '../../src/cli/process/exit-status.ts';
import { fromPlainError } from '../../src/errors.ts';
import { type Property } from '../support/damage.ts';
import { describeTree } from '../support/tree.ts';

export type Way = 'pipe' | 'file';

/** As the command line does: by the index, and what is no archive in one pass. */
async function unpackAs(way: Way, path: string, directory: string): Promise<void> {
  if (way === 'file') {
    try {
      const opened = await openArchive(path);
      try {
        await unpack(opened, { directory, threads: 1 });
      } finally {
        opened.close();
      }
      return;
    } catch (error) {
      if (!(error instanceof ZnipError) || error.code !== 'not-an-archive') throw error;
    }
  }
  const fd = openSync(path, 'r');
  try {
    await unpackStream(fd, { directory, threads: 1, name: way === 'file' ? `'${path}'` : 'a pipe' });
  } finally {
    closeSync(fd);
  }
}

export const unpackRefuses =
  (way: Way): Property =>
  async ({ kind, path }, { directory, source }) => {
    const target = join(directory, 'unpacked');
    rmSync(target, { recursive: true, force: true });
    try {
      await unpackAs(way, path, target);
    } catch (error) {
      if (!(error instanceof ZnipError)) throw error;
      // The class of the built library is another one than that of the sources.
      expect({ error: String(error), status: exitStatusOf(fromPlainError(error)) }).toMatchObject({
        status: 4,
      });
      return 'refused';
    }
    expect(kind).not.toBe('cut');
    expect(describeTree(join(target, 't'))).toEqual(source);
    return 'as it was';
  };
