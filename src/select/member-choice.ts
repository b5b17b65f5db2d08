/**
 * Which members a run unpacks, and under which names: patterns, excludes, leading components. The same for both ways of
 * unpacking.
 */
import { ZnipError } from '../errors.ts';
import { toText, type ByteString } from '../format/values/byte-string.ts';
import { KIND } from '../format/values/entry.ts';
import { checkPath } from '../rules/safe-path.ts';
import { compileExcludes, compileSelection, type Excludes, type Selection } from './patterns.ts';

export interface MemberChoiceOptions {
  /**
   * Members to unpack: exact names, directories with everything below them, or globs. Default: all. Throws `no-match`
   * if none of them matches anything.
   */
  patterns?: readonly string[] | undefined;
  /** Called for each pattern that matched nothing while others did. */
  onUnmatched?: ((pattern: string) => void) | undefined;
  /** Members to leave out, with all below them: names, globs, or runs of last components. */
  exclude?: readonly string[] | undefined;
  /**
   * How many leading components to remove from every name, and from the targets of hard links. Members without more
   * components than that are left out.
   */
  stripComponents?: number | undefined;
  /** Chooses members. Gets a member's path in the archive as text. Default: all. */
  filter?: ((path: string) => boolean) | undefined;
}

export class MemberChoice {
  /** Whether members may have other names than in the archive. */
  readonly renames: boolean;
  private readonly options: MemberChoiceOptions;
  private readonly selection: Selection | undefined;
  private readonly excludes: Excludes | undefined;
  private readonly strip: number;

  constructor(options: MemberChoiceOptions) {
    this.options = options;
    const { patterns = [], exclude = [], stripComponents = 0 } = options;
    this.selection = patterns.length === 0 ? undefined : compileSelection(patterns);
    this.excludes = exclude.length === 0 ? undefined : compileExcludes(exclude);
    this.strip = stripComponents;
    this.renames = stripComponents > 0;
  }

  /** Whether every member is wanted, under its own name. */
  get isEverything(): boolean {
    const { filter } = this.options;
    return (
      this.selection === undefined && this.excludes === undefined && filter === undefined && !this.renames
    );
  }

  /** The name that a member gets; undefined if it is not wanted. */
  nameFor(path: ByteString, kind: number): ByteString | undefined {
    const { filter } = this.options;
    if (this.selection !== undefined || this.excludes !== undefined || filter !== undefined) {
      const text = toText(path);
      if (this.selection?.matches(text) === false) return undefined;
      if (this.excludes?.covers(text, kind === KIND.directory) === true) {
        return undefined;
      }
      if (filter?.(text) === false) return undefined;
    }
    return this.strip === 0 ? path : this.stripped(path);
  }

  /**
   * Reports patterns that matched nothing, when all members have been seen. Throws `no-match` if none matched. The
   * archive's name is for the message, with quotes if it needs them.
   */
  finish(archiveName: string): void {
    const { patterns = [], onUnmatched } = this.options;
    const unmatched = this.selection?.unmatched() ?? [];
    if (unmatched.length === 0) return;
    if (unmatched.length === new Set(patterns).size) {
      const names = patterns.map((pattern) => `'${pattern}'`).join(', ');
      throw new ZnipError('no-match', `nothing in ${archiveName} matches ${names}`);
    }
    for (const pattern of unmatched) onUnmatched?.(pattern);
  }

  private stripped(path: ByteString): ByteString | undefined {
    // An unsafe name stays refused, even if its first components are removed.
    checkPath(path);
    let start = 0;
    for (let i = 0; i < this.strip; i++) {
      const slash = path.indexOf('/', start);
      if (slash < 0) return undefined;
      start = slash + 1;
    }
    return path.slice(start);
  }
}
