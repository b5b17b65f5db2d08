/**
 * What to write from a chunk of a stream, divided into segments where the order matters. Members that are independent
 * of one another are written in parallel. A member that takes the name of another member of the same run waits until
 * that one is written: it begins a new segment, unless both are in the same segment and only the last one has to be
 * written. Main thread.
 */
import type { Owner } from '../archive/entries.ts';
import type { ByteString } from '../format/values/byte-string.ts';
import { byteStringsOf } from '../format/values/byte-strings.ts';
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
  /** The last file with each name; made when it is first needed. */
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
      // The earlier file is not written at all, so this one replaces what the earlier one would have replaced.
      this.superseded.push(before);
      this.files.push({ ...file, replaces: this.files[before]?.replaces === true });
    }
  }

  addPart(part: LargePart): void {
    this.parts.push(part);
  }

  /** The next member takes the name of a file that has been written, or will be. */
  follow(path: ByteString): void {
    this.names ??= new Map(this.files.map(({ member }, row) => [member.path, row]));
    // Within a segment, only the last file with a name is written. But parts are finished after the files.
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
    paths: byteStringsOf(files.map(({ member }) => member.path)),
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
