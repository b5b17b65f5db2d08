/**
 * The manifest: the list of every sub-index and frame table. Its hash is the archive's root hash.
 * Implements docs/format.md, "Manifest".
 */
import { ZnipError } from '../errors.ts';
import { differenceOf, displayName } from './tables/shown-name.ts';
import {
  binaryColumn,
  BytesBuilder,
  checksumColumn,
  type Column,
  dictionaryColumn,
  uint64Column,
  utf8Column,
} from './tables/table-columns.ts';
import { type Batch, decodeTable } from './tables/table-reader.ts';
import { type ByteString, fromText, isUtf8 } from './values/byte-string.ts';
import { equalBytes } from './values/bytes.ts';
import {
  CHECKSUM_LENGTH,
  MAX_TABLE_LENGTH,
  MAX_TABLE_RATIO,
  MiB,
  SECTION_KINDS,
} from './values/constants.ts';
import { SECTION_HEADER_LENGTH } from './zstd/skippable-frame.ts';

export interface ManifestRow {
  /** What the section holds: entries (`members`), frames (`frames`) or remarks (`remarks`). */
  section: (typeof SECTION_KINDS)[number];
  packageType: string;
  repo: string;
  /** The repo's bytes where they are not UTF-8. */
  repoBytes?: ByteString | undefined;
  /** Archive byte at which the section's skippable frame starts, and the length of that frame. */
  indexOffset: number;
  indexLength: number;
  /** Where its rows begin in the table, if several groups share a section; else 0. */
  firstRow: number;
  rowCount: number;
  /** Length of the section's Arrow stream after decompression. */
  uncompressedBytes: number;
  /** Bytes of content of the section's members; for `frames`, of the tar stream; for `remarks`, 0. */
  contentBytes: number;
  /** The first and the last in the order of paths; '' for `frames` and `remarks`. */
  firstPath: ByteString;
  lastPath: ByteString;
  /** BLAKE3 of the section's stored bytes. */
  checksum: Uint8Array;
}

export interface Manifest {
  rows: ManifestRow[];
  /** Sections that this version does not know. */
  unknownSections: number;
  /** What made the archive: `znip.*` keys of the Arrow schema. */
  metadata: ReadonlyMap<string, string>;
}

function texts(values: readonly string[]): BytesBuilder {
  const builder = new BytesBuilder();
  for (const value of values) builder.append(fromText(value));
  return builder;
}

function shown(names: readonly ByteString[]): BytesBuilder {
  const builder = new BytesBuilder();
  for (const name of names) builder.append(displayName(name));
  return builder;
}

/** A column of the names that are not UTF-8, if there are any. */
function bytesOfOthers(name: string, names: readonly ByteString[]): Column[] {
  if (names.every(isUtf8)) return [];
  const builder = new BytesBuilder();
  for (const one of names) builder.append(isUtf8(one) ? null : one);
  return [binaryColumn(name, builder)];
}

const REMARKS = SECTION_KINDS.indexOf('remarks');

