/**
 * What to write from a chunk of a stream, divided into segments where the order matters. Members that are independent
 * of one another are written in parallel. A member that takes the name of another member of the same run waits until
 * that one is written: it begins a new segment, unless both are in the same segment and only the last one has to be
 * written. Main thread.
 */
import type { Owner } from '../archive/entries.ts';
import type { PlainMembers } from '../blocks/plain-members.ts';
import type { ByteString } from '../format/values/byte-string.ts';
import { stringAt } from '../format/values/byte-strings.ts';
import type { Member } from '../format/values/entry.ts';
import { grown } from '../format/values/grown.ts';
import type { FileColumns, LargePart } from '../target/chunk-files.ts';
import { FileColumnsBuilder } from '../target/file-columns.ts';
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
  private files: SegmentFiles;
  private parts: LargePart[] = [];

  constructor(owners: boolean) {
    this.owners = owners;
    this.files = new SegmentFiles(owners);
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
    this.files = new SegmentFiles(this.owners);
    this.parts = [];
  }
}

/** The files of one segment. */
class SegmentFiles {
  private readonly files: FileColumnsBuilder;
  private rows = new Uint32Array(FIRST_ROWS);
  private readonly replace = new Set<number>();
  private readonly superseded: number[] = [];
  /** The last file with each name; made when it is first needed. */
  private names: Map<ByteString, number> | undefined;

  constructor(owners: boolean) {
    this.files = new FileColumnsBuilder({ owners, checksums: false });
  }

  get count(): number {
    return this.files.count;
  }

  append({ member, row, owner, replaces }: PlacedFile, offset: number): void {
    const { path, size, mode, mtime } = member;
    const at = this.files.append({ path, size, mode, mtime, owner, offset, checksum: null });
    this.noteRow(at, row);
    const before = this.names?.get(path);
    this.names?.set(path, at);
    // An earlier file is not written at all, so this one replaces what the earlier one would have replaced.
    if (before !== undefined) this.superseded.push(before);
    if (before === undefined ? replaces : this.replace.has(before)) this.replace.add(at);
  }

  appendRows(members: PlainMembers, from: number, to: number, row: number): void {
    const at = this.files.count;
    this.files.appendRows(members.fileRows, from, to, 0);
    for (let i = 0; i < to - from; i++) {
      this.noteRow(at + i, row + i);
      this.names?.set(members.path(from + i), at + i);
    }
  }

  has(path: ByteString): boolean {
    if (this.names === undefined) {
      const { names } = this.files;
      this.names = new Map(Array.from({ length: this.count }, (_, row) => [stringAt(names, row), row]));
    }
    return this.names.has(path);
  }

  finish(): Pick<Segment, 'files' | 'rows'> {
    const { files, replace, superseded } = this;
    return { files: files.finish([...replace], superseded), rows: this.rows.slice(0, this.count) };
  }

  private noteRow(at: number, row: number): void {
    if (at === this.rows.length) this.rows = grown(new Uint32Array(2 * at), this.rows);
    this.rows[at] = row;
  }
}

const FIRST_ROWS = 64;
