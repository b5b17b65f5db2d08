/**
 * An open archive: its footer, manifest and tables. Each is checked against the hash above it before it is used.
 * Implements docs/format.md, "Reading".
 */
import { codec } from '../codec/codec.ts';
import { type ErrorContext, ZnipError, type ZnipErrorCode } from '../errors.ts';
import { decodeFooter, endsWithMagic, type Footer, FOOTER_LENGTH } from '../format/footer.ts';
import { FOREIGN_LENGTH, notAnArchive } from '../format/foreign.ts';
import {
  bySection,
  checkSections,
  decodeManifest,
  type Manifest,
  type ManifestRow,
  mostManifestLength,
  mostManifestRows,
  type SharedRows,
} from '../format/manifest.ts';
import { decodeRemarks, type Remark } from '../format/remarks.ts';
import { checkFrames, decodeFrameTable, type Frame } from '../format/tables/frame-table.ts';
import { decodeSubIndex, type EntryBatch } from '../format/tables/sub-index.ts';
import { type ByteString, toBytes, toText } from '../format/values/byte-string.ts';
import { MAX_TABLE_LENGTH, TAG } from '../format/values/constants.ts';
import { type Group, groupKey, groupOf, repoOf } from '../format/values/entry.ts';
import { comparePaths } from '../format/values/path-order.ts';
import { startsAsArchive } from '../format/zstd/marks.ts';
import { borrowed, type ByteSource, closedError, FileSource } from '../io/source.ts';
import { Turns } from '../threads/turns.ts';
import { Entries, type EntryPart } from './entries.ts';
import {
  checkFacts,
  checkFrameRow,
  decodeTableSection,
  EntryBudget,
  entryFacts,
  frameFacts,
  remarkFacts,
} from './tables.ts';

/** One read of this many bytes gets the footer, and the manifest of all except huge archives. */
const TAIL_LENGTH = 64 * 1024;

export interface EntrySelection {
  /** Package types to read; undefined: all. */
  packageTypes?: readonly string[] | undefined;
  /** Repos to read, as they are shown; undefined: all. */
  repos?: readonly string[] | undefined;
  /** Only sub-indexes that can have one of these names, by the first and the last of their paths; undefined: all. */
  holding?: readonly ByteString[] | undefined;
  /** Ends it, with its reason, between two sub-indexes. */
  signal?: AbortSignal | undefined;
}

/** The members of one (package type, repo) pair, which have an index of their own. */
export interface GroupSummary extends Group {
  /** How many there are. */
  members: number;
  /** Bytes of content of all of them. */
  contentBytes: number;
  /** Stored bytes of the group's sub-indexes. */
  indexBytes: number;
}

/** A remark in the form that callers get. */
export interface NamedRemark extends Remark {
  /** As text: bytes that are not UTF-8 are U+FFFD. */
  path: string;
  pathBytes: Uint8Array;
}

/** Every method of a closed archive throws `usage`, and so does everything that reads from it. */
export class Archive {
  private readonly bytes: ByteSource;
  /** The end of the archive, which was read to open it. */
  private readonly tail: Uint8Array;
  private closed = false;
  readonly footer: Footer;
  readonly manifest: Manifest;
  private frameList: Frame[] | undefined;
  /** By the place of a section; undefined until it is asked for. */
  private sectionRows: Map<number, number> | undefined;
  /** Ends the task that this is for, see `until`. */
  private signal: AbortSignal | undefined;

  constructor(source: ByteSource, footer: Footer, manifest: Manifest, tail: Uint8Array) {
    this.bytes = source;
    this.tail = tail;
    this.footer = footer;
    this.manifest = manifest;
  }

  /** Where its bytes come from, while it is open. */
  get source(): ByteSource {
    if (this.closed) throw closedError(this.bytes.name);
    return this.bytes;
  }