export function manifestColumns(rows: readonly ManifestRow[]): Column[] {
  const numbers = (pick: (row: ManifestRow) => number): Float64Array => Float64Array.from(rows, pick);
  const checksums = new Uint8Array(rows.length * CHECKSUM_LENGTH);
  rows.forEach((row, i) => checksums.set(row.checksum, i * CHECKSUM_LENGTH));
  const sections = Uint8Array.from(rows, (row) => SECTION_KINDS.indexOf(row.section));
  // Few archives have remarks. The others have no word for them in the dictionary.
  const words = sections.includes(REMARKS) ? SECTION_KINDS : SECTION_KINDS.slice(0, REMARKS);
  const repoBytes = new BytesBuilder();
  for (const row of rows) repoBytes.append(row.repoBytes ?? null);
  return [
    dictionaryColumn('section', words, sections),
    utf8Column('package_type', texts(rows.map((row) => row.packageType))),
    utf8Column('repo', texts(rows.map((row) => row.repo))),
    uint64Column(
      'index_offset',
      numbers((row) => row.indexOffset),
    ),
    uint64Column(
      'index_length',
      numbers((row) => row.indexLength),
    ),
    uint64Column(
      'first_row',
      numbers((row) => row.firstRow),
    ),
    uint64Column(
      'row_count',
      numbers((row) => row.rowCount),
    ),
    uint64Column(
      'uncompressed_bytes',
      numbers((row) => row.uncompressedBytes),
    ),
    uint64Column(
      'content_bytes',
      numbers((row) => row.contentBytes),
    ),
    utf8Column('first_path', shown(rows.map((row) => row.firstPath))),
    utf8Column('last_path', shown(rows.map((row) => row.lastPath))),
    checksumColumn('checksum', checksums),
    // Nearly all names are UTF-8.
    ...(repoBytes.byteLength > 0 ? [binaryColumn('repo_bytes', repoBytes)] : []),
    ...bytesOfOthers(
      'first_path_bytes',
      rows.map((row) => row.firstPath),
    ),
    ...bytesOfOthers(
      'last_path_bytes',
      rows.map((row) => row.lastPath),
    ),
  ];
}

const UNKNOWN_SECTION = 255;

/** Reads a column of names: as bytes where they are not UTF-8. */
function names(batch: Batch, name: string): (row: number) => ByteString {
  const texts = batch.utf8(name);
  const bytes = batch.has(`${name}_bytes`) ? batch.binary(`${name}_bytes`) : undefined;
  return (row) => {
    const fault = differenceOf(name, row, texts, bytes);
    if (fault !== undefined) throw new ZnipError('damaged-manifest', `row ${row} ${fault}`);
    return bytes === undefined || bytes.isNull(row) ? texts.get(row) : bytes.get(row);
  };
}

/** Reads a manifest's Arrow stream, of at most `maxRows` rows. Throws `damaged-manifest`. */
export function decodeManifest(stream: Uint8Array, maxRows = Infinity): Manifest {
  const table = decodeTable(stream, 'damaged-manifest', 'the manifest');
  const count = table.batches.reduce((sum, { length }) => sum + length, 0);
  if (count > maxRows) {
    throw new ZnipError(
      'damaged-manifest',
      `the manifest has ${count} rows, more than an archive of this length has sections`,
    );
  }
  const rows: ManifestRow[] = [];
  let unknownSections = 0;
  for (const batch of table.batches) {
    const sections = batch.dictionary('section', SECTION_KINDS, UNKNOWN_SECTION);
    const packageTypes = batch.utf8('package_type');
    const repos = batch.utf8('repo');
    const repoBytes = batch.has('repo_bytes') ? batch.binary('repo_bytes') : undefined;
    const indexOffsets = batch.uint64('index_offset');
    const indexLengths = batch.uint64('index_length');
    const firstRows = batch.has('first_row') ? batch.uint64('first_row') : undefined;
    const rowCounts = batch.uint64('row_count');
    const uncompressedBytes = batch.uint64('uncompressed_bytes');
    const contentBytes = batch.uint64('content_bytes');
    const firstPaths = names(batch, 'first_path');
    const lastPaths = names(batch, 'last_path');
    const { bytes, isNull } = batch.checksums('checksum');
    for (let row = 0; row < batch.length; row++) {
      // A later minor version may add sections. This reader ignores them.
      if (sections[row] === UNKNOWN_SECTION) {
        unknownSections += 1;
        continue;
      }
      if (isNull(row)) throw new ZnipError('damaged-manifest', `row ${row} has no checksum`);
      const fault = differenceOf('repo', row, repos, repoBytes);
      if (fault !== undefined) throw new ZnipError('damaged-manifest', `row ${row} ${fault}`);
      rows.push({
        section: SECTION_KINDS[sections[row] ?? 0] ?? 'members',
        packageType: packageTypes.text(row),
        repo: repos.text(row),
        ...(repoBytes === undefined || repoBytes.isNull(row) ? {} : { repoBytes: repoBytes.get(row) }),
        indexOffset: indexOffsets[row] ?? 0,
        indexLength: indexLengths[row] ?? 0,
        firstRow: firstRows?.[row] ?? 0,
        rowCount: rowCounts[row] ?? 0,
        uncompressedBytes: uncompressedBytes[row] ?? 0,
        contentBytes: contentBytes[row] ?? 0,
        firstPath: firstPaths(row),
        lastPath: lastPaths(row),
        checksum: bytes.subarray(row * CHECKSUM_LENGTH, (row + 1) * CHECKSUM_LENGTH),
      });
    }
  }
  return { rows, unknownSections, metadata: table.metadata };
}

