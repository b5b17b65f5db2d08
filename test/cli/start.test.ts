/**
 * The program starts from compiled code, and without it: built by another Node.js, cut off, or of something else.
 */
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, test } from 'vitest';
import { run } from '../support/run.ts';
import { prose, temporaryDirectory } from '../support/tree.ts';

const project = fileURLToPath(new URL('../..', import.meta.url));
const directory = temporaryDirectory();
const at = (name: string): string => join(directory, name);
let cache = '';

beforeAll(() => {
  mkdirSync(at('bin'));
  cpSync(join(project, 'bin/znip.cjs'), at('bin/znip.cjs'));
  cpSync(join(project, 'dist'), at('dist'), {
    recursive: true,
    filter: (path) => !/\.map$|\/(?:types|man)$/.test(path),
  });
  symlinkSync(join(project, 'node_modules'), at('node_modules'));
  const found = readdirSync(at('dist')).find((name) => name.endsWith('.cache')) ?? '';
  cache = at(`dist/${found}`);
  // With this much content, threads are started, from compiled code as well.
  writeFileSync(at('content'), prose(9 * 1024 * 1024));
});

test.each<[string, () => void]>([
  ['that was made for it', () => {}],
  ['that is cut off', () => writeFileSync(cache, readFileSync(cache).subarray(0, 20_000))],
  ['that is something else', () => writeFileSync(cache, Buffer.alloc(100_000, 0xff))],
  ['that is empty', () => writeFileSync(cache, '')],
  ['that is not there', () => rmSync(cache)],
])('packs and unpacks from compiled code %s', (_, change) => {
  change();
  const znip = (...args: string[]): ReturnType<typeof run> =>
    run(process.execPath, [at('bin/znip.cjs'), ...args], { cwd: directory });
  expect(znip('pack', '-q', 'content', '-o', 'a.znip')).toMatchObject({ status: 0, stderr: '' });
  rmSync(at('out'), { recursive: true, force: true });
  expect(znip('unpack', '-q', 'a.znip', '-C', 'out', '-j2')).toMatchObject({ status: 0, stderr: '' });
  expect(readFileSync(at('out/content')).equals(readFileSync(at('content')))).toBe(true);
});
