/**
 * The names that a run has seen, and whether they can exist together. A name that is harmless alone may be harmful
 * below another.
 */
import { type Core, core, type CoreNamedEntries } from '../core/core.ts';
import { ZnipError } from '../errors.ts';
import { grown } from '../format/values/grown.ts';
import { toText, type ByteString } from '../format/values/byte-string.ts';
import { startOf } from '../format/values/byte-strings.ts';
import { MAX_PATH_LENGTH } from '../format/values/constants.ts';
import { KIND, KINDS } from '../format/values/entry.ts';
import { isSafeComponent, liesDirectlyIn, unsafePathReason } from '../format/values/member-path.ts';
import type { Limits } from './limits.ts';
import { hashBytes, KEY, NameTable } from './name-table.ts';
import { checkPath } from './safe-path.ts';

export class MemberNames {
  /** The names of members, in the order in which they came. */
  readonly table = new NameTable();
  /** The kind of the last member with each name, by row. */
  private kinds = new Uint8Array(FIRST_ROWS);
  /** Directories with members in them. */
  private readonly parents = new NameTable();
  private readonly limits: Limits;

  private readonly core: Core | undefined;

  /** `native`: the core, if it is to be used. */
  constructor(limits: Limits, native = core()) {
    this.limits = limits;
    this.core = native;
  }

  /**
   * Adds a name. Returns the kind of the earlier member with this name, which is replaced; undefined if there was none.
   * Tar archives that were added to have such names. The kinds may differ, but a directory with members below it stays.
   * Throws for names that clash, and `limit`.
   */
  add(path: ByteString, kind: number): number | undefined {
    this.limits.checkDepth(path);
    checkPath(path);
    const before = this.kindOf(path);
    if (before === kind) return before;
    if (kind !== KIND.directory && this.parents.has(path)) {
      throw below(path, kind, 'other members lie below it');
    }
    if (before === undefined) this.addParents(path);
    this.setKind(this.table.add(path), kind);
    return before;
  }

  /**
   * Adds the names of rows `from` to `to` as far as that goes without saying: files, and with the core also directories. Returns
   * how many it added; about the next, `add` must decide. The caller knows that no limit of names or depth is set.
   */
  addRows(entries: CoreNamedEntries & { paths: Buffer }, from: number, to: number): number {
    const { core: native, limits, table, parents } = this;
    const { paths: bytes, pathEnds, kinds } = entries;
    if (native === undefined) return this.addFiles(bytes, pathEnds, kinds, from, to);
    const members = table.open(to - from, startOf(pathEnds, to) - startOf(pathEnds, from));
    const most = table.size + to - from;
    if (most > this.kinds.length) this.kinds = grown(new Uint8Array(2 * most), this.kinds);
    const sizes = Uint32Array.of(table.size, parents.size);
    const before = parents.size;
    const named = { ...members, kinds: this.kinds };
    const count = native.addNames(entries, from, to, named, parents.open(1, MAX_PATH_LENGTH), KEY, sizes);
    table.commit(sizes[0] ?? 0);
    parents.commit(sizes[1] ?? 0);
    limits.addDirectories(parents.size - before);
    return count;
  }

  private addFiles(
    bytes: Buffer,
    pathEnds: Uint32Array,
    kinds: Uint8Array,
    from: number,
    to: number,
  ): number {
    let directory = startOf(pathEnds, from);
    let length = 0;
    let row = from;
    for (; row < to && kinds[row] === KIND.file; row++) {
      const start = startOf(pathEnds, row);
      const end = pathEnds[row] ?? start;
      const isSame =
        row > from &&
        end - start <= MAX_PATH_LENGTH &&
        liesDirectlyIn(bytes, directory, length, start, end) &&
        isSafeComponent(bytes, start + length, end);
      if (!isSame) {
        const path = bytes.toString('latin1', start, end);
        if (unsafePathReason(path) !== undefined) break;
        directory = start;
        length = path.lastIndexOf('/') + 1;
      }
      if (!this.addPlain(bytes, start, end, hashBytes(bytes, start, end), isSame)) break;
    }
    return row - from;
  }

  /**
   * Adds the name of a file where that goes without saying: it is safe and not too deep, nothing has it, and no other member
   * clashes. The name is the bytes from `start` to `end`, whose `hashBytes` is `hash`. `hasParents`: the file before was in
   * the same directory. Returns false if `add` must decide. Throws `limit`.
   */
  addPlain(bytes: Buffer, start: number, end: number, hash: number, hasParents: boolean): boolean {
    if (this.parents.find(bytes, start, end, hash) >= 0) return false;
    if (!hasParents) {
      const { missing, clash } = this.missingParents(bytes.toString('latin1', start, end));
      if (clash !== undefined) return false;
      // An earlier member with this name has the same ones above it, so this adds none if there was one.
      this.addMissing(missing);
    }
    const known = this.table.size;
    const row = this.table.addBytes(bytes, start, end, hash);
    if (row < known) return false;
    this.setKind(row, KIND.file);
    return true;
  }

  /** Whether a directory member has this name, or members lie below it. */
  isDirectory(path: ByteString): boolean {
    return this.kindOf(path) === KIND.directory || this.parents.has(path);
  }

  kindOf(path: ByteString): number | undefined {
    const row = this.table.rowOf(path);
    return row < 0 ? undefined : this.kinds[row];
  }

  /** Every name, in the order in which they came. */
  *all(): Generator<ByteString, void, undefined> {
    for (let row = 0; row < this.table.size; row++) yield this.table.name(row);
  }

  private setKind(row: number, kind: number): void {
    if (row === this.kinds.length) this.kinds = grown(new Uint8Array(2 * row), this.kinds);
    this.kinds[row] = kind;
  }

  /** A member must not lie below one that is not a directory. Changes nothing if it throws. */
  private addParents(path: ByteString): void {
    const { missing, clash } = this.missingParents(path);
    if (clash !== undefined) {
      const kind = this.kindOf(clash) ?? 0;
      throw below(path, kind, `'${toText(clash)}', above it, is a ${KINDS[kind]} in the same archive`);
    }
    this.addMissing(missing);
  }

  /** Directories above a name that no member has been in so far; and what is above it and no directory. */
  private missingParents(path: ByteString): { missing: ByteString[]; clash?: ByteString } {
    const missing: ByteString[] = [];
    for (let slash = path.lastIndexOf('/'); slash > 0; slash = path.lastIndexOf('/', slash - 1)) {
      const parent = path.slice(0, slash);
      // The parents of this one are known, too.
      if (this.parents.has(parent)) break;
      const kind = this.kindOf(parent);
      if (kind !== undefined && kind !== KIND.directory) return { missing, clash: parent };
      missing.push(parent);
    }
    return { missing };
  }

  private addMissing(parents: readonly ByteString[]): void {
    for (const parent of parents) {
      this.limits.addDirectories(1);
      this.parents.add(parent);
    }
  }
}

const FIRST_ROWS = 64;

function below(path: ByteString, kind: number, why: string): ZnipError {
  const member = toText(path);
  const what = why.startsWith('other') ? `it is a ${KINDS[kind]}, and ` : '';
  return new ZnipError('unsafe-path', `member '${member}' is refused: ${what}${why}`, { member });
}
