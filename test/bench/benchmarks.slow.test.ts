/**
 * The benchmarks on trees of a few files: not how fast anything is, but that all of it is measured and told.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { selectMembers } from '../../bench/tree.js';
import { lacks, run } from '../support/run.ts';
import { temporaryDirectory } from '../support/tree.ts';

const directory = temporaryDirectory();
const tree = join(directory, 'tree');
mkdirSync(join(tree, 'below'), { recursive: true });
writeFileSync(join(tree, 'below', 'large.txt'), 'many words, '.repeat(20_000));
writeFileSync(join(tree, 'small.txt'), 'few words');
writeFileSync(join(tree, 'a name with [a] pattern.txt'), 'x'.repeat(1_000_000));

function bench(name: string, ...args: string[]) {
  const script = fileURLToPath(new URL(`../../bench/${name}.js`, import.meta.url));
  return run(process.execPath, [script, ...args]);
}

function readJson(file: string) {
  return JSON.parse(readFileSync(file, 'utf8'));
}

test('a small and the largest file are read alone, of those whose names are no patterns', () => {
  expect(selectMembers(tree)).toEqual({
    small: 'tree/small.txt',
    large: 'tree/below/large.txt',
    range: { start: 120_000 - 32_768, length: 65_536 },
  });
});

test.skipIf(lacks('tar', 'zstd', 'bsdtar'))(
  'every operation is measured by every contender, and told',
  () => {
    const json = join(directory, 'result.json');
    const peers = ['--peer', 'tar+zstd', '--without', 'tar+zstd -9', '--peer', 'bsdtar'];
    const options = ['--rounds', '1', '--work', directory, '--json', json, '--setting=-5', ...peers];
    const { status, stdout, stderr } = bench('compare', tree, ...options);
    expect({ status }, stderr).toEqual({ status: 0 });
    expect(stdout).toMatch(
      /^tree: 5 members, 1\.18 MiB\.\n\n- .*, working on .*\n- znip .*, tar .*, zstd .*\n/,
    );
    expect(stdout).toMatch(/^\| znip +\| .* \| +1\.00 \| .* \| +1\.000 \| .* \| +1 \|$/m);
    expect(stdout).toMatch(/^\| tar\+zstd -3 --long=27 +\| /m);
    expect(stdout).toMatch(/^#### Unpack from a pipe\n\n\| .*\n\| -+ \| -+: \| .*\n\| znip /m);
    expect(stdout).toContain('\nThe member is tree/small.txt.\n');

    const { versions, notInstalled, trees } = readJson(json);
    expect(Object.keys(versions)).toEqual(['znip', 'tar', 'zstd', 'bsdtar']);
    expect(notInstalled).toEqual([]);
    expect(trees).toHaveLength(1);
    const [{ contenders, runs, failures }] = trees;
    expect(failures).toEqual([]);
    for (const name of ['znip', 'tar+zstd -3', 'bsdtar']) {
      const turns = runs.filter(({ contender }: { contender: string }) => contender === name);
      expect(turns.map(({ operation }: { operation: string }) => operation)).toEqual([
        'pack',
        'unpack',
        'unpack-pipe',
        'list',
        'extract',
        'range',
      ]);
      for (const turn of turns) {
        expect(turn).toMatchObject({ round: 1, wallSeconds: expect.any(Number) });
        expect(turn.archiveBytes).toBeGreaterThan(0);
      }
    }
    expect(contenders).toEqual(
      expect.arrayContaining(['znip -1', 'znip -9 --chunk-size 64M', 'znip -5', 'tar+zstd -1']),
    );
    expect(contenders).not.toContain('tar+zstd -9');
  },
);

test('a peer that there is not is refused', () => {
  const { status, stdout, stderr } = bench('compare', tree, '--peer', 'rar');
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
  expect(stderr).toMatch(/^no peer is called rar: there are tar\+zstd, .*\n$/);
});

test('packing again is measured against packing, and gives the same archive', () => {
  const source = join(directory, 'grows');
  for (let i = 0; i < 8; i++) {
    mkdirSync(join(source, 'packages', `p${i}`), { recursive: true });
    writeFileSync(join(source, 'packages', `p${i}`, 'index.js'), `export const number = ${i};\n`);
  }
  const { status, stdout, stderr } = bench('grow', source, '--rounds', '1', '--work', directory);
  expect({ status }, stderr).toEqual({ status: 0 });
  expect(stdout).toMatch(/^\| nothing changed, --trust-mtime +\|/m);
  expect(stdout).toMatch(/^Taken over: 100\.0 % of the blobs' bytes; with 3 directories gone, [\d.]+ %\./m);
});

test('the parts of packing and unpacking are measured beside the whole', ({ skip }) => {
  const json = join(directory, 'limits.json');
  const { status, stdout, stderr } = bench(
    'limits',
    tree,
    '--rounds',
    '1',
    '--work',
    directory,
    '--json',
    json,
  );
  if (stderr.includes('ENOENT') && stderr.includes('dist/core')) skip('there is no native core');
  expect({ status }, stderr).toEqual({ status: 0 });
  expect(stdout).toMatch(/^\| znip unpack \| .* %\s+\|$/m);
  const { parts, runs } = readJson(json);
  const bytesOf = Object.fromEntries(
    parts.map(({ part, bytes }: { part: string; bytes: number }) => [part, bytes]),
  );
  expect(bytesOf).toMatchObject({
    'open, read and close files': 1_240_009,
    'BLAKE3 of every content': 1_240_009,
    'create, write and close files': 1_240_009,
  });
  expect(bytesOf['zstd, decompression']).toBeGreaterThan(1_240_009);
  expect(runs.map(({ command }: { command: string }) => command)).toEqual(['znip pack', 'znip unpack']);
});
