/**
 * Trees that are wide, deep and long beyond what anybody has, through the program.
 */
import { closeSync, mkdirSync, openSync, readdirSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { run, znip } from '../support/run.ts';
import { temporaryDirectory } from '../support/tree.ts';

const directory = temporaryDirectory();
const at = (name: string): string => join(directory, name);
const here = { cwd: directory };

test('20,000 entries in one directory come back', () => {
  mkdirSync(at('wide'));
  for (let i = 0; i < 20_000; i++) closeSync(openSync(at(`wide/${i}`), 'w'));
  expect(znip(['pack', '-q', 'wide', '-o', 'wide.znip'], here).status).toBe(0);
  expect(znip(['unpack', '-q', 'wide.znip', '-C', 'wide-out'], here).status).toBe(0);
  expect(readdirSync(at('wide-out/wide'))).toHaveLength(20_000);
});

test('as many levels as a name can have come back; what lies deeper is named', () => {
  // 5,000 levels are beyond PATH_MAX, so the tree is made by walking into it.
  const script = `for (const level of ['deep', ...Array(5000).fill('d')]) { fs.mkdirSync(level); process.chdir(level); }`;
  expect(run(process.execPath, ['-e', script], here)).toMatchObject({ status: 0, stderr: '' });
  const { status, stderr } = znip(['pack', 'deep', '-o', 'deep.znip'], here);
  expect(status).toBe(3);
  expect(stderr).toContain('longer than 4095 bytes');
  const unpacked = znip(['unpack', '-q', 'deep.znip', '-C', 'o'], here);
  expect(unpacked).toMatchObject({ status: 0, stderr: '' });
  run('rm', ['-rf', at('deep'), at('o')]);
});

test('a sparse file of 3 GB, all holes, comes back', () => {
  mkdirSync(at('sparse'));
  closeSync(openSync(at('sparse/f'), 'w'));
  truncateSync(at('sparse/f'), 3_000_000_000);
  expect(znip(['pack', '-q', 'sparse', '-o', 'sparse.znip'], here).status).toBe(0);
  expect(statSync(at('sparse.znip')).size).toBeLessThan(1_000_000);
  expect(znip(['verify', '-q', 'sparse.znip'], here).status).toBe(0);
});
