/**
 * What stands in a directory, in the form in which the model says what should.
 */
import { createHash } from 'node:crypto';
import {
  chmodSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { contentOf, type Standing } from './stream.ts';

export interface Seen {
  kind: 'file' | 'directory' | 'symlink' | 'fifo';
  /** Of a file, its content or what stands for a long one; of a symlink, where it leads. */
  content: string;
  /** undefined where nobody says what it should be. */
  mode: number | undefined;
  /** Whole seconds, of files. */
  mtime: number | undefined;
  /** All names of the same file or symlink. */
  names: string;
}

export type Tree = Map<string, Seen>;

/** Contents longer than this are told apart by their hash. */
const SHOWN = 600;

export function fingerprint(content: Buffer): string {
  return content.length <= SHOWN
    ? content.toString('latin1')
    : `${content.length} bytes ${createHash('md5').update(content).digest('hex')}`;
}

export function snapshot(root: string): Tree {
  const tree: Tree = new Map();
  const names = new Map<number, string[]>();
  const inodes = new Map<string, number>();
  const visit = (below: string): void => {
    for (const name of readdirSync(join(root, below)).sort()) {
      const path = below === '' ? name : `${below}/${name}`;
      const file = join(root, path);
      const stats = lstatSync(file);
      const seen: Seen = {
        kind: 'file',
        content: '',
        mode: stats.mode & 0o7777,
        mtime: undefined,
        names: path,
      };
      if (stats.isDirectory()) seen.kind = 'directory';
      else if (stats.isSymbolicLink()) {
        Object.assign(seen, { kind: 'symlink', content: readlinkSync(file), mode: undefined });
      } else if (stats.isFIFO()) seen.kind = 'fifo';
      else {
        seen.content = fingerprint(readFileSync(file));
        seen.mtime = Math.floor(stats.mtimeMs / 1000);
      }
      tree.set(path, seen);
      if (seen.kind === 'directory') visit(path);
      else {
        inodes.set(path, stats.ino);
        names.set(stats.ino, [...(names.get(stats.ino) ?? []), path]);
      }
    }
  };
  visit('');
  for (const [path, inode] of inodes) {
    const seen = tree.get(path);
    if (seen !== undefined) seen.names = (names.get(inode) ?? []).sort().join(' ');
  }
  return tree;
}

/** Puts what stands before into a new directory. */
export function plant(root: string, standing: readonly Standing[]): void {
  mkdirSync(root, { recursive: true });
  for (const one of standing) {
    const path = join(root, one.name);
    mkdirSync(dirname(path), { recursive: true });
    if (one.kind === 'directory') mkdirSync(path, { recursive: true });
    else if (one.kind === 'symlink') symlinkSync(one.target, path);
    else writeFileSync(path, contentOf({ id: one.id, size: STANDING_SIZE }));
    if (one.kind !== 'symlink') chmodSync(path, one.mode);
    if (one.kind === 'symlink') lutimesSync(path, one.mtime, one.mtime);
    else utimesSync(path, one.mtime, one.mtime);
  }
}

export const STANDING_SIZE = 20;

/** In words, what one tree has otherwise than another; undefined when nothing. */
export function difference(
  path: string,
  right: Seen | undefined,
  found: Seen | undefined,
): string | undefined {
  if (right === undefined && found === undefined) return undefined;
  if (right === undefined) return `${path}: a ${found?.kind} where nothing belongs`;
  if (found === undefined) return `${path}: the ${right.kind} is missing`;
  const apart: string[] = [];
  for (const aspect of ['kind', 'content', 'names'] as const) {
    if (right[aspect] !== found[aspect]) {
      apart.push(`${aspect} ${JSON.stringify(found[aspect])}, expected ${JSON.stringify(right[aspect])}`);
    }
  }
  for (const aspect of ['mode', 'mtime'] as const) {
    if (right[aspect] !== undefined && right[aspect] !== found[aspect]) {
      const radix = aspect === 'mode' ? 8 : 10;
      apart.push(`${aspect} ${found[aspect]?.toString(radix)}, expected ${right[aspect].toString(radix)}`);
    }
  }
  return apart.length === 0 ? undefined : `${path}: ${apart.join('; ')}`;
}
