/**
 * The tables of an index: how large they may be, which is decided before they are decompressed, and how they are taken
 * out of their sections. Implements docs/format.md, "Sections", and "Reading", step 4.
 */
import { codec } from '../codec/codec.ts';
import { type ErrorContext, ZnipError, type ZnipErrorCode } from '../errors.ts';
import { MIN_BLOCK_HEADER_LENGTH } from '../format/block-header.ts';
import type { ManifestRow } from '../format/manifest.ts';
import { total } from '../format/tables/column-checks.ts';
import type { Frame } from '../format/tables/frame-table.ts';
import type { EntryBatch } from '../format/tables/sub-index.ts';
import { type ByteString, toText } from '../format/values/byte-string.ts';
import { equalBytes } from '../format/values/bytes.ts';
import { MAX_TABLE_RATIO } from '../format/values/constants.ts';
import { comparePaths } from '../format/values/path-order.ts';
import { decodeSection } from '../format/zstd/skippable-frame.ts';
import { MAX_MEMBERS } from '../rules/limits.ts';

/**
 * The most bytes of all tables of entries together: a start, an amount for each entry on average (a name of 200 bytes
 * makes an entry of 320), and the most that their sections can decompress to, by MAX_TABLE_RATIO. Without this limit,
 * each part of a few kilobytes could decompress to `MAX_TABLE_LENGTH`.
 */
const ENTRIES_START = 256 * 1024 * 1024;
const MAX_ENTRY_LENGTH = 1024;

/** The same for a frame table. Its rows have 65 bytes, and whatever a later version adds. */
const FRAMES_START = 2 * 1024 * 1024;
const MAX_FRAME_LENGTH = 1024;

/** How many more bytes the tables of entries that are held together may have. */
export class EntryBudget {
  private bytes = ENTRIES_START;
  private rows = 0;

  /**
   * Subtracts what a sub-index declares; its section is known to lie in the archive. Throws `damaged-sub-index` if that
   * is more than is left, and `limit` if there are too many members.
   */
  spend({ rowCount, uncompressedBytes, indexOffset: offset, indexLength }: ManifestRow): void {
    if (this.rows + rowCount > MAX_MEMBERS) {
      throw new ZnipError('limit', `the index has more than ${MAX_MEMBERS} members`, { offset });
    }
    const left = this.bytes + rowCount * MAX_ENTRY_LENGTH + indexLength * MAX_TABLE_RATIO;
    if (uncompressedBytes > left) {
      throw new ZnipError(
        'damaged-sub-index',
        `the sub-index at byte ${offset} declares ${uncompressedBytes} bytes for ${rowCount} members, expected at most ${left}`,
        { offset },
      );
    }
    this.rows += rowCount;
    this.bytes = left - uncompressedBytes;
  }
}

/**
 * Refuses a frame table that declares more rows than blocks fit before `blocksEnd` (`before` of them are in earlier
 * tables), or more bytes than its rows need. Throws `inconsistent`, `damaged-frame-table`.
 */
export function checkFrameRow(row: ManifestRow, before: number, blocksEnd: number): void {
  const { rowCount, uncompressedBytes, indexOffset: offset } = row;
  const what = `the frame table at byte ${offset} declares`;
  if ((before + rowCount) * MIN_BLOCK_HEADER_LENGTH > blocksEnd) {
    throw new ZnipError('inconsistent', `${what} ${rowCount} rows, more than the archive has blocks`, {
      offset,
    });
  }
  const most = FRAMES_START + rowCount * MAX_FRAME_LENGTH;
  if (uncompressedBytes > most) {
    throw new ZnipError(
      'damaged-frame-table',
      `${what} ${uncompressedBytes} bytes for ${rowCount} rows, expected at most ${most}`,
      { offset },
    );
  }
}

/** Facts about a table that its row of the manifest also states. */
export interface TableFacts {
  rowCount: number;
  contentBytes: number;
  firstPath: ByteString;
  lastPath: ByteString;
}

/** The facts of a sub-index. */
export function entryFacts(batches: readonly EntryBatch[]): TableFacts {
  const facts: TableFacts = { rowCount: 0, contentBytes: 0, firstPath: '', lastPath: '' };
  for (const batch of batches) {
    const { first, last } = batch.extent();
    if (facts.rowCount === 0 || comparePaths(first, facts.firstPath) < 0) facts.firstPath = first;
    if (facts.rowCount === 0 || comparePaths(last, facts.lastPath) > 0) facts.lastPath = last;
    facts.rowCount += batch.length;
    facts.contentBytes += total(batch.sizes);
  }
  return facts;
}

/** The facts of a frame table. */
export function frameFacts(frames: readonly Frame[]): TableFacts {
  const contentBytes = frames.reduce((sum, { streamLength }) => sum + streamLength, 0);
  return { rowCount: frames.length, contentBytes, firstPath: '', lastPath: '' };
}

export function remarkFacts(remarks: readonly unknown[]): TableFacts {
  return { rowCount: remarks.length, contentBytes: 0, firstPath: '', lastPath: '' };
}

/**
 * Refuses a table if the manifest says something wrong about it: readers of the manifest and readers of the table must
 * get the same. Throws `inconsistent`.
 */
export function checkFacts(what: string, row: ManifestRow, found: TableFacts): void {
  const { indexOffset: offset } = row;
  const differ = (says: string, has: string): ZnipError =>
    new ZnipError('inconsistent', `${what} at byte ${offset}: the manifest says ${says}, it has ${has}`, {
      offset,
    });
  if (row.rowCount !== found.rowCount) throw differ(`${row.rowCount} rows`, String(found.rowCount));
  if (row.contentBytes !== found.contentBytes) {
    throw differ(`${row.contentBytes} bytes of content`, String(found.contentBytes));
  }
  for (const [name, says, has] of [
    ['first', row.firstPath, found.firstPath],
    ['last', row.lastPath, found.lastPath],
  ] as const) {
    if (says !== has) throw differ(`that '${toText(says)}' is its ${name} path`, `'${toText(has)}'`);
  }
}

interface SectionExpectation {
  tag: string;
  code: ZnipErrorCode;
  checksum: Uint8Array;
  /** undefined: the one in the section. */
  tableLength: number | undefined;
  mostLength: number;
  offset: number;
}

/**
 * A section's Arrow stream, after a check of its hash and its length. Throws `code`, also if it does not decompress to
 * what it declares.
 */
export async function decodeTableSection(
  frame: Uint8Array,
  expected: SectionExpectation,
): Promise<Uint8Array> {
  const { tag, code, checksum, mostLength, offset } = expected;
  const context: ErrorContext = { offset };
  if (!equalBytes(codec().hash(frame), checksum)) {
    throw new ZnipError(
      code,
      `the ${tag} section at byte ${offset} is damaged: its hash does not match`,
      context,
    );
  }
  const { compressed, tableLength } = decodeSection(frame, tag, code);
  if (tableLength > mostLength || (expected.tableLength ?? tableLength) !== tableLength) {
    throw new ZnipError(code, `the ${tag} section at byte ${offset} declares ${tableLength} bytes`, context);
  }
  const table = new Uint8Array(tableLength);
  try {
    await codec().decompress(compressed, table);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ZnipError(
      code,
      `the ${tag} section at byte ${offset} does not decompress: ${reason}`,
      context,
      error,
    );
  }
  return table;
}
