/**
 * What a chunk of a stream gives to write, cut where the order matters. Members that have nothing to do with one
 * another are written in parallel. One that takes the name of another of the same run waits until that is written:
 * it begins a segment, unless it comes right behind that other in the same one. Main thread.
 */
import type { Owner } from '../archive/entries.ts';
import type { ByteString } from '../format/values/byte-string.ts';
import type { Member } from '../format/values/entry.ts';
import type { FileColumns, LargePart } from '../target/chunk-files.ts';
import type { HardLink } from '../target/links.ts';

/** Something to be done to what is written already, before a segment is. */
export type Change =
  /** The hard link to a file whose name goes to another member. */
  | { type: 'link'; link: HardLink }
  /** A file whose name goes to a directory. */
  | { type: 'remove'; path: ByteString };

export interface Segment {
  /** All that comes before it in the stream has to be written first. */
  waits: boolean;
  /** Made before it is written; then it waits. */
  changes: readonly Change[];
  files: FileColumns;
  /** Of each file, its row among the members that have arrived. */
  rows: readonly number[];
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
  private files: PlacedFile[] = [];
  private offsets: number[] = [];
  private parts: LargePart[] = [];
  private superseded: number[] = [];
  /** The last file with each name, once somebody has asked for one. */
  private names: Map<ByteString, number> | undefined;

  constructor(owners: boolean) {
    this.owners = owners;
  }

  addFile(file: PlacedFile, chunkOffset: number): void {
    const { path } = file.member;
    const before = this.names?.get(path);
    this.names?.set(path, this.files.length);
    this.offsets.push(chunkOffset);
    if (before === undefined) this.files.push(file);
    else {
      // The one before is not written at all: what this one replaces is what that one would have.
      this.superseded.push(before);
      this.files.push({ ...file, replaces: this.files[before]?.replaces === true });
    }
  }

  addPart(part: LargePart): void {
    this.parts.push(part);
  }

  /** What comes next takes the name of a file that has been written, or is to be. */
  follow(path: ByteString): void {
    this.names ??= new Map(this.files.map(({ member }, row) => [member.path, row]));
    // Of the files of one segment, the last of a name is written; parts are finished behind them.
    if (this.names.has(path) && this.parts.length === 0) return;
    if (this.parts.length > 0) this.cut();
    this.waits = true;
  }

  change(change: Change): void {
    if (this.files.length > 0 || this.parts.length > 0) this.cut();
    this.waits = true;
    this.changes.push(change);
  }

  finish(): Segment[] {
    if (this.waits || this.files.length > 0 || this.parts.length > 0) this.cut();
    return this.segments;
  }

  private cut(): void {
    const { waits, changes, files, parts } = this;
    const rows = files.map(({ row }) => row);
    this.segments.push({
      waits,
      changes,
      files: toColumns(files, this.offsets, this.superseded, this.owners),
      rows,
      parts,
    });
    this.waits = false;
    this.changes = [];
    this.files = [];
    this.offsets = [];
    this.superseded = [];
    this.parts = [];
    this.names = undefined;
  }
}

function toColumns(
  files: readonly PlacedFile[],
  offsets: readonly number[],
  superseded: readonly number[],
  owners: boolean,
): FileColumns {
  const count = files.length;
  const columns: FileColumns = {
    count,
    paths: files.map(({ member }) => member.path),
    offsets: Float64Array.from(offsets),
    sizes: new Float64Array(count),
    modes: new Uint32Array(count),
    mtimes: new BigInt64Array(count),
    owners: owners ? files.map(({ owner }) => owner) : null,
    checksums: null,
    replace: files.flatMap(({ replaces }, row) => (replaces ? [row] : [])),
    superseded,
  };
  files.forEach(({ member }, row) => {
    columns.sizes[row] = member.size;
    columns.modes[row] = member.mode;
    columns.mtimes[row] = member.mtime;
  });
  return columns;
}
