/**
 * An archive from which another one is made, and what goes into that.
 */
import { type Archive, openArchive } from '../archive/archive.ts';
import type { Entries, EntryRef } from '../archive/entries.ts';
import { ZnipError } from '../errors.ts';
import type { Remark } from '../format/remarks.ts';
import type { Frame } from '../format/tables/frame-table.ts';
import type { Group, Member } from '../format/values/entry.ts';

/** A hard link whose file does not go into the archive, and what it becomes. */
export interface RemadeMember {
  member: Member;
  group: Group;
  /** The entry whose content it gets; undefined for a link. */
  content: EntryRef | undefined;
}

export class GrowSource {
  readonly archive: Archive;
  readonly name: string;
  /** In archive order. */
  readonly entries: Entries;
  readonly frames: readonly Frame[];
  readonly remarks: readonly Remark[];
  /** By position of an entry: 1 if it goes into the archive as it is. */
  readonly kept: Uint8Array;
  /** By position: 1 if an earlier archive has the same member, which goes in instead. */
  readonly twins: Uint8Array;
  /** By position of a hard link: what goes in instead, behind the chunk that it was in. */
  readonly remade = new Map<number, RemadeMember>();

  private constructor(archive: Archive, entries: Entries, frames: readonly Frame[], remarks: Remark[]) {
    this.archive = archive;
    this.name = archive.source.name;
    this.entries = entries;
    this.frames = frames;
    this.remarks = remarks;
    this.kept = new Uint8Array(entries.length).fill(1);
    this.twins = new Uint8Array(entries.length);
  }

  /** Opens an archive, and reads its index. Throws ZnipError: what `openArchive` and `Archive.entries` throw. */
  static async open(path: string, signal: AbortSignal | undefined): Promise<GrowSource> {
    const archive = await openArchive(path, { signal });
    try {
      const frames = await archive.frames();
      return new GrowSource(archive, await archive.entries({ signal }), frames, await archive.rawRemarks());
    } catch (error) {
      archive.close();
      throw error;
    }
  }

  /** What of the index does not go into the archive, because this version does not know it; undefined for nothing. */
  get unknown(): string | undefined {
    const columns = new Set([...this.entries.runs()].flatMap(({ batch }) => batch.unknownColumns));
    const { unknownSections } = this.archive.manifest;
    const what = [
      ...(columns.size > 0 ? [`columns of its index (${[...columns].join(', ')})`] : []),
      ...(unknownSections > 0 ? [`${unknownSections} of its sections`] : []),
    ];
    if (what.length === 0) return undefined;
    return `not taken over, because this version of znip does not know them: ${what.join('; ')}`;
  }

  /** The descriptor that workers read blobs from. */
  get fd(): number {
    const { fd } = this.archive.source;
    if (fd === undefined) throw new ZnipError('internal', `'${this.name}' is no file`);
    return fd;
  }

  close(): void {
    this.archive.close();
  }
}

/** An entry as the member that it is of. */
export function memberOf({ batch, row }: Pick<EntryRef, 'batch' | 'row'>): Member {
  return { ...batch.member(row), uname: batch.uname(row), gname: batch.gname(row) };
}
