/**
 * The benchmarks on trees of a few files: not how fast anything is, but that all of it is measured and told.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
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

describe('the members that are read alone', () => {
  test('are a small and the largest file, of those whose names are no patterns', () => {
    expect(selectMembers(tree)).toEqual({
      small: 'tree/small.txt',
      large: 'tree/below/large.txt',
      range: { start: 120_000 - 32_768, length: 65_536 },
    });
  });
});

describe.skipIf(lacks('tar', 'zstd', 'bsdtar'))('npm run bench', () => {
  const [json, svg, markdown] = ['result.json', 'plot.svg', 'tables.md'].map((name) => join(directory, name));
  const peers = ['--peer', 'tar+zstd', '--without', 'tar+zstd -9', '--peer', 'bsdtar'];

  test('measures every operation by every contender, and writes numbers, tables and a plot', () => {
    const outputs = ['--json', json ?? '', '--svg', svg ?? '', '--markdown', markdown ?? ''];
    const { status, stdout, stderr } = bench(
      'compare',
      tree,
      '--rounds',
      '1',
      '--work',
      directory,
      '--setting=-5',
      ...peers,
      ...outputs,
    );
    expect({ status, stderr }, stderr).toMatchObject({ status: 0 });
    expect(stdout).toContain('of 5 settings of peers have one of znip');

    const { machine, versions, notInstalled, corpora } = readJson(json ?? '');
    expect(machine).toMatchObject({ node: process.version, cores: expect.any(Number) });
    expect(Object.keys(versions)).toEqual(expect.arrayContaining(['znip', 'tar', 'zstd', 'bsdtar']));
    expect(notInstalled).toEqual([]);
    expect(corpora).toHaveLength(1);
    expect(corpora[0].failures).toEqual([]);
    const operations = ['pack', 'unpack', 'unpack-pipe', 'list', 'extract', 'range'];
    for (const contender of ['znip', 'tar+zstd -3', 'bsdtar']) {
      const turns = corpora[0].runs.filter((turn: { contender: string }) => turn.contender === contender);
      expect(turns.map(({ operation }: { operation: string }) => operation)).toEqual(operations);
      for (const turn of turns) {
        expect(turn).toMatchObject({ round: 1, wallSeconds: expect.any(Number) });
        expect(turn.archiveBytes).toBeGreaterThan(0);
      }
    }
    const contenders = corpora[0].contenders.map(({ name }: { name: string }) => name);
    expect(contenders).toEqual(
      expect.arrayContaining(['znip -1', 'znip -9 --chunk-size 64M', 'znip -5', 'tar+zstd -1']),
    );
    expect(contenders).not.toContain('tar+zstd -9');

    const drawing = readFileSync(svg ?? '', 'utf8');
    expect(drawing).toMatch(/^<svg .*<\/svg>\s*$/s);
    for (const text of ['Packing tree', 'MB/s', '% of the content', 'tar+zstd', 'bsdtar', machine.system]) {
      expect(drawing).toContain(text);
    }
    expect(drawing).toContain('fill="#ffffff"');
    expect(readFileSync(markdown ?? '', 'utf8')).toMatch(/^#### Unpack from a pipe$/m);
  });

  test('renders results that were written before into a document, leaving the rest of it', () => {
    const document = join(directory, 'document.md');
    writeFileSync(document, 'Before.\n\n<!-- begin of tree -->\nold\n<!-- end of tree -->\n\nAfter.\n');
    const plots = join(directory, 'plots.svg');
    const rendering = bench('render', json ?? '', '--into', document, '--svg', plots);
    expect(rendering).toMatchObject({ status: 0, stderr: '' });
    expect(readFileSync(join(directory, 'plots-tree.svg'), 'utf8')).toBe(readFileSync(svg ?? '', 'utf8'));
    const text = readFileSync(document, 'utf8');
    expect(text).toMatch(
      /^Before\.\n\n<!-- begin of tree -->\n\n!\[.*\]\(plots-tree\.svg\)\n\ntree: 5 members/,
    );
    expect(text).toMatch(/\n\n<!-- end of tree -->\n\nAfter\.\n$/);
    expect(text).not.toContain('old');
    expect(text).toMatch(/^\| tar\+zstd -3 +\|/m);
  });

  test('refuses a peer that there is not, and a document without a place', () => {
    const unknown = bench('compare', tree, '--peer', 'rar');
    expect(unknown).toMatchObject({ status: 1, stdout: '' });
    expect(unknown.stderr).toMatch(/^no peer is called rar: there are tar\+zstd, .*\n$/);
    const document = join(directory, 'empty.md');
    writeFileSync(document, 'Nothing.\n');
    const noPlace = bench('render', json ?? '', '--into', document);
    expect(noPlace.status).toBe(1);
    expect(noPlace.stderr).toContain('<!-- begin of tree -->');
    expect(readFileSync(document, 'utf8')).toBe('Nothing.\n');
  });
});

describe.skipIf(lacks('tar', 'zstd'))('the small benchmarks', () => {
  test('start-up is measured in multiples of a bare Node.js', () => {
    const json = join(directory, 'startup.json');
    const { status, stdout, stderr } = bench(
      'startup',
      '--rounds',
      '1',
      '--files',
      '150',
      '--work',
      directory,
      '--json',
      json,
    );
    expect({ status }, stderr).toEqual({ status: 0 });
    expect(stdout).toMatch(/^node -e 0 .* 1\.00 /m);
    const { members, commands, runs } = readJson(json);
    expect(members).toBe(154);
    expect(commands).toEqual(
      expect.arrayContaining([
        'node -e 0',
        'znip --version',
        'znip --help',
        'znip: list',
        'znip: one small member',
        'znip: pack 100 files',
        'znip: unpack 100 files',
        'tar+zstd -3: pack 100 files',
      ]),
    );
    expect(runs).toHaveLength(commands.length);
  });

  test('what is already compressed is copied, and its archive hardly larger', () => {
    const json = join(directory, 'incompressible.json');
    const { status, stderr } = bench(
      'incompressible',
      '--rounds',
      '1',
      '--megabytes',
      '16',
      '--work',
      directory,
      '--json',
      json,
    );
    expect({ status }, stderr).toEqual({ status: 0 });
    const { bytes, runs } = readJson(json);
    expect(bytes).toBe(16_000_000);
    const [copy, own] = runs;
    expect(copy).toMatchObject({ command: 'cp -r', archiveBytes: bytes });
    expect(own.command).toBe('znip');
    expect(own.archiveBytes / bytes).toBeGreaterThan(1);
    expect(own.archiveBytes / bytes).toBeLessThan(1.002);
  });
});
