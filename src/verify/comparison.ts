/**
 * Compares the index with the tar headers, member by member in the order of the tar stream. Both must have the same
 * members, at the same places, with the same metadata and contents, and no member may be in only one of the two.
 */
import type { Entries, EntryRef } from '../archive/entries.ts';
import { type Described, differences } from '../archive/entry-differences.ts';
import { type InspectedMembers, linkTargetAt, pathAt } from '../blocks/inspect-chunk.ts';
import { displayName } from '../format/tables/shown-name.ts';
import { toText, type ByteString } from '../format/values/byte-string.ts';
import { equalBytes } from '../format/values/bytes.ts';
import { CHECKSUM_LENGTH } from '../format/values/constants.ts';
import { floorSeconds, KIND, KINDS } from '../format/values/entry.ts';
import { decodeXattrs } from '../format/values/xattrs.ts';
import type { Damage, DamageCode, DamageList } from './damage.ts';

/** What a chunk holds, or a lost run of the tar stream. */
export type StreamEvent =
  | {
      type: 'chunk';
      /** Tar stream bytes `[start, end)`. */
      start: number;
      end: number;
      /** undefined if the chunk is verified, but the start of its headers is not known. */
      members: InspectedMembers | undefined;
      blob: number;
      blobOffset: number;
    }
  | { type: 'lost'; start: number; end: number; damage: Damage }
  /** A content that spans several chunks has fully arrived. `streamOffset` is where it starts. */
  | { type: 'content'; streamOffset: number; checksum: Uint8Array };

interface Place {
  blob: number;
  offset: number;
}

/** What a disagreement about a property is called, and how the property is shown. */
const MISMATCHES: Record<keyof Described, { code: DamageCode; show: (described: Described) => string }> = {
  path: { code: 'name-mismatch', show: ({ path }) => `'${toText(path)}'` },
  kind: { code: 'kind-mismatch', show: ({ kind }) => String(KINDS[kind]) },
  size: { code: 'size-mismatch', show: ({ size }) => String(size) },
  mode: { code: 'mode-mismatch', show: ({ mode }) => mode.toString(8) },
  linkTarget: { code: 'link-mismatch', show: ({ linkTarget }) => `'${toText(linkTarget)}'` },
  mtime: { code: 'mtime-mismatch', show: ({ mtime }) => String(floorSeconds(mtime)) },
  xattrs: { code: 'xattr-mismatch', show: ({ xattrs }) => shownXattrs(xattrs) },
};

/** Names alone: values are bytes. */
function shownXattrs(records: ByteString | undefined): string {
  const names = records === undefined ? [] : [...(decodeXattrs(records)?.keys() ?? [])];
  return names.length === 0 ? 'no extended attributes' : `these values of ${toText(names.join(', '))}`;
}

export class Comparison {
  private readonly entries: Entries;
  private readonly list: DamageList;
  /** Called for members whose tar header names an owner, if the index has no such names. */
  private readonly onUnknownOwner: (ref: EntryRef, owner: ByteString) => void;
  /** Entries before this one have been handled. */
  private next = 0;
  /** The file that continues in the next chunk. */
  private open: { ref: EntryRef; end: number; lost: boolean; place: Place } | undefined;

  constructor(
    entries: Entries,
    list: DamageList,
    onUnknownOwner: (ref: EntryRef, owner: ByteString) => void,
  ) {
    this.entries = entries;
    this.list = list;
    this.onUnknownOwner = onUnknownOwner;
  }

  take(event: StreamEvent): void {
    if (event.type === 'lost') this.takeLost(event);
    else if (event.type === 'content') this.takeContent(event);
    else if (event.members === undefined) this.skip(event.start, event.end, event);
    else this.takeChunk(event.members, event);
  }

  /** Reports entries for which there was no tar stream. `ended`: the stream has reached its end. */
  finish(ended: boolean): void {
    for (; this.next < this.entries.length; this.next++) {
      if (ended) this.report('member-not-in-tar', this.entries.at(this.next), 'it is in the index alone');
    }
  }

  private takeChunk(members: InspectedMembers, { start, end, blob, blobOffset }: ChunkRun): void {
    const place: Place = { blob, offset: blobOffset };
    this.closeBefore(start);
    const missing: EntryRef[] = [];
    const extra: number[] = [];
    for (let row = 0; row < members.count; row++) {
      const dataOffset = start + (members.dataOffsets[row] ?? 0);
      // Entries before this member have no header of their own.
      while (this.offsetOfNext() < dataOffset) missing.push(this.takeNext());
      if (this.offsetOfNext() === dataOffset) this.compare(this.takeNext(), members, row, end, place);
      else extra.push(row);
    }
    while (this.offsetOfNext() - 1 < end) missing.push(this.takeNext());
    // A set, because one by one, n members that all lie elsewhere would take n times n comparisons.
    const elsewhere = new Set(extra.length === 0 ? [] : missing.map(({ batch, row }) => batch.path(row)));
    for (const row of extra) {
      const path = pathAt(members, row);
      const header = start + (members.headerOffsets[row] ?? 0);
      const why = elsewhere.has(path) ? 'not where the index says' : 'in the tar stream alone';
      this.add('member-not-in-index', path, `it is ${why}, at its byte ${header}`, place);
    }
    for (const ref of missing) {
      this.report(
        'member-not-in-tar',
        ref,
        `there is no header before tar stream byte ${offsetOf(ref)}`,
        place,
      );
    }
  }

