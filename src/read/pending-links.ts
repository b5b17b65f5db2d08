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

  /**
   * All links as they are to be made, to what is no link itself: one that came before its target may lead to another.
   * `circular` are those that lead to nothing but one another.
   */
  resolve(): { links: HardLink[]; circular: HardLink[] } {
    const roots = new Map<ByteString, ByteString | undefined>();
    const links: HardLink[] = [];
    const circular: HardLink[] = [];
    for (const link of this.byPath.values()) {
      const target = this.follow(link, roots);
      if (target === undefined) circular.push(link);
      else links.push(target === link.target ? link : { ...link, target });
    }
    return { links, circular };
  }

  /** What a link leads to in the end. Each link is gone through once: `roots` has what was found. */
  private follow(from: HardLink, roots: Map<ByteString, ByteString | undefined>): ByteString | undefined {
    const passed: ByteString[] = [];
    let link: HardLink | undefined = from;
    let root: ByteString | undefined;
    while (link !== undefined && !roots.has(link.path)) {
      passed.push(link.path);
      // A link that is come to again leads nowhere: so a circle ends.
      roots.set(link.path, undefined);
      root = link.target;
      link = this.byPath.get(root);
    }
    if (link !== undefined) root = roots.get(link.path);
    for (const path of passed) roots.set(path, root);
    return root;
  }
}
