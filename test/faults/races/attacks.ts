/**
 * What somebody does who may write in the target: swaps what stands there for something else, or takes a name that is
 * about to be taken.
 */
import { spawnSync } from 'node:child_process';
import {
  chownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  type Stats,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

/** What takes the place of something. */
export type Bait = 'symlink' | 'hardlink' | 'fifo' | 'directory' | 'file';

export interface Attack {
  /** `swap-files`: every file in the target, temporary ones too; `take`: every member's name that is free. */
  act: 'swap-files' | 'swap-directories' | 'take';
  bait: Bait;
}

export const ATTACKS: readonly Attack[] = [
  { act: 'swap-directories', bait: 'symlink' },
  ...(['symlink', 'hardlink', 'fifo', 'directory', 'file'] as const).map((bait): Attack => ({
    act: 'swap-files',
    bait,
  })),
  ...(['file', 'symlink', 'fifo', 'directory'] as const).map((bait): Attack => ({ act: 'take', bait })),
];

/** Who attacks: nobody, by number. */
export const ATTACKER = 65534;

/** What the attacker's own files hold. */
export const MINE = 'what somebody else put here';

/** What has this name; undefined where nothing has, or where what is above it is no directory. */
export function standing(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch {
    return undefined;
  }
}

function place(bait: Bait, path: string, outside: string): void {
  const secret = join(outside, 'secret');
  if (bait === 'symlink') symlinkSync(secret, path);
  else if (bait === 'hardlink') linkSync(secret, path);
  else if (bait === 'fifo') spawnSync('mkfifo', [path]);
  else if (bait === 'directory') mkdirSync(path);
  else {
    writeFileSync(path, MINE);
    if (process.getuid?.() === 0) chownSync(path, ATTACKER, ATTACKER);
  }
}

/** Away from the target, where what was swapped goes. */
function away(path: string, grave: string): void {
  renameSync(path, join(grave, String(readdirSync(grave).length)));
}

/** Acts in `target`; returns the names below it that were taken. */
export function attack(
  { act, bait }: Attack,
  {
    target,
    outside,
    grave,
    members,
  }: { target: string; outside: string; grave: string; members: readonly string[] },
): string[] {
  if (act === 'take') {
    return members.filter((name) => {
      const path = join(target, name);
      if (standing(dirname(path))?.isDirectory() !== true || standing(path) !== undefined) return false;
      place(bait, path, outside);
      return true;
    });
  }
  const entries = readdirSync(target, { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    const path = join(entry.parentPath, entry.name);
    if (act === 'swap-files' && entry.isFile()) {
      if (bait === 'hardlink') unlinkSync(path);
      else away(path, grave);
      place(bait, path, outside);
    }
  }
  if (act === 'swap-directories') {
    // The deepest first: what is above may move afterwards.
    for (const entry of entries.filter((one) => one.isDirectory()).reverse()) {
      const path = join(entry.parentPath, entry.name);
      away(path, grave);
      symlinkSync(outside, path);
    }
  }
  return [];
}
