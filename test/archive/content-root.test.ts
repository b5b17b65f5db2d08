/**
 * The content root: the same for every archive of a tree, and another one after any change.
 */
import {
  chmodSync,
  linkSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { open } from 'znip';
import { forgeArchive } from '../support/forge.ts';
import { run, znip } from '../support/run.ts';
import { noise, prose, temporaryDirectory } from '../support/tree.ts';

const directory = temporaryDirectory();
const here = { cwd: directory };
const at = (name: string): string => join(directory, name);

function makeFiles(root: string): void {
  mkdirSync(at(`${root}/d/e`), { recursive: true });
  writeFileSync(at(`${root}/a.txt`), 'a');
  writeFileSync(at(`${root}/d/large`), noise(200_000));
  writeFileSync(at(`${root}/d/e/pkg.tgz`), prose(3000));
  writeFileSync(at(`${root}/empty`), '');
  symlinkSync('a.txt', at(`${root}/link`));
  linkSync(at(`${root}/d/large`), at(`${root}/another`));
  for (const name of ['a.txt', 'd/large', 'd/e/pkg.tgz', 'empty', 'd/e', 'd', '.']) {
    utimesSync(at(`${root}/${name}`), 1_700_000_000, 1_700_000_000.25);
  }
}

function contentRoot(archive: string): string {
  const { status, stdout, stderr } = znip(['info', '--content-root', archive], here);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout).toMatch(/^[0-9a-f]{64}\n$/);
  return stdout.trim();
}

function packed(name: string, ...args: string[]): string {
  expect(znip(['pack', '-q', '-o', name, ...args], here).status).toBe(0);
  return contentRoot(name);
}

makeFiles('t');
const expected = packed('t.znip', 't');

describe('is the same', () => {
  test.each([
    ['levels', ['-9', 't']],
    ['chunk sizes', ['--chunk-size', '64K', 't']],
    ['groups', ['--repo', 'r', '--type', 'npm', 't']],
    ['threads', ['-j', '1', 't']],
    [
      'order, and which name of a file comes first',
      ['t/empty', 't/d', 't/another', 't/link', 't/a.txt', 't'],
    ],
  ])('whatever the %s', (_, args) => {
    // A directory that is named after what it holds is recorded all the same.
    expect(packed('other.znip', ...args)).toBe(expected);
  });

  test('in the library, and when the archive is packed from its own tar stream', async () => {
    await using archive = await open(at('t.znip'));
    expect(await archive.contentRoot()).toBe(expected);
    // A tar stream has whole seconds.
    const seconds = packed('seconds.znip', '--mtime', '@1700000000', 't');
    expect(znip(['unpack', '--tar', 'seconds.tar', 'seconds.znip'], here).status).toBe(0);
    expect(packed('again.znip', '--tar', 'seconds.tar')).not.toBe(seconds);
    expect(packed('owned.znip', '--mtime', '@1700000000', '--owner', '0:0', 't')).toBe(
      contentRoot('again.znip'),
    );
  });
});

describe('is another one', () => {
  test.each<[string, (root: string) => void]>([
    ['content', (root) => writeFileSync(at(`${root}/a.txt`), 'b')],
    ['mode', (root) => chmodSync(at(`${root}/d/e`), 0o700)],
    ['time', (root) => utimesSync(at(`${root}/empty`), 1_700_000_000, 1_700_000_001)],
    ['name', (root) => renameSync(at(`${root}/empty`), at(`${root}/empty2`))],
    [
      'kind',
      (root) => {
        rmSync(at(`${root}/empty`));
        mkdirSync(at(`${root}/empty`));
      },
    ],
    [
      'target',
      (root) => {
        rmSync(at(`${root}/link`));
        symlinkSync('d', at(`${root}/link`));
      },
    ],
    [
      'link that is a copy',
      (root) => {
        rmSync(at(`${root}/another`));
        writeFileSync(at(`${root}/another`), noise(200_000));
        utimesSync(at(`${root}/another`), 1_700_000_000, 1_700_000_000.25);
      },
    ],
  ])('after a change of %s', (what, change) => {
    rmSync(at('u'), { recursive: true, force: true });
    expect(run('cp', ['-a', 't', 'u'], here).status).toBe(0);
    const before = packed('before.znip', '-C', 'u', '.');
    change('u');
    utimesSync(at('u'), 1_700_000_000, 1_700_000_000.25);
    expect(packed('after.znip', '-C', 'u', '.'), what).not.toBe(before);
  });

  test('with owners', () => {
    expect(packed('owner.znip', '--owner', '1:2', 't')).not.toBe(expected);
  });
});

test('of members with one name, the last one counts; a link to its own name changes nothing', () => {
  const roots = [
    [
      { path: 'a', content: 'x' },
      { path: 'a', content: 'y' },
    ],
    [{ path: 'a', content: 'y' }],
    [
      { path: 'a', content: 'y' },
      { path: 'a', kind: 'hardlink' as const, linkTarget: 'a' },
    ],
  ].map((members, i) => {
    writeFileSync(at(`forged-${i}`), forgeArchive(members));
    return contentRoot(`forged-${i}`);
  });
  expect(new Set(roots).size).toBe(1);
});
