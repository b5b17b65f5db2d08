/**
 * The files to which a run has given more than one name. Any other file with several names may belong to somebody else.
 */
import type { FileStat } from '../posix/stat.ts';

type Identity = Pick<FileStat, 'dev' | 'ino'>;

export class LinkedFiles {
  private readonly keys = new Set<string>();

  add(file: Identity): void {
    this.keys.add(keyOf(file));
  }

  has(file: Identity): boolean {
    return this.keys.has(keyOf(file));
  }
}

function keyOf({ dev, ino }: Identity): string {
  return `${dev}:${ino}`;
}
