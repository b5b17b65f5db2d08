/**
 * `ls --tree` of names that are deep: lines end at a depth, so that the drawing grows with the names.
 */
import { expect, test } from 'vitest';
import { drawTree, MOST_LEVELS } from '../../src/cli/ls/tree.ts';
import { KIND } from '../../src/format/values/entry.ts';
import { decodeSubIndex } from '../../src/format/tables/sub-index.ts';
import { SubIndexBuilder } from '../../src/format/tables/sub-index-builder.ts';
import { encodeTable } from '../../src/format/tables/table-writer.ts';
import { Entries } from '../../src/archive/entries.ts';

function draw(paths: readonly string[]): string[] {
  const builder = new SubIndexBuilder();
  for (const path of paths) {
    const member = { path, kind: KIND.directory, mode: 0o755, mtime: 0n, size: 0 };
    builder.append({ ...member, linkTarget: '', uid: null, gid: null }, 512, null);
  }
  const batches = decodeSubIndex(encodeTable(builder.columns(), new Map()));
  return [...drawTree(new Entries([{ group: { packageType: 'plain', repo: '' }, batches }]))];
}

/** Characters of the drawing of so many names that are so deep. */
function deep(depth: number, count: number): number {
  const paths = Array.from({ length: count }, (_, i) => `${i}/${'d/'.repeat(depth)}x`);
  return draw(paths).reduce((sum, line) => sum + line.length, 0);
}

test('siblings stand together, many and few, in the order in which they are listed', () => {
  const names = Array.from({ length: 20 }, (_, i) => `n${(7 * i) % 20}`);
  const lines = draw([...names.map((name) => `t/${name}`), ...names.map((name) => `t/${name}/x`)]);
  const expected = names.flatMap((name, i) => [
    `${i === 19 ? '└──' : '├──'} ${name}/\n`,
    `${i === 19 ? ' ' : '│'}   └── x/\n`,
  ]);
  expect(lines).toEqual(['t/\n', ...expected]);
});

test('what lies deeper than is drawn has the rest of its path in one line', () => {
  const top = Array.from({ length: MOST_LEVELS - 1 }, () => 'd').join('/');
  const lines = draw([`${top}/e`, `${top}/e/f`, `${top}/e/f/g`]);
  expect(lines.length).toBe(MOST_LEVELS + 2);
  expect(lines.slice(-3).map((line) => line.trimStart())).toEqual(['├── e/\n', '├── e/f/\n', '└── e/f/g/\n']);
});

test('twice as deep is at most a little more than twice the drawing, and twice the names as well', () => {
  expect(deep(1000, 50)).toBeLessThan(2.2 * deep(500, 50));
  expect(deep(2000, 50)).toBeLessThan(2.2 * deep(1000, 50));
  expect(deep(1000, 100)).toBeLessThan(2.2 * deep(1000, 50));
});
