/**
 * What to write from a chunk of a stream, divided into segments where the order matters. Members that are independent
 * of one another are written in parallel. A member that takes the name of another member of the same run waits until
 * that one is written: it begins a new segment, unless both are in the same segment and only the last one has to be
 * written. Main thread.
 */
import type { Owner } from '../archive/entries.ts';
import type { PlainMembers } from '../blocks/plain-members.ts';
import type { ByteString } from '../format/values/byte-string.ts';
import { ByteStringsBuilder, stringAt } from '../format/values/byte-strings.ts';
import type { Member } from '../format/values/entry.ts';
import type { FileColumns, LargePart } from '../target/chunk-files.ts';
import type { HardLink } from '../target/links.ts';

/** A change to what is written already. It is made before a segment is written. */
export type Change =
  /** Make a hard link to a file whose name goes to another member. */
  | { type: 'link'; link: HardLink }
  /** Remove a file whose name goes to a directory. */
  | { type: 'remove'; path: ByteString };

export interface Segment {
  /** Everything before it in the stream must be written first. */
  waits: boolean;
  /** Changes to make before it is written. If there are any, it waits. */
  changes: readonly Change[];
  files: FileColumns;
  /** For each file, its row among the members that have arrived. */
  rows: Uint32Array;
  parts: readonly LargePart[];
}

interface PlacedFile {
  member: Member;
  row: number;
  owner: Owner | null;
  /** A file of this run has its name. */
  replaces: boolean;
}

export class SegmentBuilder {
  private readonly owners: boolean;
  private readonly segments: Segment[] = [];
  private waits = false;
  private changes: Change[] = [];
  private files: FilesBuilder;
  private parts: LargePart[] = [];

  constructor(owners: boolean) {
    this.owners = owners;
    this.files = new FilesBuilder(owners);
  }

  addFile(file: PlacedFile, chunkOffset: number): void {
    this.files.append(file, chunkOffset);
  }

  /** Plain files of a chunk, rows `from` to `to` of `members`; the first has the row `row` among all that have arrived. */
  addFiles(members: PlainMembers, from: number, to: number, row: number): void {
    this.files.appendRows(members, from, to, row);
  }

  addPart(part: LargePart): void {
    this.parts.push(part);
  }

  /** The next member takes the name of a file that has been written, or will be. */
  follow(path: ByteString): void {
    // Within a segment, only the last file with a name is written. But parts are finished after the files.
    if (this.files.has(path) && this.parts.length === 0) return;
    if (this.parts.length > 0) this.cut();
    this.waits = true;
  }

  change(change: Change): void {
    if (this.files.count > 0 || this.parts.length > 0) this.cut();
    this.waits = true;
    this.changes.push(change);
  }

  finish(): Segment[] {
    if (this.waits || this.files.count > 0 || this.parts.length > 0) this.cut();
    return this.segments;
  }

  private cut(): void {
    const { waits, changes, parts } = this;
    this.segments.push({ waits, changes, ...this.files.finish(), parts });
    this.waits = false;
    this.changes = [];
    this.files = new FilesBuilder(this.owners);
    this.parts = [];
  }
}

/** The files of one segment. */
class FilesBuilder {
  count = 0;
  private readonly paths = new ByteStringsBuilder();
  private columns = emptyColumns(FIRST_ROWS);
  private readonly owners: (Owner | null)[] | null;
  private readonly replace = new Set<number>();
  private readonly superseded: number[] = [];
  /** The last file with each name; made when it is first needed. */
  private names: Map<ByteString, number> | undefined;

  constructor(owners: boolean) {
    this.owners = owners ? [] : null;
  }

  append({ member, row, owner, replaces }: PlacedFile, chunkOffset: number): void {
    const { path, size, mode, mtime } = member;
    const at = this.makeRoom(1);
    const before = this.names?.get(path);
    this.names?.set(path, at);
    // An earlier file is not written at all, so this one replaces what the earlier one would have replaced.
    if (before !== undefined) this.superseded.push(before);
    if (before === undefined ? replaces : this.replace.has(before)) this.replace.add(at);
    this.paths.append(path);
    this.owners?.push(owner);
    const { columns } = this;
    columns.offsets[at] = chunkOffset;
    columns.sizes[at] = size;
    columns.modes[at] = mode;
    columns.mtimes[at] = mtime;
    columns.rows[at] = row;
  }

  appendRows(members: PlainMembers, from: number, to: number, row: number): void {
    const at = this.makeRoom(to - from);
    this.paths.appendRows({ bytes: members.pathBytes, ends: members.pathEnds }, from, to);
    const { columns } = this;
    columns.offsets.set(members.offsets.subarray(from, to), at);
    columns.sizes.set(members.sizes.subarray(from, to), at);
    columns.modes.set(members.modes.subarray(from, to), at);
    columns.mtimes.set(members.mtimes.subarray(from, to), at);
    for (let i = 0; i < to - from; i++) {
      columns.rows[at + i] = row + i;
      this.names?.set(members.path(from + i), at + i);
      this.owners?.push(null);
    }
  }

  has(path: ByteString): boolean {
    if (this.names === undefined) {
      const paths = this.paths.view();
      this.names = new Map(Array.from({ length: this.count }, (_, row) => [stringAt(paths, row), row]));
    }
    return this.names.has(path);
  }

  finish(): Pick<Segment, 'files' | 'rows'> {
    const { count, columns, owners, replace, superseded } = this;
    const files: FileColumns = {
      count,
      paths: this.paths.finish(),
      offsets: columns.offsets.slice(0, count),
      sizes: columns.sizes.slice(0, count),
      modes: columns.modes.slice(0, count),
      mtimes: columns.mtimes.slice(0, count),
      owners,
      checksums: null,
      replace: [...replace],
      superseded,
    };
    return { files, rows: columns.rows.slice(0, count) };
  }

  /** Room for more rows. Returns the first of them. */
  private makeRoom(rows: number): number {
    const at = this.count;
    this.count += rows;
    if (this.count > this.columns.rows.length) {
      const larger = emptyColumns(2 * this.count);
      larger.offsets.set(this.columns.offsets);
      larger.sizes.set(this.columns.sizes);
      larger.modes.set(this.columns.modes);
      larger.mtimes.set(this.columns.mtimes);
      larger.rows.set(this.columns.rows);
      this.columns = larger;
    }
    return at;
  }
}

const FIRST_ROWS = 64;

function emptyColumns(rows: number) {
  return {
    offsets: new Float64Array(rows),
    sizes: new Float64Array(rows),
    modes: new Uint32Array(rows),
    mtimes: new BigInt64Array(rows),
    rows: new Uint32Array(rows),
  };
}
