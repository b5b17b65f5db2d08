/**
 * The report of a defect: its stack names files and lines of the sources, which whoever gets it can open.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { znip } from '../../support/run.ts';
import { temporaryDirectory } from '../../support/tree.ts';

const directory = temporaryDirectory();
const project = fileURLToPath(new URL('../../..', import.meta.url));

/** Places of the sources in a stack, each with the text of that line from its column on. */
function placesIn(stack: string): { file: string; code: string }[] {
  return [...stack.matchAll(/(src\/\S+\.ts):(\d+):(\d+)/g)].map(([, file = '', line, column]) => {
    const lines = readFileSync(join(project, file), 'utf8').split('\n');
    return { file, code: (lines[Number(line) - 1] ?? '').slice(Number(column) - 1) };
  });
}

test('a defect is reported with the lines of the sources', () => {
  const hook = join(directory, 'defect.cjs');
  writeFileSync(
    hook,
    `const fs = require('node:fs');
     const { fstatSync } = fs;
     fs.fstatSync = (fd, ...more) => {
       if (new Error().stack.includes('new FileSource')) throw new TypeError('made for this test');
       return fstatSync(fd, ...more);
     };`,
  );
  writeFileSync(join(directory, 'a.znip'), '');
  const run = znip(['ls', 'a.znip'], { cwd: directory, env: { NODE_OPTIONS: `--require ${hook}` } });
  expect(run.status).toBe(1);
  expect(run.stderr).toContain('znip: made for this test\nznip: this is a defect in znip');
  const places = placesIn(run.stderr);
  expect(places[0]?.file, run.stderr).toBe('src/io/source.ts');
  expect(places[0]?.code).toMatch(/^fstatSync\(/);
  expect(places.map(({ file }) => file)).toContain('src/cli/ls/run.ts');
  expect(run.stderr).not.toMatch(/dist\/\S+\.cjs:/);
});

test('every bundle has its map, without the text of the sources', () => {
  const bundles = Object.keys(JSON.parse(readFileSync(join(project, 'dist/modules.json'), 'utf8')) as object);
  expect(bundles.length).toBeGreaterThan(5);
  for (const bundle of bundles.filter((name) => name.endsWith('.cjs'))) {
    const file = join(project, 'dist', `${bundle}.map`);
    const map = JSON.parse(readFileSync(file, 'utf8')) as { sources: string[]; sourcesContent?: unknown };
    expect(map.sourcesContent, bundle).toBeUndefined();
    const own = map.sources.filter((source) => source.startsWith('../src/'));
    expect(
      own.filter((source) => !existsSync(join(project, 'dist', source))),
      bundle,
    ).toEqual([]);
  }
});