/** Bytes of a manifest with no groups to speak of, and bytes of a row, most of them two long names. */
const MANIFEST_START = 2 * MiB;
const MAX_ROW_LENGTH = 20 * 1024;
/** A group takes at least so many bytes of an archive: a tar header, an entry. */
const MIN_GROUP_LENGTH = 4;

/** The longest manifest, in bytes, of an archive that has so many bytes before it, and it in a section of `length` bytes. */
export function mostManifestLength(before: number, length: number): number {
  const sections = Math.floor(before / SECTION_HEADER_LENGTH);
  return Math.min(MAX_TABLE_LENGTH, MANIFEST_START + sections * MAX_ROW_LENGTH + length * MAX_TABLE_RATIO);
}

/** The most rows of a manifest that has so many bytes before it. */
export function mostManifestRows(before: number): number {
  return Math.floor(before / MIN_GROUP_LENGTH);
}

/**
 * Refuses a manifest with two sections that share bytes, except groups that share all of one: then their rows must follow
 * one another from the first row on. Throws `inconsistent`.
 */
export function checkSections(rows: readonly ManifestRow[]): void {
  const sorted = rows.filter(({ indexLength }) => indexLength > 0);
  sorted.sort((a, b) => a.indexOffset - b.indexOffset || a.firstRow - b.firstRow);
  let before: ManifestRow | undefined;
  for (const row of sorted) {
    const { indexOffset, indexLength, firstRow } = row;
    const isShared = before !== undefined && sharesSection(row, before);
    if (!isShared && before !== undefined && indexOffset < before.indexOffset + before.indexLength) {
      throw new ZnipError(
        'inconsistent',
        `manifest: the section of ${indexLength} bytes at ${indexOffset} begins within another`,
        { offset: indexOffset },
      );
    }
    const expected = isShared && before !== undefined ? before.firstRow + before.rowCount : 0;
    if (firstRow !== expected) {
      throw new ZnipError(
        'inconsistent',
        `manifest: rows of the section at ${indexOffset} begin at ${firstRow}, expected ${expected}`,
        { offset: indexOffset },
      );
    }
    before = row;
  }
}

function sharesSection(row: ManifestRow, before: ManifestRow): boolean {
  return (
    row.section === 'members' &&
    before.section === 'members' &&
    row.indexOffset === before.indexOffset &&
    row.indexLength === before.indexLength &&
    row.uncompressedBytes === before.uncompressedBytes &&
    equalBytes(row.checksum, before.checksum)
  );
}

/** The rows of the manifest for one section: one, or one for each group that shares it. */
export type SharedRows = readonly [ManifestRow, ...ManifestRow[]];

/** The rows by section, in the order in which the sections come first. */
export function bySection(rows: readonly ManifestRow[]): SharedRows[] {
  const sections = new Map<number, [ManifestRow, ...ManifestRow[]]>();
  for (const row of rows) {
    const others = sections.get(row.indexOffset);
    if (others === undefined) sections.set(row.indexOffset, [row]);
    else others.push(row);
  }
  return [...sections.values()];
}
