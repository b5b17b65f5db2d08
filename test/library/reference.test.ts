/**
 * docs/library.md: its reference is what the comments say, and names everything that is exported.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import * as library from 'znip';
import { run } from '../support/run.ts';

const project = fileURLToPath(new URL('../..', import.meta.url));

test('is up to date', () => {
  const { stderr, status } = run(process.execPath, ['scripts/reference.js', '--check'], { cwd: project });
  expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
});

test('has a section for each export, and an example for each function', () => {
  const page = readFileSync(join(project, 'docs/library.md'), 'utf8');
  for (const [name, value] of Object.entries(library)) {
    const isFunction = typeof value === 'function' && !/^class\b/.test(String(value));
    const section = new RegExp(`\\n### ${name}${isFunction ? '\\(\\)' : ''}\\n([^]*?)(?=\\n###? |$)`).exec(
      page,
    )?.[1];
    expect(section, name).toBeDefined();
    if (isFunction) expect(section?.match(/```ts\n/g), name).toHaveLength(2);
  }
});

test('few names: what a program may import', () => {
  expect(Object.keys(library).sort()).toEqual([
    'Archive',
    'DAMAGE',
    'Entry',
    'VERSION',
    'ZnipError',
    'diff',
    'extract',
    'merge',
    'open',
    'pack',
    'packTar',
    'repack',
    'repair',
    'verify',
  ]);
});
