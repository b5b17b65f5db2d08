import { describe, expect, test } from 'vitest';
import { KIND } from '../../src/format/values/entry.ts';
import { decodeSubIndex, type EntryBatch } from '../../src/format/tables/sub-index.ts';
import { SubIndexBuilder } from '../../src/format/tables/sub-index-builder.ts';
import { encodeTable } from '../../src/format/tables/table-writer.ts';
import { Entries } from '../../src/archive/entries.ts';

function batchesOf(names: ReadonlyMap<string, number>): EntryBatch[] {
  const builder = new SubIndexBuilder();
  for (const [path, offset] of names) {
    const common = { path, mode: 0o755, mtime: 0n, size: 0, linkTarget: '', uid: null, gid: null };
    builder.append({ ...common, kind: KIND.directory }, offset, null, false);
  }
  return decodeSubIndex(encodeTable(builder.columns(), new Map()));
}

const group = (repo: string) => ({ packageType: 'npm', repo });

/** The names of all entries, one by one and by runs. */
function namesOf(entries: Entries): { single: string; runs: string } {
  let single = '';
  for (const { batch, row } of entries) single += `${batch.path(row)}\n`;
  const pieces = [...entries.runs()].map(({ batch, from, to }) => batch.pathLines(from, to, 0x0a));
  return { single, runs: Buffer.concat(pieces).toString('latin1') };
}

describe('Entries', () => {
  test('gives the rows of one group after another as runs of their own', () => {
    const entries = new Entries([
      {
        group: group('a'),
        batches: batchesOf(
          new Map([
            ['a', 0],
            ['b', 512],
          ]),
        ),
      },
      { group: group('b'), batches: batchesOf(new Map([['c', 1024]])) },
    ]);
    expect([...entries.runs()].map(({ from, to }) => [from, to])).toEqual([
      [0, 2],
      [0, 1],
    ]);
    expect(namesOf(entries)).toEqual({ single: 'a\nb\nc\n', runs: 'a\nb\nc\n' });
  });

  test('gives groups that alternate in archive order', () => {
    const entries = new Entries([
      {
        group: group('a'),
        batches: batchesOf(
          new Map([
            ['1', 0],
            ['2', 512],
            ['5\xff', 2048],
          ]),
        ),
      },
      {
        group: group('b'),
        batches: batchesOf(
          new Map([
            ['3', 1024],
            ['4', 1536],
            ['6', 2560],
          ]),
        ),
      },
    ]);
    expect([...entries.runs()].map(({ from, to }) => [from, to])).toEqual([
      [0, 2],
      [0, 2],
      [2, 3],
      [2, 3],
    ]);
    const expected = '1\n2\n3\n4\n5\xff\n6\n';
    expect(namesOf(entries)).toEqual({ single: expected, runs: expected });
  });
});
