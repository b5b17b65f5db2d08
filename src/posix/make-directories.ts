/**
 * mkdir(2) that also makes all directories above. Node.js's own version loops for ever in a directory that exists but
 * allows no new ones, such as in /proc (nodejs/node: `mkdir` with `recursive` takes ENOENT for a missing parent).
 */
import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { errnoOf } from '../errors.ts';

/** Makes a directory, and the missing ones above it. Throws Node.js's error; EEXIST if another file is there. */
export function makeDirectories(path: string): void {
  try {
    mkdirSync(path);
    return;
  } catch (error) {
    if (isDirectory(path)) return;
    const parent = dirname(path);
    if (errnoOf(error) !== 'ENOENT' || parent === path || isDirectory(parent)) throw error;
    makeDirectories(parent);
  }
  makeDirectories(path);
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}
