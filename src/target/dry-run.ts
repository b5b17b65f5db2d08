/**
 * What a run would write, found out without writing: each name, and what stands there.
 */
import { lstatSync } from 'node:fs';
import { ioError } from '../errors.ts';
import { toBytes, toFsPath, toText, type ByteString } from '../format/values/byte-string.ts';
import { KIND } from '../format/values/entry.ts';
import { whyNoDirectory } from './directories.ts';
import { mayReplace } from './file-names.ts';
import type { TargetTree } from './target-tree.ts';
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
    let standing: DryMember['standing'] = 'new';
    const parent = parents.of(path);
    if (parent === 'taken') standing = 'kept';
    else if (parent === 'there') standing = standingOf(path, kind, mtime, tree);
    if (standing === 'kept') kept.push(path);
    onMember({ path: toText(path), pathBytes: toBytes(path), standing });
  }
  return kept;
}

function standingOf(path: ByteString, kind: number, mtime: bigint, tree: TargetTree): DryMember['standing'] {
  const name = `${tree.settings.target}${path}`;
  if (!exists(name)) return 'new';
  if (kind !== KIND.directory) return mayReplace(path, mtime, tree) ? 'replaced' : 'kept';
  if (isDirectory(name)) return 'new';
  return tree.settings.existing === 'overwrite' ? 'replaced' : 'kept';
}

/** Whether the way into a directory is open; throws `unsafe-link` where a symlink is in it. */
function isDirectory(name: ByteString): boolean {
  const block = whyNoDirectory(toFsPath(name), toText(name));
  if (block?.code === 'unsafe-link') throw block;
  return block === undefined;
}

function exists(name: ByteString): boolean {
  try {
    return lstatSync(toFsPath(name), { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    throw ioError('look at', toText(name), error);
  }
}

/** Of a directory in the target: `taken` where something else has the name of it, or of one above it, and stays. */
type Parent = 'there' | 'missing' | 'taken';

/** Which directories are there. */
class ParentsThere {
  private readonly settings: WriteSettings;
  private readonly known = new Map<ByteString, Parent>();

  constructor(settings: WriteSettings) {
    this.settings = settings;
  }

  /**
   * What is to be said of the directory that `path` is in. From the top, and no further than to the first that is not
   * there: a name of 4 KB may have two thousand directories.
   */
  of(path: ByteString): Parent {
    for (let slash = path.indexOf('/'); slash >= 0; slash = path.indexOf('/', slash + 1)) {
      const parent = path.slice(0, slash);
      let known = this.known.get(parent);
      if (known === undefined) {
        known = this.look(`${this.settings.target}${parent}`);
        this.known.set(parent, known);
      }
      if (known !== 'there') return known;
    }
    return 'there';
  }

  private look(name: ByteString): Parent {
    if (!exists(name)) return 'missing';
    if (isDirectory(name)) return 'there';
    return this.settings.existing === 'overwrite' ? 'missing' : 'taken';
  }
}
