/**
 * Targets for the Arrow tables: sub-index, frame table, manifest, and the check of any Arrow stream.
 */
import { decodeTable } from '../../src/format/tables/table-reader.ts';
import { checkFrames, decodeFrameTable, frameColumns } from '../../src/format/tables/frame-table.ts';
import { decodeManifest, manifestColumns } from '../../src/format/manifest.ts';
import { decodeSubIndex } from '../../src/format/tables/sub-index.ts';
import { SubIndexBuilder } from '../../src/format/tables/sub-index-builder.ts';
import { encodeTable } from '../../src/format/tables/table-writer.ts';
import { mutate, type Random } from './random.ts';
import { type Tables, tables } from './seeds.ts';
import { accepted, holds, type Target } from './target.ts';

let seeds: Promise<Tables> | undefined;

async function stream(random: Random, table: 'manifest' | 'members' | 'frames'): Promise<Buffer> {
  seeds ??= tables();
  // Of its own, so that nothing lies behind it in memory.
  return Buffer.from(Uint8Array.from(mutate(random, random.pick((await seeds)[table]))));
}

const METADATA = new Map<string, string>();

const subIndex: Target = {
  name: 'sub-index',
  sliceMs: 200,
  async run(random) {
    const bytes = await stream(random, 'members');
    const batches = await accepted(() => decodeSubIndex(bytes));
    for (const batch of batches ?? []) {
      const builder = new SubIndexBuilder();
      const rows: unknown[] = [];
      for (let row = 0; row < batch.length; row++) {
        const member = batch.member(row);
        rows.push([member.path, member.linkTarget, member.size, String(member.mtime), batch.changed(row)]);
        builder.append(member, batch.streamOffsets[row] ?? 0, batch.checksum(row), batch.changed(row));
      }
      if (batch.length === 0 || batch.length > 1000) continue;
      const again = decodeSubIndex(encodeTable(builder.columns(), METADATA))[0];
      const second = Array.from({ length: batch.length }, (_, row) => {
        const member = again?.member(row);
        return [member?.path, member?.linkTarget, member?.size, String(member?.mtime), again?.changed(row)];
      });
      holds(JSON.stringify(second) === JSON.stringify(rows), 'entries that are read are written the same');
    }
  },
};

const frameTable: Target = {
  name: 'frame-table',
  sliceMs: 200,
  async run(random) {
    const bytes = await stream(random, 'frames');
    const frames = await accepted(() => decodeFrameTable(bytes));
    if (frames === undefined) return;
    await accepted(() => checkFrames(frames, 100_000));
    if (frames.length === 0 || frames.length > 1000) return;
    const again = decodeFrameTable(encodeTable(frameColumns(frames), METADATA));
    const plain = (one: (typeof frames)[number]): unknown => ({
      ...one,
      checksum: Buffer.from(one.checksum).toString('hex'),
    });
    holds(
      JSON.stringify(again.map(plain)) === JSON.stringify(frames.map(plain)),
      'frames are written the same',
    );
  },
};

const manifest: Target = {
  name: 'manifest',
  sliceMs: 200,
  async run(random) {
    const bytes = await stream(random, 'manifest');
    const found = await accepted(() => decodeManifest(bytes));
    if (found === undefined || found.rows.length === 0 || found.rows.length > 1000) return;
    const again = decodeManifest(encodeTable(manifestColumns(found.rows), found.metadata));
    const plain = ({ rows }: typeof found): string =>
      JSON.stringify(rows.map((row) => ({ ...row, checksum: Buffer.from(row.checksum).toString('hex') })));
    holds(plain(again) === plain(found), 'a manifest that is read is written the same');
  },
};

const arrow: Target = {
  name: 'arrow',
  sliceMs: 200,
  async run(random) {
    const bytes = await stream(random, random.pick(['manifest', 'members', 'frames'] as const));
    const table = await accepted(() => decodeTable(bytes, 'damaged-manifest', 'a table'));
    for (const batch of table?.batches ?? []) {
      for (const name of [
        'path',
        'repo',
        'kind',
        'section',
        'mode',
        'size',
        'mtime',
        'checksum',
        'changed',
      ]) {
        await accepted(() => batch.utf8(name).get(0));
        await accepted(() => batch.binary(name).get(batch.length - 1));
        await accepted(() => batch.uint32(name, true).isNull(0));
        await accepted(() => batch.uint64(name));
        await accepted(() => batch.timestamp(name));
        await accepted(() => batch.checksums(name).isNull(batch.length - 1));
        await accepted(() => batch.bool(name)(batch.length - 1));
        await accepted(() => batch.dictionary(name, ['file', 'members'], 255));
      }
    }
  },
};

export const TABLE_TARGETS: readonly Target[] = [subIndex, frameTable, manifest, arrow];
