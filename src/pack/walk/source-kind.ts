/**
 * What the walk has found: a member of some kind, or something that no archive can hold. Main thread.
 */
import { constants } from 'node:fs';
import { KIND } from '../../format/values/entry.ts';
import type { FileStat } from '../../posix/stat.ts';

/** Index into KINDS; undefined for things that no archive can hold. */
export function kindOf(stats: FileStat): number | undefined {
  if (stats.isDirectory()) return KIND.directory;
  if (stats.isSymbolicLink()) return KIND.symlink;
  return stats.isFile() ? KIND.file : undefined;
}

/** Whether bytes can be read from it up to an end, although it is not a regular file. */
export function isStream(stats: FileStat): boolean {
  const type = stats.mode & constants.S_IFMT;
  return stats.isFIFO() || type === constants.S_IFCHR || type === constants.S_IFBLK;
}

/** Why something is left out. `named`: the user named it, so the message says what to do about it. */
export function whyLeftOut(stats: FileStat, named: boolean): string {
  const what = stats.isSocket() ? 'a socket' : stats.isFIFO() ? 'a FIFO' : 'a device';
  const remedy = named && isStream(stats) ? '; `readSpecial` packs what is read from it as a file' : '';
  return `left out: it is ${what}, and an archive holds files, directories and links${remedy}`;
}
