/**
 * Repos are names of directories, and those are bytes: two that are shown alike are two.
 */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { openArchive, readInfo } from 'znip/internal';
import { decodeManifest, manifestColumns, type ManifestRow } from '../../../src/format/manifest.ts';
import { encodeTable } from '../../../src/format/tables/table-writer.ts';
import { znip } from '../../support/run.ts';
import { temporaryDirectory } from '../../support/tree.ts';

const directory = temporaryDirectory();
const here = { cwd: directory };
const SHOWN = 'r\ufffd';
const REPOS = ['r\xfe', 'r\xff', 'r\xc3\xa9'];

beforeAll(() => {
  for (const repo of REPOS) {
    const path = Buffer.from(`${join(directory, 'mirror')}/${repo}`, 'latin1');
    mkdirSync(path, { recursive: true });
    writeFileSync(Buffer.concat([path, Buffer.from('/file')]), repo);
  }
  expect(znip(['pack', '-q', '-C', 'mirror', '.', '-o', 'm.znip', '--repo-from-dir'], here).status).toBe(0);
});

test('each directory is a group of its own, by its bytes', async () => {
  const archive = await openArchive(join(directory, 'm.znip'));
  const { groups } = await readInfo(archive);
  expect(groups.map(({ repo, repoBytes, members }) => ({ repo, repoBytes, members }))).toEqual([
    { repo: 'r\u00e9', repoBytes: undefined, members: 2 },
    { repo: SHOWN, repoBytes: 'r\xfe', members: 2 },
    { repo: SHOWN, repoBytes: 'r\xff', members: 2 },
  ]);
  archive.close();
});

test('listings have the bytes in base64', () => {
  const { stdout } = znip(['info', '--json', 'm.znip'], here);
  const { groups } = JSON.parse(stdout) as { groups: Record<string, unknown>[] };
  expect(groups.map(({ repoBytes }) => repoBytes)).toEqual([undefined, 'cv4=', 'cv8=']);
  const listed = znip(['ls', '--json', 'm.znip'], here).stdout.trim().split('\n');
  const repos = new Set(listed.map((line) => (JSON.parse(line) as Record<string, unknown>)['repoBytes']));
  expect(repos).toEqual(new Set([undefined, 'cv4=', 'cv8=']));
});

test('a repo is chosen by the text that it is shown as, which may be that of two', () => {
  expect(znip(['ls', 'm.znip', '--repo', SHOWN], here).output.toString('latin1')).toBe(
    'r\xfe\nr\xfe/file\nr\xff\nr\xff/file\n',
  );
  expect(znip(['unpack', '-q', 'm.znip', '-C', 'out', '--repo', SHOWN], here).status).toBe(0);
  expect(readdirSync(join(directory, 'out'), { encoding: 'latin1' }).sort()).toEqual(['r\xfe', 'r\xff']);
});

test('repair and verify keep them apart', () => {
  expect(znip(['verify', '-q', 'm.znip'], here).status).toBe(0);
  expect(znip(['repair', '-q', 'm.znip', '-o', 'again.znip'], here).status).toBe(0);
  const root = (name: string): string => znip(['info', '--root', name], here).stdout;
  expect(root('again.znip')).toBe(root('m.znip'));
});

test.each([
  ['r', 'r', /'repo_bytes' that is UTF-8/],
  ['x', 'r\xff', /'repo' that is not how 'repo_bytes' is shown/],
])('a manifest whose columns contradict each other is refused: %s, %j', (repo, repoBytes, message) => {
  const row: ManifestRow = {
    section: 'members',
    packageType: 'plain',
    repo,
    repoBytes,
    indexOffset: 0,
    indexLength: 0,
    firstRow: 0,
    rowCount: 0,
    uncompressedBytes: 0,
    contentBytes: 0,
    firstPath: '',
    lastPath: '',
    checksum: new Uint8Array(32),
  };
  expect(() => decodeManifest(encodeTable(manifestColumns([row]), new Map()))).toThrow(message);
});
