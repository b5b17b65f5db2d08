/** What verify says of a damaged archive: that it is damaged, unless the damage changes nothing. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { openArchive, unpack, verify, ZnipError } from 'znip/internal';
import { blobAt, type Property } from '../support/damage.ts';
import { describeTree } from '../support/tree.ts';

export const verifyTells: Property = async ({ kind, offset, path }, sample) => {
  const report = await verify(path, { threads: 1 }).catch((error: unknown) => {
    if (!(error instanceof ZnipError)) throw error;
    return error.code;
  });
  if (kind === 'cut') {
    // The prologue is a mark of an archive.
    if (offset < 9) expect(report).toBe('not-an-archive');
    else
      expect(typeof report === 'string' ? [report] : report.damage.map(({ code }) => code)).toContain(
        'truncated',
      );
    return 'found';
  }
  if (typeof report === 'string' || !report.ok) return 'found';
  // zstd has other ways to write down the same. Hashes are of what blobs decompress to: nothing is lost.
  expect({ kind, isInBlob: blobAt(sample, offset) >= 0 }).toEqual({ kind: 'changed', isInBlob: true });
  const target = join(sample.directory, 'harmless');
  rmSync(target, { recursive: true, force: true });
  const opened = await openArchive(path);
  await unpack(opened, { directory: target, threads: 1 });
  opened.close();
  expect(describeTree(join(target, 't'))).toEqual(sample.source);
  return 'harmless';
};
