/**
 * Finds out what a run would write, without writing: each name, and what is there now.
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
  /** Path below the target, as text and as bytes. */
  path: string;
  pathBytes: Uint8Array;
  /**
   * `kept`: something has the name and would stay unchanged. Directories that exist are `new`. With `changed`, only members
   * that differ are told: `amended` if only a mode, an owner or a time would be set; and names that would be `removed`.
   */
  standing: 'new' | 'kept' | 'replaced' | 'amended' | 'removed';
}

export type OnDryMember = (member: DryMember) => void;

export interface DryEntry {
  path: ByteString;
  kind: number;
  mtime: bigint;
}

/** Calls `onMember` for every entry, in order. Returns the names below the target that would be kept. */
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

/** Whether a directory can be reached. Throws `unsafe-link` if the path leads through a symlink. */
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

/**
 * State of a directory in the target: `taken` if something else has its name, or the name of one above it, and stays.
 */
type Parent = 'there' | 'missing' | 'taken';

/** Which directories exist. */
class ParentsThere {
  private readonly settings: WriteSettings;
  private readonly known = new Map<ByteString, Parent>();

  constructor(settings: WriteSettings) {
    this.settings = settings;
  }

  /**
   * The state of the directory of `path`. Goes from the top, and only to the first one that does not exist: a name of 4
   * KB may have two thousand directories.
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
