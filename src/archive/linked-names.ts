/**
 * Which members are refused because of other members, as in `MemberNames`, as far as this matters for hard links. It
 * keeps only names that links lead to, and the directories above them.
 */
import type { ByteString } from '../format/values/byte-string.ts';
import { KIND } from '../format/values/entry.ts';
import { parentOf, unsafePathReason } from '../format/values/member-path.ts';

export class LinkedNames {
  private readonly watched = new Set<ByteString>();
  private readonly kinds = new Map<ByteString, number>();
  /** Directories with members in them. */
  private readonly parents = new Set<ByteString>();
  /** The directory of the member before. Its parents are known. */
  private lastParent: ByteString = '';

  /** `targets`: names that links lead to. */
  constructor(targets: Iterable<ByteString>) {
    for (let name of targets) {
      for (; name !== '' && !this.watched.has(name); name = parentOf(name)) this.watched.add(name);
    }
  }

  /** Adds a name; false if a member of this kind cannot have it. */
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

  /** Whether this is a directory to which links lead, or has members below it. */
  isDirectory(path: ByteString): boolean {
    return this.kinds.get(path) === KIND.directory || this.parents.has(path);
  }

  /** False if one of these directories is something else; then nothing changes. */
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
