/**
 * The names that a run has seen, and whether they can exist together. A name that is harmless alone may be harmful
 * below another.
 */
import { ZnipError } from '../errors.ts';
import { toText, type ByteString } from '../format/values/byte-string.ts';
import { KIND, KINDS } from '../format/values/entry.ts';
import type { Limits } from './limits.ts';
import { checkPath } from './safe-path.ts';

export class MemberNames {
  /** The kind of the member with each name. */
  private readonly kinds = new Map<ByteString, number>();
  /** Directories with members in them. */
  private readonly parents = new Set<ByteString>();
  private readonly limits: Limits;

  constructor(limits: Limits) {
    this.limits = limits;
  }

  /**
   * Adds a name. Returns the kind of the earlier member with this name, which is replaced; undefined if there was none.
   * Tar archives that were added to have such names. The kinds may differ, but a directory with members below it stays.
   * Throws for names that clash, and `limit`.
   */
  add(path: ByteString, kind: number): number | undefined {
    this.limits.checkDepth(path);
    checkPath(path);
    const before = this.kinds.get(path);
    if (before === kind) return before;
    if (kind !== KIND.directory && this.parents.has(path)) {
      throw below(path, kind, 'other members lie below it');
    }
    if (before === undefined) this.addParents(path);
    this.kinds.set(path, kind);
    return before;
  }

  /**
   * Adds the name of a file where that goes without saying: it is safe and not too deep, nothing has it, and no other member
   * clashes. `hasParents`: the file before was in the same directory. Returns false if `add` must decide. Throws `limit`.
   */
  addPlain(path: ByteString, hasParents: boolean): boolean {
    if (this.kinds.has(path) || this.parents.has(path)) return false;
    if (!hasParents) {
      const { parents, clash } = this.newParents(path);
      if (clash !== undefined) return false;
      this.register(parents);
    }
    this.kinds.set(path, KIND.file);
    return true;
  }

  /** Whether a directory member has this name, or members lie below it. */
  isDirectory(path: ByteString): boolean {
    return this.kinds.get(path) === KIND.directory || this.parents.has(path);
  }

  kindOf(path: ByteString): number | undefined {
    return this.kinds.get(path);
  }

  /** Every name, in the order in which they came. */
  all(): Iterable<ByteString> {
    return this.kinds.keys();
  }

  /** A member must not lie below one that is not a directory. Changes nothing if it throws. */
  private addParents(path: ByteString): void {
    const { parents, clash } = this.newParents(path);
    if (clash !== undefined) {
      const kind = this.kinds.get(clash) ?? 0;
      throw below(path, kind, `'${toText(clash)}', above it, is a ${KINDS[kind]} in the same archive`);
    }
    this.register(parents);
  }

  /** Directories above a name that no member has been in so far; or the name above it that no directory has. */
  private newParents(path: ByteString): { parents: ByteString[]; clash?: ByteString } {
    const parents: ByteString[] = [];
    for (let slash = path.lastIndexOf('/'); slash > 0; slash = path.lastIndexOf('/', slash - 1)) {
      const parent = path.slice(0, slash);
      // The parents of this one are known, too.
      if (this.parents.has(parent)) break;
      const kind = this.kinds.get(parent);
      if (kind !== undefined && kind !== KIND.directory) return { parents, clash: parent };
      parents.push(parent);
    }
    return { parents };
  }

  private register(parents: readonly ByteString[]): void {
    for (const parent of parents) {
      this.limits.addDirectory();
      this.parents.add(parent);
    }
  }
}

function below(path: ByteString, kind: number, why: string): ZnipError {
  const member = toText(path);
  const what = why.startsWith('other') ? `it is a ${KINDS[kind]}, and ` : '';
  return new ZnipError('unsafe-path', `member '${member}' is refused: ${what}${why}`, { member });
}
