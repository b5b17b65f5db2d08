/**
 * Hard links of a stream, which are made at the end, or before their target's name goes to a later member. A link that
 * comes before its target waits for the first member that gets the name. Main thread.
 */
import type { ByteString } from '../format/values/byte-string.ts';
import type { HardLink } from '../target/links.ts';

export class PendingLinks {
  /** Links to what has come: `target` is the name of a file or symlink. */
  private readonly byPath = new Map<ByteString, HardLink>();
  /** Paths of these by the name that they lead to. */
  private readonly byTarget = new Map<ByteString, Set<ByteString>>();
  /** Links to what has not come, by their own name. */
  private readonly early = new Map<ByteString, HardLink>();
  /** Early links by the name that they wait for, also those that are replaced. */
  private readonly waiting = new Map<ByteString, HardLink[]>();

  /** Takes in a link to a file or symlink that has come. */
  add(link: HardLink): void {
    this.byPath.set(link.path, link);
    const paths = this.byTarget.get(link.target);
    if (paths === undefined) this.byTarget.set(link.target, new Set([link.path]));
    else paths.add(link.path);
  }

  /** Takes in a link to a name that nothing has yet. */
  wait(link: HardLink): void {
    this.early.set(link.path, link);
    const links = this.waiting.get(link.target);
    if (links === undefined) this.waiting.set(link.target, [link]);
    else links.push(link);
  }

  /** The file or symlink `target` has this name from now on: what has waited for the name leads there. */
  arrive(name: ByteString, target: ByteString): void {
    const names = [name];
    for (let arrived = names.pop(); arrived !== undefined; arrived = names.pop()) {
      const links = this.waiting.get(arrived) ?? [];
      this.waiting.delete(arrived);
      for (const link of links) {
        if (this.early.get(link.path) !== link) continue;
        this.early.delete(link.path);
        this.add({ ...link, target });
        names.push(link.path);
      }
    }
  }

  /** The link to something that has come. */
  at(path: ByteString): HardLink | undefined {
    return this.byPath.get(path);
  }

  /** Whether a link has this name whose target has not come. */
  isEarly(path: ByteString): boolean {
    return this.early.has(path);
  }

  /** The link of this name is replaced; false when there is none. */
  remove(path: ByteString): boolean {
    const link = this.byPath.get(path);
    if (link === undefined) return this.early.delete(path);
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

  /** Links to what has come. */
  all(): Iterable<HardLink> {
    return this.byPath.values();
  }

  /** Links to what has never come. */
  allEarly(): Iterable<HardLink> {
    return this.early.values();
  }
}
