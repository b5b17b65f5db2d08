/**
 * Checks the index by itself: footer, manifest, sub-indexes, frame table, the tree of names, and whether they agree.
 * Implements docs/format.md, "Reading", steps 1 to 7, without stopping at the first fault.
 */
import { type Archive, openArchive } from '../archive/archive.ts';
import { Entries, type EntryRef } from '../archive/entries.ts';
import { isSkippableMagic, ZNIP_TAGS } from '../blocks/block-stream.ts';
import type { ZnipErrorCode } from '../errors.ts';
import { bySection, type SharedRows } from '../format/manifest.ts';
import type { Remark } from '../format/remarks.ts';
import type { Frame } from '../format/tables/frame-table.ts';
import { toText } from '../format/values/byte-string.ts';
import { SKIPPABLE_HEADER_LENGTH, TAG } from '../format/values/constants.ts';
import { readTag, skippableFrameLength } from '../format/zstd/skippable-frame.ts';
import type { ByteSource } from '../io/source.ts';
import { Limits } from '../rules/limits.ts';
import { Turns } from '../threads/turns.ts';
import { buildTree } from '../unpack/member-tree.ts';
import type { Damage, DamageCode, DamageList } from './damage.ts';

/** The whole parts of an index. */
export interface CheckedIndex {
  archive: Archive;
  /** Entries of the whole sub-indexes. */
  entries: Entries;
  /** All sub-indexes are whole. */
  allEntries: boolean;
  /** undefined if the frame table is damaged. */
  frames: Frame[] | undefined;
  /** What the index itself says about members that it does not know, as far as that is whole. */
  remarks: Remark[];
}

const SUB_INDEX_CODES: Partial<Record<ZnipErrorCode, DamageCode>> = {
  inconsistent: 'wrong-manifest',
  truncated: 'damaged-sub-index',
  limit: 'damaged-sub-index',
};
const FRAME_CODES: Partial<Record<ZnipErrorCode, DamageCode>> = {
  inconsistent: 'damaged-frame-table',
  truncated: 'damaged-frame-table',
  limit: 'damaged-frame-table',
};
/** Rows between two looks at the clock. */
const ROWS = 64;

/**
 * Checks the index. Returns undefined if nothing is left of it. Throws `not-an-archive`, `unsupported-version`, `io`,
 * and the signal's reason.
 */
export async function checkIndex(
  source: ByteSource,
  list: DamageList,
  signal: AbortSignal | undefined,
): Promise<CheckedIndex | undefined> {
  let archive: Archive;
  try {
    archive = await openArchive(source);
  } catch (error) {
    list.addError(error, { limit: 'damaged-footer', inconsistent: 'damaged-footer' });
    return undefined;
  }
  refuseTooMany(archive);
  let frames: Frame[] | undefined;
  try {
    frames = await archive.frames();
  } catch (error) {
    list.addError(error, FRAME_CODES);
  }
  let allEntries = true;
  const addDamaged = (error: unknown): Damage => {
    allEntries = false;
    return list.addError(error, SUB_INDEX_CODES);
  };
  let entries = new Entries([]);
  try {
    entries = await archive.entries({ signal }, (error, rows) => nameGroups(addDamaged(error), rows));
  } catch (error) {
    addDamaged(error);
  }
  let remarks: Remark[] = [];
  try {
    remarks = await archive.rawRemarks();
  } catch (error) {
    list.addError(error, SUB_INDEX_CODES);
  }
  await checkTree(entries, allEntries, list, signal);
  return { archive, entries, allEntries, frames, remarks };
}

/** All entries are in memory at once, so the limit is the same as for unpacking. Throws `limit`. */
function refuseTooMany(archive: Archive): void {
  const limits = new Limits({});
  try {
    for (const { members } of archive.groups()) limits.addMembers(members);
  } catch (error) {
    archive.close();
    throw error;
  }
}

/** Which members a damaged sub-index had, as far as the manifest says. */
function nameGroups(damage: Damage, rows: SharedRows): void {
  if (rows.length > 1) {
    const members = rows.reduce((sum, { rowCount }) => sum + rowCount, 0);
    damage.message += `; it describes ${members} members of ${rows.length} groups`;
    return;
  }
  const [{ packageType, repo, rowCount, firstPath, lastPath }] = rows;
  const group = repo === '' ? packageType : `${packageType} ${repo}`;
  damage.message += `; it describes ${rowCount} members of ${group}, from '${toText(firstPath)}' to '${toText(lastPath)}'`;
}

