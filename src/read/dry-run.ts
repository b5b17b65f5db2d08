/**
 * What a run would write, found out without writing: each name, and what stands there.
 */
import { lstatSync } from 'node:fs';
import { ioError } from '../errors.ts';
import { toBytes, toFsPath, toText, type ByteString } from '../format/byte-string.ts';
import { KIND } from '../format/entry.ts';
import { requireDirectory } from './directories.ts';
import type { TargetTree } from './target-tree.ts';
import { mayReplace } from './write-file.ts';
import type { WriteSettings } from './write-settings.ts';

export interface DryMember {
  /** Path below the target, as text and as the bytes that it has. */
  path: string;
  pathBytes: Uint8Array;
  /** `kept`: something has the name and would be left as it is. Directories that are there are `new`. */
  standing: 'new' | 'kept' | 'replaced';
}

export type OnDryMember = (member: DryMember) => void;

export interface DryEntry {
  path: ByteString;
  kind: number;
  mtime: bigint;
}

/** Tells `onMember` of every entry, in order; returns the names below the target that would be kept. */
export function dryRun(entries: Iterable<DryEntry>, tree: TargetTree, onMember: OnDryMember): ByteString[] {
  const { settings } = tree;
  const parents = new ParentsThere(settings);
  const kept: ByteString[] = [];
  for (const { path, kind, mtime } of entries) {
    const name = `${settings.target}${path}`;
    let standing: DryMember['standing'] = 'new';
    if (parents.has(path) && exists(name)) {
      if (kind === KIND.directory) requireDirectory(toFsPath(name), toText(name));
      else standing = mayReplace(path, mtime, tree) ? 'replaced' : 'kept';
    }
    if (standing === 'kept') kept.push(path);
    onMember({ path: toText(path), pathBytes: toBytes(path), standing });
  }
  return kept;
}

function exists(name: ByteString): boolean {
  try {
    return lstatSync(toFsPath(name), { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    throw ioError('look at', toText(name), error);
  }
}

/** Which directories are there. Throws, as a run would, where something else is. */
class ParentsThere {
  private readonly settings: WriteSettings;
  private readonly known = new Map<ByteString, boolean>();

  constructor(settings: WriteSettings) {
    this.settings = settings;
  }

  /**
   * Whether the directory that `path` is in is there. From the top, and no further than to the first that is not: a
   * name of 4 KB may have two thousand directories.
   */
  has(path: ByteString): boolean {
    for (let slash = path.indexOf('/'); slash >= 0; slash = path.indexOf('/', slash + 1)) {
      const parent = path.slice(0, slash);
      let there = this.known.get(parent);
      if (there === undefined) {
        const name = `${this.settings.target}${parent}`;
        there = exists(name);
        if (there) requireDirectory(toFsPath(name), toText(name));
        this.known.set(parent, there);
      }
      if (!there) return false;
    }
    return true;
  }
}
