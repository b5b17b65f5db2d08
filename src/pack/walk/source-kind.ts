/**
 * What the walk has found: a member of some kind, or something that no archive holds. Main thread.
 */
import { constants } from 'node:fs';
import { KIND } from '../../format/values/entry.ts';
import type { FileStat } from '../../posix/stat.ts';

/** Index into KINDS; undefined for what no archive holds. */
export function kindOf(stats: FileStat): number | undefined {
  if (stats.isDirectory()) return KIND.directory;
  if (stats.isSymbolicLink()) return KIND.symlink;
  return stats.isFile() ? KIND.file : undefined;
}

/** Whether bytes can be read from it until there are no more, although it is no file. */
export function isStream(stats: FileStat): boolean {
  const type = stats.mode & constants.S_IFMT;
  return stats.isFIFO() || type === constants.S_IFCHR || type === constants.S_IFBLK;
}

/** Why something is left out that was named, or found. `named`: there is something to be done about it. */
export function whyLeftOut(stats: FileStat, named: boolean): string {
  const what = stats.isSocket() ? 'a socket' : stats.isFIFO() ? 'a FIFO' : 'a device';
  const remedy = named && isStream(stats) ? '; `readSpecial` packs what is read from it as a file' : '';
  return `left out: it is ${what}, and an archive holds files, directories and links${remedy}`;
}
