/**
 * The index of an archive while it grows: entries by group, the frame table and remarks become tables, part by part, and
 * wait for their place behind the blocks. Runs on the same thread as the archive writer. Implements docs/format.md,
 * "Sub-index", "Frame table", "Remarks" and "Manifest".
 */
import type { CompressionSettings } from '../../codec/backends.ts';
import type { Codec } from '../../codec/codec.ts';
import { ZnipError } from '../../errors.ts';
import {
  manifestColumns,
  type ManifestRow,
  mostManifestLength,
  mostManifestRows,
} from '../../format/manifest.ts';
import { type Remark, remarkColumns } from '../../format/remarks.ts';
import { type Frame, frameColumns } from '../../format/tables/frame-table.ts';
import { type EntryResults, SubIndexBuilder } from '../../format/tables/sub-index-builder.ts';
import type { EntryColumns } from '../../format/values/entry-columns.ts';
import type { Column } from '../../format/tables/table-columns.ts';
import { encodeTable } from '../../format/tables/table-writer.ts';
import { compareBytes, fromText } from '../../format/values/byte-string.ts';
import { MAX_NAME_BYTES, MAX_SUB_INDEX_ROWS, MAX_TABLE_RATIO, TAG } from '../../format/values/constants.ts';
import { type Group, type Member, repoOf } from '../../format/values/entry.ts';
import { encodeSection } from '../../format/zstd/skippable-frame.ts';
import { rawFrameLength, rawFramePieces } from '../../format/zstd/zstd-frame.ts';
import type { Sink } from '../../io/sink.ts';
import { SectionStore, type StoredSection } from './section-store.ts';

/** An encoded part of the index that waits for its place after the blocks. */
interface FinishedPart {
  section: StoredSection;
  /** Its rows of the manifest: one, or one for each group that shares it. */
  rows: Omit<ManifestRow, 'indexOffset'>[];
}

/** What the manifest says of a part beside what is seen from its bytes. */
type PartFacts = Omit<ManifestRow, 'indexOffset' | 'indexLength' | 'uncompressedBytes' | 'checksum'>;

/** Groups with fewer entries share a section with their neighbours, up to this many. A section costs some 900 bytes. */
const SHARED_ROWS = 4096;

/** Facts of tables that belong to no group. */
const NO_GROUP = { packageType: '', repo: '', firstRow: 0, firstPath: '', lastPath: '' };

/** Where the manifest is, for the footer. */
export interface WrittenIndex {
  manifestOffset: number;
  manifestLength: number;
  rootHash: Uint8Array;
}

export class IndexWriter {
  private readonly codec: Codec;
  private readonly metadata: ReadonlyMap<string, string>;
  private readonly sections: SectionStore;
  private readonly groups: Group[] = [];
  private readonly builders: (SubIndexBuilder | undefined)[] = [];
  /** Full parts, by group. */
  private readonly fullParts: FinishedPart[][] = [];
  /** Rows of the frame table that are not in any part yet. */
  private frames: Frame[] = [];
  private readonly frameParts: FinishedPart[] = [];
  /** Remarks that are not in any part yet. */
  private remarks: Remark[] = [];
  private remarkBytes = 0;
  private readonly remarkParts: FinishedPart[] = [];
  /** A buffer for compressed tables. */
  private scratch = new Uint8Array(0);

  /** `mostBytes`: finished parts beyond that go to a temporary file. */
  constructor(codec: Codec, metadata: ReadonlyMap<string, string>, mostBytes: number) {
    this.codec = codec;
    this.metadata = metadata;
    this.sections = new SectionStore(mostBytes);
  }

  /** Groups that entries may name from now on; they continue the numbering. */
  addGroups(groups: readonly Group[]): void {
    this.groups.push(...groups);
  }

