/**
 * Which members are refused beside others, as `MemberNames` has it, as far as hard links have to do with it: only of
 * names that links lead to, and of the directories above them, is anything kept.
 */
import type { ByteString } from '../format/values/byte-string.ts';
import { KIND } from '../format/values/entry.ts';
import { unsafePathReason } from '../format/values/member-path.ts';

export class LinkedNames {
  private readonly watched = new Set<ByteString>();
  private readonly kinds = new Map<ByteString, number>();
  /** Directories that members lie in. */
  private readonly parents = new Set<ByteString>();
  /** The directory of the member before, whose parents are known. */
  private lastParent: ByteString = '';

  /** `targets`: names that links lead to. */
  constructor(targets: Iterable<ByteString>) {
    for (let name of targets) {
      for (; name !== '' && !this.watched.has(name); name = parentOf(name)) this.watched.add(name);
    }
  }

  /** Takes in a name; false when a member of this kind cannot have it. */
  add(path: ByteString, kind: number): boolean {
    const isWatched = this.watched.has(path);
    if (isWatched && kind !== KIND.directory && this.parents.has(path)) return false;
    const parent = parentOf(path);
    if ((isWatched || parent !== this.lastParent) && unsafePathReason(path) !== undefined) return false;
    if (parent !== this.lastParent) {
      if (!this.addParents(parent)) return false;
      this.lastParent = parent;
    }
    if (isWatched) this.kinds.set(path, kind);
    return true;
  }

  /** Whether a directory has this name, to which links lead, or members lie below it. */
  isDirectory(path: ByteString): boolean {
    return this.kinds.get(path) === KIND.directory || this.parents.has(path);
  }

  /** False, and nothing is changed, when one of these directories is something else. */
  private addParents(directory: ByteString): boolean {
    const parents: ByteString[] = [];
    for (let name = directory; name !== '' && !this.parents.has(name); name = parentOf(name)) {
      if (!this.watched.has(name)) continue;
      const kind = this.kinds.get(name);
      if (kind !== undefined && kind !== KIND.directory) return false;
      parents.push(name);
    }
    for (const name of parents) this.parents.add(name);
    return true;
  }
}

function parentOf(path: ByteString): ByteString {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}