async function checkTree(
  entries: Entries,
  allEntries: boolean,
  list: DamageList,
  signal: AbortSignal | undefined,
): Promise<void> {
  const turns = new Turns(signal, ROWS);
  let end = 0;
  let before: EntryRef | undefined;
  for (const ref of entries) {
    if (turns.isDue()) await turns.take();
    const start = ref.batch.streamOffsets[ref.row] ?? 0;
    if (start < end && before !== undefined) {
      const member = toText(ref.batch.path(ref.row));
      const other = toText(before.batch.path(before.row));
      list.add('member-not-in-tar', `member '${member}': its content overlaps that of '${other}'`, {
        members: [member, other],
      });
    }
    end = Math.max(end, start + (ref.batch.sizes[ref.row] ?? 0));
    before = ref;
  }
  buildTree(entries, {
    select: (path) => path,
    isEverything: true,
    renames: false,
    all: undefined,
    owners: false,
    limits: new Limits({}),
    onRefused: (path, error) => {
      // The target of a hard link may be in a damaged sub-index.
      if (!allEntries && error.code === 'unsafe-link') return;
      const damage = list.addError(error, {});
      if (damage.members.length === 0) damage.members.push(toText(path));
    },
  });
}

/** Sections follow each other, and the last block, without gaps. Foreign frames are not gaps. */
export async function checkSectionPlaces(
  { footer, manifest, source }: Archive,
  blocksEnd: number,
  list: DamageList,
  signal: AbortSignal | undefined,
): Promise<void> {
  const turns = new Turns(signal);
  const sections = bySection(manifest.rows).map(([{ indexOffset, indexLength }]) => ({
    indexOffset,
    indexLength,
  }));
  sections.push({ indexOffset: footer.manifestOffset, indexLength: 0 });
  sections.sort((a, b) => a.indexOffset - b.indexOffset);
  let end = blocksEnd;
  for (const { indexOffset, indexLength } of sections) {
    if (indexOffset < end) {
      list.add(
        'misplaced-section',
        `a section begins at byte ${indexOffset}, within what ends at byte ${end}`,
        {
          offset: indexOffset,
        },
      );
    } else if (!(await isForeign(source, end, indexOffset, turns))) {
      list.add('misplaced-section', `bytes ${end} to ${indexOffset} belong to nothing`, { offset: end });
    }
    end = Math.max(end, indexOffset + indexLength);
  }
}

/** Whether the bytes `[start, end)` are foreign skippable frames, or empty. */
async function isForeign(source: ByteSource, start: number, end: number, turns: Turns): Promise<boolean> {
  let at = start;
  while (at < end) {
    if (turns.isDue()) await turns.take();
    if (end - at < SKIPPABLE_HEADER_LENGTH) return false;
    const head = Buffer.from(
      await source.read(at, Math.min(SKIPPABLE_HEADER_LENGTH + TAG.footer.length, end - at)),
    );
    if (!isSkippableMagic(head) || ZNIP_TAGS.has(readTag(head))) return false;
    at += skippableFrameLength(head);
  }
  return at === end;
}

/** Compares the blocks, in order, with the frame table's rows. */
export class FrameCheck {
  private readonly frames: readonly Frame[];
  private readonly list: DamageList;
  private next = 0;

  constructor(frames: readonly Frame[], list: DamageList) {
    this.frames = frames;
    this.list = list;
  }

  take(block: Frame): void {
    // Rows of lost blocks have been reported with those blocks.
    while ((this.frames[this.next]?.streamOffset ?? Infinity) < block.streamOffset) this.next += 1;
    const frame = this.frames[this.next];
    const number = this.next;
    const why = frame === undefined ? 'has no row for it' : difference(frame, block);
    if (frame?.streamOffset === block.streamOffset) this.next += 1;
    if (why === undefined) return;
    const { blobOffset: offset } = block;
    const message = `the frame table ${why}: blob ${number} at byte ${offset}`;
    this.list.add('wrong-frame-table', message, { blob: number, offset });
  }

  /** `ended`: the last block was there, so the remaining rows have no blocks. */
  finish(ended: boolean): void {
    const left = this.frames.length - this.next;
    if (!ended || left === 0) return;
    const blob = this.next;
    this.list.add('wrong-frame-table', `the frame table has ${left} rows more than there are blocks`, {
      blob,
    });
  }
}

function difference(frame: Frame, block: Frame): string | undefined {
  if (frame.streamOffset !== block.streamOffset) return `says tar stream byte ${frame.streamOffset}`;
  if (frame.streamLength !== block.streamLength) return `says a chunk of ${frame.streamLength} bytes`;
  if (frame.blobOffset !== block.blobOffset) return `says archive byte ${frame.blobOffset}`;
  if (frame.blobLength !== block.blobLength) return `says ${frame.blobLength} bytes`;
  if (frame.stored !== block.stored) return `says it is ${frame.stored ? '' : 'not '}stored`;
  if (!Buffer.from(frame.checksum).equals(block.checksum)) return 'has another hash';
  // Not every writer makes fingerprints, and damage leaves nothing to make one of.
  if (frame.fingerprint === null || block.fingerprint === null) return undefined;
  if (!Buffer.from(frame.fingerprint).equals(block.fingerprint)) return 'has another fingerprint';
  return undefined;
}
