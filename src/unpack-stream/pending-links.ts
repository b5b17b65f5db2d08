/**
 * Hard links of a stream. They are made at the end, or before their target's name goes to a later member. A link that
 * comes before its target waits for the first member that gets the target's name. Main thread.
 */
import type { ByteString } from '../format/values/byte-string.ts';
import type { HardLink } from '../target/links.ts';

export class PendingLinks {
  /** Links whose target has arrived: `target` is the name of a file or symlink. */
  private readonly byPath = new Map<ByteString, HardLink>();
  /** Paths of these by the name that they lead to. */
  private readonly byTarget = new Map<ByteString, Set<ByteString>>();
  /** Links whose target has not arrived, by their own name. */
  private readonly early = new Map<ByteString, HardLink>();
  /** The early links, by the name that they wait for. Links that were replaced are still in here. */
  private readonly waiting = new Map<ByteString, HardLink[]>();

  /** Adds a link to a file or symlink that has arrived. */
  add(link: HardLink): void {
    this.byPath.set(link.path, link);
    const paths = this.byTarget.get(link.target);
    if (paths === undefined) this.byTarget.set(link.target, new Set([link.path]));
    else paths.add(link.path);
  }

  /** Adds a link to a name that no member has yet. */
  wait(link: HardLink): void {
    this.early.set(link.path, link);
    const links = this.waiting.get(link.target);
    if (links === undefined) this.waiting.set(link.target, [link]);
    else links.push(link);
  }

  /** From now on, `name` means the file or symlink `target`. Links that have waited for the name now lead there. */
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

  /** Whether a link waits for a member to arrive. */
  get areWaiting(): boolean {
    return this.waiting.size > 0;
  }

  /** The link with this name, if its target has arrived. */
  at(path: ByteString): HardLink | undefined {
    return this.byPath.get(path);
  }

  /** Whether this is the name of a link whose target has not arrived. */
  isEarly(path: ByteString): boolean {
    return this.early.has(path);
  }

  /** Removes the link with this name, because it is replaced. Returns false if there is none. */
  remove(path: ByteString): boolean {
    const link = this.byPath.get(path);
    if (link === undefined) return this.early.delete(path);
    this.byPath.delete(path);
    this.byTarget.get(link.target)?.delete(path);
    return true;
  }

  /** Removes all links to a name, and returns them in the order in which they came. */
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

  /** Links whose target has arrived. */
  all(): Iterable<HardLink> {
    return this.byPath.values();
  }

  /** Links whose target has never arrived. */
  allEarly(): Iterable<HardLink> {
    return this.early.values();
  }
}