  private compare(ref: EntryRef, members: InspectedMembers, row: number, end: number, place: Place): void {
    const { batch, row: at } = ref;
    const header: Described = {
      path: pathAt(members, row),
      kind: members.kinds[row] ?? 0,
      mode: members.modes[row] ?? 0,
      mtime: members.mtimes[row] ?? 0n,
      size: members.sizes[row] ?? 0,
      linkTarget: linkTargetAt(members, row),
      xattrs: members.xattrs?.[row],
    };
    const indexed: Described = batch.member(at);
    for (const property of differences(indexed, header)) {
      const { code, show } = MISMATCHES[property];
      this.report(code, ref, `the index says ${show(indexed)}, the tar header ${show(header)}`, place);
    }
    const { kind, size } = header;
    this.compareOwner(ref, members.uids[row] ?? -1, members.gids[row] ?? -1, place);
    if (ref.batch.hasOwnerNames || members.unames !== null || members.gnames !== null) {
      this.compareNames(ref, members, row, place);
    }
    if (kind !== KIND.file || indexed.kind !== KIND.file) return;
    const contentEnd = offsetOf(ref) + size;
    if (contentEnd > end) {
      this.open = { ref, end: contentEnd, lost: false, place };
      return;
    }
    this.compareContent(
      ref,
      members.checksums.subarray(row * CHECKSUM_LENGTH, (row + 1) * CHECKSUM_LENGTH),
      place,
    );
  }

  /** If the index records an owner, the tar header must have it, too. */
  private compareOwner(ref: EntryRef, uid: number, gid: number, place: Place): void {
    const owner = { uid: ref.batch.uid(ref.row), gid: ref.batch.gid(ref.row) };
    if ((owner.uid ?? uid) === uid && (owner.gid ?? gid) === gid) return;
    const why = `the index says ${owner.uid}:${owner.gid}, the tar header ${uid}:${gid}`;
    this.report('owner-mismatch', ref, why, place);
  }

  /** Tar programs use the names of owners if they know them. So a check of the numbers must include the names. */
  private compareNames(ref: EntryRef, members: InspectedMembers, row: number, place: Place): void {
    const { batch, row: at } = ref;
    const uname = members.unames?.[row] ?? '';
    const gname = members.gnames?.[row] ?? '';
    if (!batch.hasOwnerNames) {
      // An index without these columns says nothing about names.
      if (uname !== '' || gname !== '') this.onUnknownOwner(ref, `${uname}:${gname}`);
      return;
    }
    const indexed = `${batch.uname(at) ?? ''}:${batch.gname(at) ?? ''}`;
    const found = `${displayName(uname)}:${displayName(gname)}`;
    if (indexed === found) return;
    const why = `the index says ${toText(indexed)}, the tar header ${toText(found)}`;
    this.report('owner-mismatch', ref, why, place);
  }

  private compareContent(ref: EntryRef, checksum: Uint8Array, place: Place): void {
    const expected = ref.batch.checksum(ref.row);
    if (expected !== null && equalBytes(expected, checksum)) return;
    this.report('damaged-content', ref, 'its content has not the hash in the index', place);
  }

  private takeContent({ streamOffset, checksum }: { streamOffset: number; checksum: Uint8Array }): void {
    const { open } = this;
    if (open === undefined || open.lost || offsetOf(open.ref) !== streamOffset) return;
    this.open = undefined;
    this.compareContent(open.ref, checksum, open.place);
  }

  /** Names the members that a lost run of the tar stream affects. */
  private takeLost({ start, end, damage }: { start: number; end: number; damage: Damage }): void {
    if (this.open !== undefined && this.open.end > start) {
      if (!this.open.lost) nameIn(damage, this.open.ref);
      this.open.lost = true;
    }
    this.closeBefore(start);
    while (this.offsetOfNext() - 1 < end) {
      const ref = this.takeNext();
      nameIn(damage, ref);
      this.keepOpen(ref, end, true, { blob: damage.blob ?? 0, offset: damage.offset ?? 0 });
    }
  }

  /** A chunk that is as it was packed, but whose headers were not read. */
  private skip(start: number, end: number, { blob, blobOffset }: ChunkRun): void {
    this.closeBefore(start);
    while (this.offsetOfNext() - 1 < end) {
      this.keepOpen(this.takeNext(), end, false, { blob, offset: blobOffset });
    }
  }

  private keepOpen(ref: EntryRef, end: number, lost: boolean, place: Place): void {
    const contentEnd = offsetOf(ref) + (ref.batch.sizes[ref.row] ?? 0);
    if (contentEnd > end) this.open = { ref, end: contentEnd, lost, place };
  }

  private closeBefore(start: number): void {
    if (this.open !== undefined && this.open.end <= start) this.open = undefined;
  }

  private offsetOfNext(): number {
    return this.next < this.entries.length ? offsetOf(this.entries.at(this.next)) : Infinity;
  }

  private takeNext(): EntryRef {
    return this.entries.at(this.next++);
  }

  private report(code: DamageCode, ref: EntryRef, why: string, place?: Place): void {
    this.add(code, ref.batch.path(ref.row), why, place);
  }

  private add(code: DamageCode, path: ByteString, why: string, place?: Place): void {
    const member = toText(path);
    this.list.add(code, `member '${member}': ${why}`, { members: [member], ...place });
  }
}

interface ChunkRun {
  start: number;
  end: number;
  blob: number;
  blobOffset: number;
}

function offsetOf({ batch, row }: EntryRef): number {
  return batch.streamOffsets[row] ?? 0;
}

/** The member in which the archive was cut has been named already, before there was an index. */
function nameIn({ members }: Damage, { batch, row }: EntryRef): void {
  const name = toText(batch.path(row));
  if (members[0] !== name) members.push(name);
}
