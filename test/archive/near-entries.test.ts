/**
 * Looking for a member by its name reads only the part of the index that can have it.
 */
import { linkSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { open } from 'znip';
import { forgeArchive } from '../support/forge.ts';
import { znip } from '../support/run.ts';
import { noise, temporaryDirectory } from '../support/tree.ts';

const directory = temporaryDirectory();
const at = (name: string): string => join(directory, name);

// Each repo has a sub-index of its own, longer than what is read to open the archive.
for (let i = 0; i < 3; i++) {
  mkdirSync(at(`m/repo-${i}`), { recursive: true });
  for (let k = 0; k < 4200; k++) writeFileSync(at(`m/repo-${i}/${k}-${k * 7919}`), `${i} ${k}`);
}
writeFileSync(Buffer.concat([Buffer.from(at('m/repo-1/')), Buffer.from([0xff, 0x2e])]), 'not UTF-8');
linkSync(at('m/repo-0/0-0'), at('m/repo-2/linked'));
const packed = znip(['pack', '-q', '.', '-o', '../m.znip', '--repo-from-dir'], { cwd: at('m') });
const bytes = (): Buffer => readFileSync(at('m.znip'));

async function readsOf(name: string): Promise<{ text: string; reads: number; read: number }> {
  const whole = bytes();
  let reads = 0;
  let read = 0;
  await using archive = await open({
    size: whole.byteLength,
    read: (offset: number, length: number) => {
      reads += 1;
      read += length;
      return Promise.resolve(whole.subarray(offset, offset + length));
    },
  });
  const text = await new Response(archive.stream(name)).text();
  return { text, reads, read };
}

const far = (repo: number, file: number): string => `repo-${repo}/${file}-${file * 7919}`;

test('a content takes three reads: the end, one part of the index, one blob', async () => {
  expect(packed, packed.stderr).toMatchObject({ status: 0 });
  // A name in the first sub-index, which is not in the 64 KiB that are read first.
  const { text, reads, read } = await readsOf(far(0, 59));
  expect(text).toBe('0 59');
  expect(reads).toBeLessThanOrEqual(3);
  expect(read).toBeLessThan(bytes().byteLength);
});

test('hard links, names that are not UTF-8 and names that are not there are found as ever', async () => {
  expect((await readsOf('repo-2/linked')).text).toBe('0 0');
  await expect(readsOf('repo-2/missing')).rejects.toMatchObject({ code: 'no-match' });
  const cat = znip(['cat', '../m.znip', 'repo-1/*.'], { cwd: at('m') });
  expect(cat.stdout).toBe('not UTF-8');
  const { stdout, status } = znip(['cat', '../m.znip', far(1, 1), far(2, 2)], { cwd: at('m') });
  expect({ stdout, status }).toEqual({ stdout: '1 12 2', status: 0 });
});

test('every name is found', async () => {
  const whole = bytes();
  await using archive = await open({
    size: whole.byteLength,
    read: (offset: number, length: number) => Promise.resolve(whole.subarray(offset, offset + length)),
  });
  let number = 0;
  for await (const { path, pathBytes } of archive.entries()) {
    const isAsked = number++ % 97 === 0 && Buffer.from(path).equals(pathBytes);
    if (isAsked) expect((await archive.find(path))?.path).toBe(path);
  }
});

test('any number of groups may share a section', () => {
  const groups = 200_000;
  const forged = forgeArchive([{ path: 'a', content: noise(1_000_000) }], {
    // All but the first have no entries.
    manifest: ([members, frames]) => {
      const none = { ...members!, firstRow: 1, rowCount: 0, contentBytes: 0, firstPath: '', lastPath: '' };
      const others = Array.from({ length: groups }, (_, i) => ({ ...none, repo: `${i}` }));
      return [members!, ...others, frames!];
    },
  });
  writeFileSync(at('shared.znip'), forged);
  const here = { cwd: directory };
  expect(znip(['ls', 'shared.znip'], here)).toMatchObject({ status: 0, stdout: 'a\n', stderr: '' });
  expect(znip(['verify', '-q', 'shared.znip'], here)).toMatchObject({ status: 0, stderr: '' });
});