  async addEntry(
    group: number,
    member: Member,
    streamOffset: number,
    checksum: Uint8Array | null,
    changed: boolean,
  ): Promise<void> {
    const builder = (this.builders[group] ??= new SubIndexBuilder());
    builder.append(member, streamOffset, checksum, changed);
    if (builder.isFull) await this.finishFull(group);
  }

  /** Adds members `from` to `to`, all of one group, whose data offsets are counted from `streamOffset`. */
  async addEntries(
    group: number,
    columns: EntryColumns,
    results: EntryResults,
    { from, to, streamOffset }: { from: number; to: number; streamOffset: number },
  ): Promise<void> {
    for (let row = from; row < to;) {
      const builder = (this.builders[group] ??= new SubIndexBuilder());
      row = builder.appendRows(columns, results, { from: row, to, streamOffset });
      if (builder.isFull) await this.finishFull(group);
    }
  }

  /** Adds a row of the frame table. It may still change until `finishFullFrames`. */
  addFrame(frame: Frame): void {
    this.frames.push(frame);
  }

  /** The frames so far do not change any more. */
  async finishFullFrames(): Promise<void> {
    if (this.frames.length >= MAX_SUB_INDEX_ROWS) await this.finishFrames();
  }

  /** `streamOffset` is where the chunk starts that their headers are in. */
  async addRemarks(remarks: readonly Remark[], streamOffset: number): Promise<void> {
    for (const remark of remarks) {
      this.remarks.push({ ...remark, headerOffset: streamOffset + remark.headerOffset });
      this.remarkBytes += 2 * remark.path.length + remark.reason.length;
      const isFull = this.remarks.length >= MAX_SUB_INDEX_ROWS || this.remarkBytes >= MAX_NAME_BYTES;
      if (isFull) await this.finishRemarks();
    }
  }

  /** Writes all parts, then the manifest. Throws `limit` if the names of the groups are too long for it. */
  async write(sink: Sink): Promise<WrittenIndex> {
    const parts = await this.finishGroups();
    while (this.frames.length > 0) await this.finishFrames();
    if (this.remarks.length > 0) await this.finishRemarks();
    const rows: ManifestRow[] = [];
    for (const part of [...parts, ...this.frameParts, ...this.remarkParts]) {
      for (const row of part.rows) rows.push({ ...row, indexOffset: sink.position });
      await sink.write([this.sections.get(part.section)]);
    }
    const manifestOffset = sink.position;
    const table = encodeTable(manifestColumns(rows), this.metadata);
    const manifest = await this.section(TAG.manifest, table);
    const isTooLong = table.byteLength > mostManifestLength(manifestOffset, manifest.byteLength);
    if (isTooLong || rows.length > mostManifestRows(manifestOffset)) {
      throw tooManyGroups(this.groups.length, table.byteLength);
    }
    await sink.write([manifest]);
    return { manifestOffset, manifestLength: manifest.byteLength, rootHash: this.codec.hash(manifest) };
  }

  close(): void {
    this.sections.close();
  }

  private async finishFull(group: number): Promise<void> {
    const builder = this.builders[group];
    if (builder === undefined) return;
    this.builders[group] = undefined;
    const part = await this.finishEntries(builder, [this.factsOf(group, builder, 0)]);
    (this.fullParts[group] ??= []).push(part);
  }

  /** The parts of all groups, by package type, then repo. Small groups that follow one another share a part. */
  private async finishGroups(): Promise<FinishedPart[]> {
    const parts: FinishedPart[] = [];
    let shared = new SubIndexBuilder();
    let facts: PartFacts[] = [];
    const finishShared = async (): Promise<void> => {
      if (facts.length > 0) parts.push(await this.finishEntries(shared, facts));
      shared = new SubIndexBuilder();
      facts = [];
    };
    for (const group of this.groupOrder()) {
      const full = this.fullParts[group] ?? [];
      const builder = this.builders[group] ?? new SubIndexBuilder();
      this.builders[group] = undefined;
      const isShared = full.length === 0 && builder.length < SHARED_ROWS;
      const fits =
        shared.length + builder.length <= SHARED_ROWS &&
        shared.nameBytes + builder.nameBytes < MAX_NAME_BYTES;
      if (!isShared || !fits) await finishShared();
      parts.push(...full);
      if (builder.length === 0) continue;
      facts.push(this.factsOf(group, builder, shared.length));
      if (isShared) shared.appendAll(builder);
      else {
        shared = builder;
        await finishShared();
      }
    }
    await finishShared();
    return parts;
  }

