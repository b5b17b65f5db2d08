/**
 * `znip info`: what it says of an archive, checked against the archive's own bytes.
 */
import { linkSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import type { ArchiveInfo } from 'znip/internal';
import { forgeArchive } from '../support/forge.ts';
import { lacks, run, znip } from '../support/run.ts';
import { noise, prose, temporaryDirectory } from '../support/tree.ts';

const directory = temporaryDirectory();
const at = (name: string): string => join(directory, name);
const here = { cwd: directory };

beforeAll(() => {
  mkdirSync(at('t/sub'), { recursive: true });
  writeFileSync(at('t/a.jar'), noise(150_000));
  writeFileSync(at('t/b'), prose(100_000));
  symlinkSync('b', at('t/link'));
  linkSync(at('t/b'), at('t/sub/hard'));
  const pack = ['pack', '-q', 't', '-o', 't.znip', '-5', '--chunk-size', '64K', '--repo', 'mine'];
  expect(znip(pack, here).status).toBe(0);
});

function info(name: string): ArchiveInfo {
  const { status, stdout, stderr } = znip(['info', '--json', name], here);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return JSON.parse(stdout) as ArchiveInfo;
}

test('--json says it all, exactly', () => {
  const result = info('t.znip');
  const archiveBytes = statSync(at('t.znip')).size;
  expect(result).toMatchObject({
    archive: 't.znip',
    formatVersion: '1.0',
    level: 5,
    chunkSize: 65536,
    members: 6,
    kinds: { file: 2, directory: 2, symlink: 1, hardlink: 1 },
    contentBytes: 250_000,
    archiveBytes,
    ratio: archiveBytes / 250_000,
  });
  expect(result.producer).toMatch(/^znip \d/);
  expect(result.codec).toContain('zstd');
  expect(result.groups).toMatchObject([
    { packageType: 'maven', repo: 'mine', members: 1, contentBytes: 150_000 },
    { packageType: 'plain', repo: 'mine', members: 5, contentBytes: 100_000 },
  ]);
  // The noise fills two chunks and the better part of a third; the other blobs are compressed.
  expect(result.blobs.stored).toBe(3);
  expect(result.blobs.count).toBeGreaterThan(result.blobs.stored);
});

test('the sections lie one after the other up to the end of the archive', () => {
  const { sections, indexBytes, archiveBytes, blobs } = info('t.znip');
  const bytes = readFileSync(at('t.znip'));
  expect(sections.map(({ section }) => section)).toEqual(['members', 'frames', 'manifest', 'footer']);
  const tags = sections.map(({ offset }) => bytes.toString('latin1', offset + 8, offset + 12));
  expect(tags).toEqual(['ZNSI', 'ZNFT', 'ZNMA', 'ZNFO']);
  let end = sections[0]?.offset ?? 0;
  expect(end).toBe(archiveBytes - indexBytes);
  for (const { offset, length } of sections) {
    expect(offset).toBe(end);
    end += length;
  }
  expect(end).toBe(archiveBytes);
  expect(sections.map(({ rows }) => rows)).toEqual([6, blobs.count, 3, 0]);
  expect(sections.map(({ groups }) => groups)).toEqual([2, 0, 0, 0]);
});

test.skipIf(lacks('b3sum'))('--root prints only the root hash: the BLAKE3 of the manifest', () => {
  const manifest = info('t.znip').sections.find(({ section }) => section === 'manifest');
  expect(manifest).toBeDefined();
  const { offset = 0, length = 0 } = manifest ?? {};
  writeFileSync(at('manifest'), readFileSync(at('t.znip')).subarray(offset, offset + length));
  const { status, stdout, stderr } = znip(['info', '--root', 't.znip'], here);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout).toBe(`${info('t.znip').rootHash}\n`);
  expect(stdout).toBe(run('b3sum', ['--no-names', 'manifest'], here).stdout);
});

test('for people', () => {
  const { status, stdout, stderr } = znip(['info', 't.znip'], here);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  const { rootHash } = info('t.znip');
  expect(stdout).toContain(`root hash      ${rootHash}\n`);
  expect(stdout).toContain('members        6\n  files        2\n  directories  2\n  symlinks     1\n');
  expect(stdout).toContain('content        244 KiB (250,000 bytes)\n');
  expect(stdout).toMatch(/\narchive size {3}\d+ KiB \(\d{3},\d{3} bytes\), \d\d\.\d % of the content\n/);
  expect(stdout).toContain('; 3 stored as they are, 147 KiB (');
  expect(stdout).toMatch(/\nGroups\n {2}type +repo +members +content +index\n {2}maven +mine +1 +146 KiB/);
  expect(stdout).toMatch(/\n {2}footer +[\d,]+ +88 +-\n$/);
});

test('many groups are cut short, unless -v', () => {
  for (let i = 0; i < 25; i++) {
    mkdirSync(at(`repos/r${i}`), { recursive: true });
    writeFileSync(at(`repos/r${i}/x`), '');
  }
  expect(znip(['pack', '-q', '-C', 'repos', '.', '-o', 'repos.znip', '--repo-from-dir'], here).status).toBe(
    0,
  );
  expect(znip(['info', 'repos.znip'], here).stdout).toContain('  and 5 more: -v shows them\n');
  const all = znip(['info', '-v', 'repos.znip'], here).stdout;
  expect(all).not.toContain('more');
  expect(all).toContain('  plain  r24 ');
});

test('an archive without members, and one that says nothing of its making', () => {
  writeFileSync(at('none.znip'), forgeArchive([]));
  expect(info('none.znip')).toMatchObject({ members: 0, ratio: null, producer: null, level: null });
  expect(znip(['info', 'none.znip'], here).stdout).toContain('producer       not recorded\n');
});

test('a damaged sub-index is status 4; its root hash can still be read', () => {
  const bytes = readFileSync(at('t.znip'));
  const offset = (info('t.znip').sections[0]?.offset ?? 0) + 40;
  bytes[offset] = (bytes[offset] ?? 0) ^ 1;
  writeFileSync(at('damaged.znip'), bytes);
  const { status, stdout, stderr } = znip(['info', 'damaged.znip'], here);
  expect({ status, stdout }).toEqual({ status: 4, stdout: '' });
  expect(stderr).toBe(`znip: the ZNSI section at byte ${offset - 40} is damaged: its hash does not match\n`);
  expect(znip(['info', '--root', 'damaged.znip'], here).status).toBe(0);
});