  /** BLAKE3 of the manifest in hexadecimal. It covers every byte that a reader relies on. */
  get rootHash(): string {
    return Buffer.from(this.footer.rootHash).toString('hex');
  }

  /** The (package type, repo) pairs of the archive, in the order of its sub-indexes. */
  groups(): GroupSummary[] {
    this.requireOpen();
    const groups = new Map<string, GroupSummary>();
    for (const row of this.manifest.rows) {
      if (row.section !== 'members') continue;
      const key = groupKey(row);
      const group = groups.get(key) ?? {
        ...groupIn(row),
        members: 0,
        contentBytes: 0,
        indexBytes: 0,
      };
      group.members += row.rowCount;
      group.contentBytes += row.contentBytes;
      // Of a section that several groups share, each has the part that its rows are of all.
      group.indexBytes += Math.round((row.indexLength * row.rowCount) / Math.max(1, this.rowsIn(row)));
      groups.set(key, group);
    }
    return [...groups.values()];
  }

  /**
   * Entries of the selected groups, in archive order. Reads only the sub-indexes of these groups. Throws for a damaged
   * one, unless `onDamaged` handles that without throwing: then the others are returned.
   */
  async entries(
    { packageTypes, repos, holding, signal }: EntrySelection = {},
    onDamaged?: (error: ZnipError, rows: SharedRows) => void,
  ): Promise<Entries> {
    this.requireOpen();
    const rows = this.manifest.rows.filter(
      (row) =>
        row.section === 'members' &&
        (packageTypes === undefined || packageTypes.includes(row.packageType)) &&
        (repos === undefined || repos.includes(row.repo)) &&
        (holding === undefined || holding.some((name) => canHold(row, name))),
    );
    const parts: EntryPart[] = [];
    const budget = new EntryBudget();
    const turns = new Turns(signal);
    signal?.throwIfAborted();
    for (const groups of bySection(rows)) {
      if (turns.isDue()) await turns.take();
      try {
        // One by one: a call takes only so many arguments, and a section may be shared by any number of groups.
        for (const part of await this.readSubIndex(groups, budget)) parts.push(part);
      } catch (error) {
        if (onDamaged === undefined || !(error instanceof ZnipError)) throw error;
        onDamaged(error, groups);
      }
    }
    return new Entries(parts);
  }

  /** The entries of these groups, which are in one section. */
  private async readSubIndex(groups: SharedRows, budget: EntryBudget): Promise<EntryPart[]> {
    const [row] = groups;
    const rowCount = this.rowsIn(row);
    this.checkPlace(row, 'damaged-sub-index');
    budget.spend({ ...row, rowCount });
    const batches = decodeSubIndex(await this.readSection(row, TAG.subIndex, 'damaged-sub-index'));
    const found = batches.reduce((sum, { length }) => sum + length, 0);
    if (found !== rowCount) throw wrongRows(row, rowCount, found);
    return groups.map((group) => {
      const own = slices(batches, group.firstRow, group.firstRow + group.rowCount);
      checkFacts('sub-index', group, entryFacts(own));
      return { group: groupIn(group), batches: own };
    });
  }

  /** Rows of the table in a section, by the rows of the manifest, which are known to tile it. */
  private rowsIn({ indexOffset }: ManifestRow): number {
    if (this.sectionRows === undefined) {
      this.sectionRows = new Map();
      for (const row of this.manifest.rows) {
        const before = this.sectionRows.get(row.indexOffset) ?? 0;
        this.sectionRows.set(row.indexOffset, Math.max(before, row.firstRow + row.rowCount));
      }
    }
    return this.sectionRows.get(indexOffset) ?? 0;
  }

