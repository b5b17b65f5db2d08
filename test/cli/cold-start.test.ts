/**
 * What each command loads: V8's own list of the scripts of a run (NODE_V8_COVERAGE), and for the bundles the
 * sources that the build put into them. Modules are counted, not milliseconds.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, test } from 'vitest';
import { znip } from '../support/run.ts';
import { temporaryDirectory } from '../support/tree.ts';

const directory = temporaryDirectory();
const at = (name: string): string => join(directory, name);

beforeAll(() => {
  mkdirSync(at('t'));
  writeFileSync(at('t/a'), 'alpha');
  expect(znip(['pack', '-q', 't', '-o', 't.znip'], { cwd: directory }).status).toBe(0);
  writeFileSync(at('cut.znip'), readFileSync(at('t.znip')).subarray(0, -20));
});

/** What the build says is in each bundle. */
const MODULES = JSON.parse(
  readFileSync(new URL('../../dist/modules.json', import.meta.url), 'utf8'),
) as Record<string, string[]>;

function packageOf(path: string): string | undefined {
  return /(?:^|\/)node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1];
}

/** Packages, and sources of ours (`src/cli/main.ts`), that each thread of a run of znip loads. */
function loadedByThreads(args: readonly string[], status = 0): Set<string>[] {
  const coverage = at('coverage');
  rmSync(coverage, { recursive: true, force: true });
  const run = znip(args, { cwd: directory, env: { NODE_V8_COVERAGE: coverage } });
  expect(run.status, run.stderr).toBe(status);
  return readdirSync(coverage).map((file) => {
    const loaded = new Set<string>();
    const { result } = JSON.parse(readFileSync(join(coverage, file), 'utf8')) as {
      result: { url: string }[];
    };
    for (const { url } of result) {
      // The program's own bundles have the names of their files; see start.cjs.
      if (!url.startsWith('file:') && !url.startsWith('/')) continue;
      const path = url.startsWith('/') ? url : fileURLToPath(url);
      const name = packageOf(path);
      if (name !== undefined) loaded.add(name);
      for (const source of MODULES[basename(path)] ?? []) loaded.add(packageOf(source) ?? source);
    }
    return loaded;
  });
}

function loadedBy(args: readonly string[], status = 0): Set<string> {
  return new Set(loadedByThreads(args, status).flatMap((loaded) => [...loaded]));
}

const CODECS = ['@mongodb-js/zstd', 'blake3-wasm', 'src/codec/codec.ts'];
const THREADS = [
  'piscina',
  'src/pack/chunk/worker.ts',
  'src/pack/write/writer-thread.ts',
  'src/unpack/extract-worker.ts',
];
/** What writes tables, with all that it brings along. */
const WRITER = ['apache-arrow', 'flatbuffers', 'tslib', 'src/format/tables/table-writer.ts'];
const READ = 'src/archive/archive.ts';
const PACK = 'src/pack/run.ts';

test('the list is one of what is loaded', () => {
  const loaded = loadedBy(['ls', 't.znip', '*/a']);
  expect([...loaded]).toEqual(
    expect.arrayContaining(['src/cli/main.ts', 'src/cli/ls/run.ts', READ, 'commander', 'src/select/glob.ts']),
  );
  expect(CODECS.some((name) => loaded.has(name))).toBe(true);
});

test.each<[args: string[], status: number, not: string[]]>([
  [['--version'], 0, [...CODECS, ...THREADS, 'commander', ...WRITER, 'ora', READ, PACK]],
  [['--help'], 0, [...CODECS, ...THREADS, ...WRITER, 'ora', READ, PACK]],
  [['pack', '--help'], 0, [...CODECS, ...THREADS, ...WRITER, 'ora', READ, PACK]],
  [['pakc'], 2, [...CODECS, ...THREADS, ...WRITER, 'ora', READ, PACK]],
  [['--help'], 0, ['src/cli/args/outline.ts', 'src/cli/completion/bash.ts', 'src/cli/man/page.ts']],
  [
    ['completion', 'bash'],
    0,
    [...CODECS, ...WRITER, 'ora', READ, PACK, 'src/cli/completion/zsh.ts', 'src/cli/completion/fish.ts'],
  ],
  [['ls', 't.znip'], 0, [...THREADS, ...WRITER, 'ora', PACK, 'src/cli/ls/tree.ts']],
  [['ls', '--json', 't.znip'], 0, WRITER],
  [['info', 't.znip'], 0, [...THREADS, ...WRITER, 'ora', PACK]],
  [['cat', 't.znip', 't/a'], 0, [...THREADS, ...WRITER, 'ora', PACK]],
  [['diff', 't.znip', 't'], 0, [...THREADS, ...WRITER, 'ora', PACK]],
  [['pack', '-q', 't', '-o', 'small.znip'], 0, [...THREADS, 'ora', READ]],
  [
    ['unpack', '-q', 't.znip', '-C', 'out'],
    0,
    ['piscina', 'ora', ...WRITER, PACK, 'src/unpack-stream/unpack-stream.ts'],
  ],
  [['recover', '-q', 't.znip', '-C', 'recovered'], 0, WRITER],
  [['verify', '-q', 't.znip'], 0, ['ora', ...WRITER, PACK, 'src/cli/pack/run.ts']],
])('znip %j, status %i, loads only what it uses', (args, status, not) => {
  const loaded = loadedBy(args, status);
  expect(loaded.size).toBeGreaterThan(1);
  expect(not.filter((name) => loaded.has(name))).toEqual([]);
});

test.each<[args: string[], status: number]>([
  [['pack', '-q', 't', '-o', 'written.znip'], 0],
  [['ls', '--format', 'arrow', 't.znip'], 0],
  [['repair', '-q', 'cut.znip', '-o', 'repaired.znip'], 4],
])('znip %j, status %i, loads what writes tables', (args, status) => {
  expect([...loadedBy(args, status)]).toEqual(expect.arrayContaining(WRITER));
});

test('with threads, only the writer thread loads what writes tables', () => {
  writeFileSync(at('large'), Buffer.alloc(9 * 1024 * 1024));
  const threads = loadedByThreads(['pack', '-q', '-j', '2', 'large', '-o', 'large.znip']);
  expect(threads.length).toBeGreaterThan(2);
  const writers = threads.filter((loaded) => loaded.has('apache-arrow'));
  expect(writers.map((loaded) => loaded.has('src/pack/write/writer-thread.ts'))).toEqual([true]);
});
