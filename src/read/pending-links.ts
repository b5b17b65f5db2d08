/**
 * Hard links of a stream, which are made at the end, or before their target's name goes to a later member. Main thread.
 */
import type { ByteString } from '../format/byte-string.ts';
import type { HardLink } from './member-tree.ts';

export class PendingLinks {
  private readonly byPath = new Map<ByteString, HardLink>();
  /** Paths of links by the name that they lead to. */
  private readonly byTarget = new Map<ByteString, Set<ByteString>>();

  /** Takes in a link, whose name has no other. */
  add(link: HardLink): void {
    this.byPath.set(link.path, link);
    const paths = this.byTarget.get(link.target);
    if (paths === undefined) this.byTarget.set(link.target, new Set([link.path]));
    else paths.add(link.path);
  }

  at(path: ByteString): HardLink | undefined {
    return this.byPath.get(path);
  }

  /** The link of this name is replaced; false when there is none. */
  remove(path: ByteString): boolean {
    const link = this.byPath.get(path);
    if (link === undefined) return false;
    this.byPath.delete(path);
    this.byTarget.get(link.target)?.delete(path);
    return true;
  }

  /** Takes out all links to a name, in the order in which they came. */
  takeLinksTo(target: ByteString): HardLink[] {
    const paths = this.byTarget.get(target);
    if (paths === undefined) return [];
    this.byTarget.delete(target);
    const links: HardLink[] = [];
    for (const path of paths) {
      const link = this.byPath.get(path);
      if (link === undefined) continue;
      this.byPath.delete(path);
      links.push(link);
    }
    return links;
  }

  all(): Iterable<HardLink> {
    return this.byPath.values();
  }
}
