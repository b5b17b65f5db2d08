/**
 * The member of an archive that holds one.
 */
import { expect } from 'vitest';
import { openArchive } from 'znip/internal';

/** What the index says of it. */
export async function onlyEntry(
  archive: string,
): Promise<{ path: string; size: number; mode: number; mtime: bigint; uid: number | null }> {
  const opened = await openArchive(archive);
  const entries = [...(await opened.entries())];
  opened.close();
  expect(entries).toHaveLength(1);
  const { batch, row } = entries[0] as (typeof entries)[0];
  const { path, size, mode, mtime, uid } = batch.member(row);
  return { path, size, mode, mtime, uid };
}
