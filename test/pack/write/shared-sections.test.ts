/**
 * Small groups share a section: whatever groups there are, each is read as it was packed, alone and with the others.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { openArchive } from 'znip/internal';
import { znip } from '../../support/run.ts';
import { temporaryDirectory } from '../../support/tree.ts';

const directory = temporaryDirectory();
const tree = join(directory, 'm');
const archive = join(directory, 'm.znip');
/** Files in each repo: around the number from which on a group has a section of its own. */
const SIZES = [1, 3, 4095, 2, 4094, 1, 1, 5000, 1, 40];
const repoOf = (i: number): string => `repo-${i}`;
const here = { cwd: tree };

beforeAll(() => {
  for (const [i, size] of SIZES.entries()) {
    mkdirSync(join(tree, repoOf(i)), { recursive: true });
    for (let k = 0; k < size; k++) writeFileSync(join(tree, repoOf(i), `${k}.txt`), k < 3 ? `${i} ${k}` : '');
  }
  writeFileSync(join(tree, repoOf(3), 'é.tgz'), 'another type');
  writeFileSync(Buffer.concat([Buffer.from(join(tree, repoOf(5), 'n')), Buffer.from([0xff])]), 'not UTF-8');
  expect(znip(['pack', '-q', '.', '-o', archive, '--repo-from-dir'], here)).toMatchObject({ status: 0 });
});

test('sections hold neighbours, up to 4,096 entries; larger groups have their own', () => {
  const { sections, groups } = JSON.parse(znip(['info', '--json', archive], here).stdout) as {
    sections: { section: string; rows: number; groups: number }[];
    groups: { members: number; indexBytes: number }[];
  };
  const held = sections.filter(({ section }) => section === 'members');
  expect(held.every(({ rows, groups: shared }) => shared === 1 || rows <= 4096)).toBe(true);
  expect(held.length).toBeLessThan(groups.length);
  const members = groups.reduce((sum, group) => sum + group.members, 0);
  expect(held.reduce((sum, { rows }) => sum + rows, 0)).toBe(members);
});

test('each group alone has its members, in the order of the archive', async () => {
  const opened = await openArchive(archive);
  try {
    for (const [i, size] of SIZES.entries()) {
      const entries = [...(await opened.entries({ packageTypes: ['plain'], repos: [repoOf(i)] }))];
      const names = Array.from({ length: size }, (_, k) => `${k}.txt`);
      if (i === 5) names.push('n\ufffd');
      const expected = names.sort().map((name) => `${repoOf(i)}/${name}`);
      expect(entries.map(({ path }) => path)).toEqual([repoOf(i), ...expected]);
      expect(entries.every(({ group }) => group.repo === repoOf(i))).toBe(true);
    }
  } finally {
    opened.close();
  }
});

test('all of them are listed, unpacked, verified and found', () => {
  const listed = znip(['ls', archive], here);
  const count = SIZES.reduce((sum, size) => sum + size + 1, 2);
  expect(listed.stdout.trimEnd().split('\n')).toHaveLength(count);
  expect(znip(['verify', archive], here)).toMatchObject({ status: 0 });
  expect(
    znip(['unpack', '-q', archive, '-C', '../out', '--repo', 'repo-0', '--repo', 'repo-9'], here),
  ).toMatchObject({
    status: 0,
  });
  expect(znip(['diff', archive, '.'], here)).toMatchObject({ status: 0, stdout: '' });
  expect(znip(['cat', archive, 'repo-3/é.tgz', 'repo-9/2.txt'], here).stdout).toBe('another type9 2');
});
