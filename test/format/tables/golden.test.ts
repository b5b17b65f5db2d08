/**
 * The tables of the golden archives, read and written again: an archive of the same members has the same bytes,
 * whatever writes its tables.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { loadCodec } from '../../../src/codec/codec.ts';
import { decodeFooter, FOOTER_LENGTH } from '../../../src/format/footer.ts';
import { decodeManifest, type ManifestRow, manifestColumns } from '../../../src/format/manifest.ts';
import { decodeRemarks, remarkColumns } from '../../../src/format/remarks.ts';
import { decodeFrameTable, frameColumns } from '../../../src/format/tables/frame-table.ts';
import { decodeSubIndex } from '../../../src/format/tables/sub-index.ts';
import { SubIndexBuilder } from '../../../src/format/tables/sub-index-builder.ts';
import type { Column } from '../../../src/format/tables/table-columns.ts';
import { encodeTable } from '../../../src/format/tables/table-writer.ts';
import { TAG } from '../../../src/format/values/constants.ts';
import { decodeSection } from '../../../src/format/zstd/skippable-frame.ts';

const directory = fileURLToPath(new URL('../../../fixtures/golden/1.0', import.meta.url));
const archives = readdirSync(directory).filter((name) => name.endsWith('.znip'));
const codec = loadCodec('portable');

async function tableOf(section: Uint8Array, tag: string): Promise<Buffer> {
  const { compressed, tableLength } = decodeSection(section, tag, 'damaged-manifest');
  const table = Buffer.alloc(tableLength);
  await codec.decompress(compressed, table);
  return table;
}

const COLUMNS: Record<ManifestRow['section'], { tag: string; again: (table: Uint8Array) => Column[] }> = {
  members: { tag: TAG.subIndex, again: entriesAgain },
  frames: { tag: TAG.frameTable, again: (table) => frameColumns(decodeFrameTable(table)) },
  remarks: { tag: TAG.remarks, again: (table) => remarkColumns(decodeRemarks(table)) },
};

function entriesAgain(table: Uint8Array): Column[] {
  const builder = new SubIndexBuilder();
  for (const batch of decodeSubIndex(table)) {
    for (let row = 0; row < batch.length; row++) {
      const member = { ...batch.member(row), uname: batch.uname(row), gname: batch.gname(row) };
      builder.append(member, batch.streamOffsets[row] ?? 0, batch.checksum(row), batch.changed(row));
    }
  }
  return builder.columns();
}

test.each(archives)('the tables of %s are written as they are', async (name) => {
  const archive = readFileSync(`${directory}/${name}`);
  const { manifestOffset } = decodeFooter(archive.subarray(-FOOTER_LENGTH), archive.length, codec.hash);
  const manifest = await tableOf(archive.subarray(manifestOffset, -FOOTER_LENGTH), TAG.manifest);
  const { rows, metadata } = decodeManifest(manifest);
  expect(manifest.equals(encodeTable(manifestColumns(rows), metadata)), 'manifest').toBe(true);
  for (const { section, indexOffset, indexLength } of rows) {
    const { tag, again } = COLUMNS[section];
    const table = await tableOf(archive.subarray(indexOffset, indexOffset + indexLength), tag);
    expect(table.equals(encodeTable(again(table), metadata)), section).toBe(true);
  }
});
