/**
 * The index against the tar headers: the work grows with the members, wherever the index says that they are.
 */
import { expect, test } from 'vitest';
import { codec } from '../../src/codec/codec.ts';
import { KIND } from '../../src/format/values/entry.ts';
import { decodeSubIndex, EntryBatch } from '../../src/format/tables/sub-index.ts';
import { SubIndexBuilder } from '../../src/format/tables/sub-index-builder.ts';
import { encodeTable } from '../../src/format/tables/table-writer.ts';
import { encodeTarHeader, tarHeaderLength } from '../../src/format/tar/tar-header.ts';
import { TarReader } from '../../src/format/tar/tar-reader.ts';
import { Entries } from '../../src/archive/entries.ts';
import { inspectChunk } from '../../src/blocks/inspect-chunk.ts';
import { Comparison } from '../../src/verify/comparison.ts';
import { DamageList } from '../../src/verify/damage.ts';

/** Counts the names that are made. */
class CountingBatch extends EntryBatch {
  static count = 0;

  override path(row: number): string {
    CountingBatch.count += 1;
    return super.path(row);
  }
}

/** Compares an index whose rows are all shifted by some bytes with its tar stream. */
function compare(count: number, shift: number): { names: number; list: DamageList } {
  const builder = new SubIndexBuilder();
  const stream = Buffer.alloc(512 * count);
  for (let i = 0; i < count; i++) {
    const member = {
      path: `directory-${i}`,
      kind: KIND.directory,
      mode: 0o755,
      mtime: 0n,
      size: 0,
      linkTarget: '',
      uid: null,
      gid: null,
    };
    expect(tarHeaderLength(member)).toBe(512);
    encodeTarHeader(stream, 512 * i, member);
    builder.append(member, 512 * (i + 1) + shift, null);
  }
  const [batch] = decodeSubIndex(encodeTable(builder.columns(), new Map()));
  if (batch === undefined) throw new Error('a sub-index has a batch');
  Object.setPrototypeOf(batch, CountingBatch.prototype);
  const list = new DamageList();
  const comparison = new Comparison(
    new Entries([{ group: { packageType: 'plain', repo: '' }, batches: [batch] }]),
    list,
    () => {},
  );
  const { members } = inspectChunk(stream, 0, 0, new TarReader(), codec());
  CountingBatch.count = 0;
  const end = stream.byteLength;
  comparison.take({ type: 'chunk', start: 0, end, members, blob: 0, blobOffset: 0 });
  comparison.finish(true);
  return { names: CountingBatch.count, list };
}

test('rows that are not where the index says', () => {
  const { list } = compare(3, 8);
  expect(list.kept.map(({ code, message }) => [code, message])).toEqual([
    ['member-not-in-index', "member 'directory-0': it is not where the index says, at its byte 0"],
    ['member-not-in-index', "member 'directory-1': it is not where the index says, at its byte 512"],
    ['member-not-in-index', "member 'directory-2': it is in the tar stream alone, at its byte 1024"],
    ['member-not-in-tar', "member 'directory-0': there is no header before tar stream byte 520"],
    ['member-not-in-tar', "member 'directory-1': there is no header before tar stream byte 1032"],
    ['member-not-in-tar', "member 'directory-2': it is in the index alone"],
  ]);
});

test.each([0, 1, 8, 512, 1024])('twice the rows, shifted by %i, are twice the work', (shift) => {
  const small = compare(1000, shift).names;
  expect(small).toBeGreaterThanOrEqual(1000);
  expect(compare(2000, shift).names).toBeLessThanOrEqual(2.1 * small);
});
