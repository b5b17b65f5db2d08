/**
 * The directory that a run unpacks into: how things are written there, and what comes last.
 */
import { mkdirSync, realpathSync } from 'node:fs';
import { ioError } from '../errors.ts';
import { fromText, type ByteString } from '../format/byte-string.ts';
import type { Directories } from './directories.ts';
import { createHardLink, createSymlink } from './links.ts';
import type { Link } from './member-tree.ts';
import type { ExistingPolicy, WriteSettings } from './write-file.ts';

/** Below this much content, starting threads takes longer than the work. */
export const INLINE_BYTES = 8 * 1024 * 1024;

export interface TargetOptions {
  directory?: string;
  existing?: ExistingPolicy;
}

/** The target as a byte string with a trailing slash, made if need be. Links in it are the user's own. */
function openTarget(directory: string): ByteString {
  try {
    mkdirSync(directory, { recursive: true });
    const real = fromText(realpathSync(directory));
    return real.endsWith('/') ? real : `${real}/`;
  } catch (error) {
    throw ioError('unpack into', directory, error);
  }
}

export function writeSettings({ directory = '.', existing = 'fail' }: TargetOptions): WriteSettings {
  return {
    target: openTarget(directory),
    existing,
    umask: process.umask(),
    // Set-user-id and its like are never restored: the archive does not say whose they would be.
    modeMask: 0o777,
    mtime: true,
  };
}

interface TreeEnd {
  symlinks: readonly Link[];
  hardLinks: readonly Link[];
  madeDirectories: Directories;
  settings: WriteSettings;
  onTaken: (path: ByteString) => void;
}

/** Links after every file, so that nothing was written through one; directory modes and times last of all. */
export function finishTree({ symlinks, hardLinks, madeDirectories, settings, onTaken }: TreeEnd): void {
  for (const link of symlinks) {
    madeDirectories.ensureParent(link.path);
    if (!createSymlink(link, settings)) onTaken(link.path);
  }
  for (const link of hardLinks) {
    madeDirectories.ensureParent(link.path);
    if (!createHardLink(link, settings)) onTaken(link.path);
  }
  madeDirectories.finish();
}
