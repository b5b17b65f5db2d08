/**
 * mkdir(2) with all directories above. Node.js's own tries for ever where a directory is there in which none can be
 * made, as in /proc (nodejs/node: `mkdir` with `recursive` takes ENOENT for a missing parent).
 */
import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { errnoOf } from '../errors.ts';

/** Makes a directory, and those above it that are missing. Throws Node.js's error, EEXIST where another file stands. */
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
