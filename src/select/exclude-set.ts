/**
 * Exclude patterns, sorted by how they are matched. Most are names or endings of names.
 */
import type { Automaton } from './automaton.ts';
import { compileGlob, isGlob } from './glob.ts';

export class ExcludeSet {
  /** Whole paths, and their lengths: no part is cut out of a path if no pattern has its length. */
  private readonly paths = new Set<string>();
  private readonly lengths = new Set<number>();
  /** Last components. */
  private readonly names = new Set<string>();
  /** Ends of last components: `*.log`. */
  private readonly endings: string[] = [];
  /** Runs of last components with a slash before them: `/build/tmp`. */
  private readonly tails: string[] = [];
  private readonly nameGlobs: Automaton[] = [];
  private readonly pathGlobs: Automaton[] = [];

  add(pattern: string, anchored: boolean): void {
    const single = !pattern.includes('/');
    const glob = isGlob(pattern);
    if (!glob && single && !anchored) this.names.add(pattern);
    else if (!glob) {
      this.paths.add(pattern);
      this.lengths.add(pattern.length);
      if (!anchored) this.tails.push(`/${pattern}`);
    } else if (anchored) this.pathGlobs.push(compileGlob(pattern));
    else if (!single) this.pathGlobs.push(compileGlob(pattern.startsWith('**/') ? pattern : `**/${pattern}`));
    else if (/^\*[^*?[\]{}\\]+$/.test(pattern)) this.endings.push(pattern.slice(1));
    else this.nameGlobs.push(compileGlob(pattern));
  }

  /** Whether a pattern matches this path. */
  matches(path: string): boolean {
    return (
      this.isNamed(path, path.lastIndexOf('/') + 1, path.length) ||
      this.pathGlobs.some((glob) => glob.matches(path))
    );
  }

  /** Whether a pattern matches this path or one above it. A deep path is walked once, not once for each level. */
  covers(path: string): boolean {
    for (let start = 0; ;) {
      const slash = path.indexOf('/', start);
      if (this.isNamed(path, start, slash < 0 ? path.length : slash)) return true;
      if (slash < 0) break;
      start = slash + 1;
    }
    return this.pathGlobs.some((glob) => glob.covers(path));
  }

  /**
   * Whether a pattern other than a glob across components matches the path up to `end`, whose last component begins at
   * `start`.
   */
  private isNamed(path: string, start: number, end: number): boolean {
    if (this.lengths.has(end) && this.paths.has(path.slice(0, end))) return true;
    if (this.tails.some((tail) => path.endsWith(tail, end))) return true;
    if (this.names.size + this.endings.length + this.nameGlobs.length === 0) return false;
    const name = path.slice(start, end);
    return (
      this.names.has(name) ||
      this.endings.some((ending) => name.endsWith(ending)) ||
      this.nameGlobs.some((glob) => glob.matches(name))
    );
  }
}
