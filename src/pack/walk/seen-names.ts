/**
 * What a walk has packed already: names, because several roots may have the same names, and inodes, because later names
 * of an inode become hard links. Main thread.
 */
import type { ByteString } from '../../format/values/byte-string.ts';
import { type FileIdentity, type FileStat, isSameFile, lstat, stat } from '../../posix/stat.ts';
import type { Root } from './root.ts';

export class SeenNames {
  /** For each name, the root that it came from. Within one root, every name occurs once. */
  private readonly roots: Map<ByteString, Root> | undefined;
  private readonly inodes = new Map<string, ByteString>();
  private readonly statSource: (path: ByteString) => FileStat;

  constructor(dereference: boolean, oneRoot: boolean) {
    this.roots = oneRoot ? undefined : new Map();
    this.statSource = dereference ? stat : lstat;
  }

  /** The root that a name was packed from; undefined if it was not packed. */
  rootOf(path: ByteString): Root | undefined {
    return this.roots?.get(path);
  }

  add(path: ByteString, root: Root): void {
    this.roots?.set(path, root);
  }

  /** Whether a directory was packed under this name. */
  isDirectory(path: ByteString, { prefix }: Root): boolean {
    try {
      return this.statSource(`${prefix}${path}`).isDirectory();
    } catch {
      return false;
    }
  }

  /** Whether this file was packed under this name. */
  isFile(path: ByteString, { prefix }: Root, file: FileIdentity): boolean {
    try {
      return isSameFile(this.statSource(`${prefix}${path}`), file);
    } catch {
      return false;
    }
  }

  /** Path of the first member with this inode. If this is the first, it is remembered, and the result is undefined. */
  firstOf({ dev, ino }: FileIdentity, path: ByteString): ByteString | undefined {
    const inode = `${dev}:${ino}`;
    const first = this.inodes.get(inode);
    if (first === undefined) this.inodes.set(inode, path);
    return first;
  }
}