  /** The frame table: every blob in archive order. */
  async frames(): Promise<Frame[]> {
    this.requireOpen();
    if (this.frameList !== undefined) return this.frameList;
    const frames: Frame[] = [];
    for (const row of this.manifest.rows) {
      if (row.section !== 'frames') continue;
      checkFrameRow(row, frames.length, this.footer.manifestOffset);
      const table = await this.readSection(row, TAG.frameTable, 'damaged-frame-table');
      const decoded = decodeFrameTable(table);
      checkFacts('frame table', row, frameFacts(decoded));
      for (const frame of decoded) frames.push(frame);
    }
    checkFrames(frames, this.footer.manifestOffset);
    this.frameList = frames;
    return frames;
  }

  /** What the index cannot say about members of the tar stream, in its order. Throws `damaged-sub-index`. */
  async remarks(): Promise<NamedRemark[]> {
    const remarks = await this.rawRemarks();
    return remarks.map((remark) => ({
      ...remark,
      path: toText(remark.path),
      pathBytes: toBytes(remark.path),
    }));
  }

  /** The same, with names as byte strings. */
  async rawRemarks(): Promise<Remark[]> {
    this.requireOpen();
    const remarks: Remark[] = [];
    const budget = new EntryBudget();
    for (const row of this.manifest.rows) {
      if (row.section !== 'remarks') continue;
      this.checkPlace(row, 'damaged-sub-index');
      budget.spend(row);
      const decoded = decodeRemarks(await this.readSection(row, TAG.remarks, 'damaged-sub-index'));
      checkFacts('table of remarks', row, remarkFacts(decoded));
      for (const remark of decoded) remarks.push(remark);
    }
    return remarks;
  }

  /** The same archive for one task: what that reads ends with the signal. Closing it closes nothing. */
  until(signal: AbortSignal | undefined): Archive {
    const archive = new Archive(borrowed(this.source, signal), this.footer, this.manifest, this.tail);
    archive.frameList = this.frameList;
    archive.signal = signal;
    return archive;
  }

  /** Closes the source. What is read at the same time ends with an error; a second call does nothing. */
  close(): void {
    this.closed = true;
    this.bytes.close();
  }

  /** Bytes before the footer, some of which are there already. */
  private async readNearEnd(offset: number, length: number): Promise<Uint8Array> {
    this.signal?.throwIfAborted();
    const { tail } = this;
    const start = offset - (this.footer.archiveLength - tail.byteLength);
    return start >= 0 ? tail.subarray(start, start + length) : this.source.read(offset, length);
  }

  private requireOpen(): void {
    if (this.closed) throw closedError(this.bytes.name);
  }

  /** Refuses a section that does not lie before the manifest. */
  private checkPlace({ indexOffset, indexLength }: ManifestRow, code: ZnipErrorCode): void {
    if (indexOffset + indexLength <= this.footer.manifestOffset) return;
    throw new ZnipError(code, `a section of ${indexLength} bytes at ${indexOffset} reaches past the index`, {
      offset: indexOffset,
    });
  }

  private async readSection(row: ManifestRow, tag: string, code: ZnipErrorCode): Promise<Uint8Array> {
    const { indexOffset, indexLength, uncompressedBytes, checksum } = row;
    this.checkPlace(row, code);
    const frame = await this.readNearEnd(indexOffset, indexLength);
    return decodeTableSection(frame, {
      tag,
      code,
      checksum,
      tableLength: uncompressedBytes,
      mostLength: MAX_TABLE_LENGTH,
      offset: indexOffset,
    });
  }
}

/** Rows `from` to `to` of batches that follow one another. */
function slices(batches: readonly EntryBatch[], from: number, to: number): EntryBatch[] {
  const found: EntryBatch[] = [];
  let start = 0;
  for (const batch of batches) {
    const end = start + batch.length;
    if (from < end && to > start) {
      found.push(batch.slice(Math.max(from, start) - start, Math.min(to, end) - start));
    }
    start = end;
  }
  return found;
}

function wrongRows({ indexOffset: offset }: ManifestRow, says: number, has: number): ZnipError {
  return new ZnipError(
    'inconsistent',
    `sub-index at byte ${offset}: the manifest says ${says} rows, it has ${has}`,
    { offset },
  );
}