  private groupOrder(): number[] {
    const { groups } = this;
    const keys = groups.map((group) => ({ type: fromText(group.packageType), repo: repoOf(group) }));
    return groups
      .map((_, i) => i)
      .sort((i, k) => {
        const [a, b] = [keys[i], keys[k]];
        return compareBytes(a?.type ?? '', b?.type ?? '') || compareBytes(a?.repo ?? '', b?.repo ?? '');
      });
  }

  private factsOf(group: number, builder: SubIndexBuilder, firstRow: number): PartFacts {
    const info = this.groups[group];
    if (info === undefined) throw new ZnipError('internal', `group ${group} was not announced`);
    return { section: 'members', ...info, firstRow, rowCount: builder.length, ...builder.summary() };
  }

  private finishEntries(builder: SubIndexBuilder, facts: readonly PartFacts[]): Promise<FinishedPart> {
    return this.finishPart(TAG.subIndex, builder.columns(), facts);
  }

  private async finishFrames(): Promise<void> {
    const frames = this.frames.slice(0, MAX_SUB_INDEX_ROWS);
    this.frames = this.frames.slice(MAX_SUB_INDEX_ROWS);
    const part = await this.finishPart(TAG.frameTable, frameColumns(frames), [
      {
        section: 'frames',
        ...NO_GROUP,
        rowCount: frames.length,
        contentBytes: frames.reduce((sum, frame) => sum + frame.streamLength, 0),
      },
    ]);
    this.frameParts.push(part);
  }

  private async finishRemarks(): Promise<void> {
    const { remarks } = this;
    this.remarks = [];
    this.remarkBytes = 0;
    const part = await this.finishPart(TAG.remarks, remarkColumns(remarks), [
      {
        section: 'remarks',
        ...NO_GROUP,
        rowCount: remarks.length,
        contentBytes: 0,
      },
    ]);
    this.remarkParts.push(part);
  }

  private async finishPart(
    tag: string,
    columns: readonly Column[],
    facts: readonly PartFacts[],
  ): Promise<FinishedPart> {
    const table = encodeTable(columns, this.metadata);
    const section = await this.section(tag, table);
    const common = {
      indexLength: section.byteLength,
      uncompressedBytes: table.byteLength,
      checksum: this.codec.hash(section),
    };
    return { section: this.sections.put(section), rows: facts.map((one) => ({ ...one, ...common })) };
  }

  private async section(tag: string, table: Uint8Array): Promise<Uint8Array> {
    // If a table does not compress, there must be room for a frame of raw blocks.
    const most = rawFrameLength(table.byteLength) + 64;
    if (this.scratch.byteLength < most) this.scratch = new Uint8Array(most);
    const length = await this.codec.compress(table, this.scratch, INDEX_SETTINGS);
    if (length > 0 && length * MAX_TABLE_RATIO >= table.byteLength)
      return encodeSection(tag, this.scratch.subarray(0, length), table.byteLength);
    return encodeSection(tag, Buffer.concat(rawFramePieces(table)), table.byteLength);
  }
}

function tooManyGroups(groups: number, found: number): ZnipError {
  return new ZnipError(
    'limit',
    `the names of ${groups} groups make a manifest of ${found} bytes, more than a reader takes: pack fewer repos into one archive, or without \`repoFromDirectory\``,
  );
}

/** Tables are small and are read often: level 3, whatever the level of the blobs. */
const INDEX_SETTINGS: CompressionSettings = { level: 3, windowLog: 23, longDistance: false };
