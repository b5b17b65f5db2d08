/**
 * Reads files by their holes (lseek(2), SEEK_DATA): what is not on the disk is not read through the page cache either. With the
 * native core, and where the file system tells.
 */
import { fstatSync } from 'node:fs';
import { core } from '../core/core.ts';

/** st_blocks counts these, whatever the file system's own blocks are (POSIX, sys/stat.h). */
const BLOCK = 512;

/**
 * Reads a file that has holes from byte `position` on, into all of `target`. Returns how many bytes there were; 0 if the file has
 * no holes or these are not known: then it is to be read as any other. Throws Node.js's error.
 */
export function readByHoles(fd: number, target: Uint8Array, position: number): number {
  const native = core();
  if (native === undefined) return 0;
  const { blocks, size } = fstatSync(fd);
  return blocks * BLOCK < size ? Math.max(0, native.readByHoles(fd, target, position)) : 0;
}