function canHold({ firstPath, lastPath }: ManifestRow, name: ByteString): boolean {
  return comparePaths(firstPath, name) <= 0 && comparePaths(name, lastPath) <= 0;
}

/** The group of the entries in a section. */
function groupIn(row: ManifestRow): Group {
  return groupOf(row.packageType, repoOf(row));
}

export interface OpenOptions {
  /** The root hash that the archive must have, in hexadecimal: no other is opened. */
  root?: string | undefined;
  /** Ends the opening; what is read later hears it no more. */
  signal?: AbortSignal | undefined;
}

/**
 * Opens an archive and checks its footer and manifest.
 *
 * Throws ZnipError: `not-an-archive`, `truncated`, `unsupported-version`, `damaged-footer`, `damaged-manifest`,
 * `root-mismatch`, or `io`. If it throws, the source is closed.
 */
export async function openArchive(
  source: string | ByteSource,
  { root, signal }: OpenOptions = {},
): Promise<Archive> {
  const bytes = typeof source === 'string' ? new FileSource(source) : source;
  try {
    const { footer, manifest, tail } = await readFooter(borrowed(bytes, signal));
    const archive = new Archive(bytes, footer, manifest, tail);
    if (root !== undefined && root.toLowerCase() !== archive.rootHash) {
      throw new ZnipError(
        'root-mismatch',
        `'${bytes.name}' is not the archive that is meant: its root hash must be ${root.toLowerCase()}, but it is ${archive.rootHash}`,
        { path: bytes.name },
      );
    }
    return archive;
  } catch (error) {
    bytes.close();
    throw error;
  }
}

async function readFooter(
  source: ByteSource,
): Promise<{ footer: Footer; manifest: Manifest; tail: Uint8Array }> {
  const { byteLength, name } = source;
  const tailLength = Math.min(byteLength - source.start, TAIL_LENGTH);
  const tail = await source.read(byteLength - tailLength, tailLength);
  if (!endsWithMagic(tail) || tailLength < FOOTER_LENGTH) throw await explainMissingFooter(source);
  const footer = decodeFooter(tail.subarray(-FOOTER_LENGTH), byteLength, codec().hash);
  const { manifestOffset, manifestLength } = footer;
  if (manifestLength > MAX_TABLE_LENGTH) {
    throw new ZnipError('damaged-footer', `'${name}': a manifest of ${manifestLength} bytes is too long`);
  }
  const tailStart = byteLength - tailLength;
  const frame =
    manifestOffset >= tailStart
      ? tail.subarray(manifestOffset - tailStart, manifestOffset - tailStart + manifestLength)
      : await source.read(manifestOffset, manifestLength);
  const table = await decodeTableSection(frame, {
    tag: TAG.manifest,
    code: 'damaged-manifest',
    checksum: footer.rootHash,
    tableLength: undefined,
    mostLength: mostManifestLength(manifestOffset, manifestLength),
    offset: manifestOffset,
  });
  const manifest = decodeManifest(table, mostManifestRows(manifestOffset));
  checkSections(manifest.rows);
  return { footer, manifest, tail };
}

/** For a file that does not end like an archive: says whether it is a cut archive or something else. */
async function explainMissingFooter(source: ByteSource): Promise<ZnipError> {
  const { byteLength, name } = source;
  if (source.start > 0) return new ZnipError('not-an-archive', `'${name}' does not end as a znip archive`);
  const start = await source.read(0, Math.min(byteLength, FOREIGN_LENGTH));
  const context: ErrorContext = { path: name };
  if (startsAsArchive(start)) {
    return new ZnipError(
      'truncated',
      `'${name}' begins as a znip archive but does not end as one: it was cut short, or bytes were added to it; recover unpacks what is whole`,
      context,
    );
  }
  return notAnArchive(`'${name}'`, start, context);
}
