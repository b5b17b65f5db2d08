/**
 * Outputs that nobody reads: what was to be an archive ends with 128+13, as a program that SIGPIPE ends; a listing has
 * shown what somebody wanted to see.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { pack } from 'znip/internal';
import { run, ZNIP } from '../support/run.ts';
import { noise, temporaryDirectory } from '../support/tree.ts';

const directory = temporaryDirectory();
const BROKEN = 128 + 13;
const NODE = `'${process.execPath}' '${ZNIP}'`;

function bash(script: string): { status: number | null; stderr: string } {
  const { status, stderr } = run('bash', ['-c', script], { cwd: directory });
  return { status, stderr };
}

beforeAll(async () => {
  writeFileSync(join(directory, 'large'), noise(12_000_000));
  const names = Array.from({ length: 5000 }, (_, i) => `a-name-that-is-somewhat-long-${i}`);
  for (const name of names) writeFileSync(join(directory, name), '');
  await pack([...names, 'large'], { directory, output: join(directory, 'all.znip') });
});

test.each([
  ['pack to standard output', 'pack large -q'],
  ['on one thread', 'pack large -q -j1'],
  ['a tree', 'pack -q . -x all.znip'],
  ['a tar stream', 'unpack --tar - all.znip -q'],
])('%s: the status is 128+13, and nothing is said', (_, command) => {
  expect(bash(`${NODE} ${command} | head -c 10 >/dev/null; exit \${PIPESTATUS[0]}`)).toEqual({
    status: BROKEN,
    stderr: '',
  });
});

test.each([
  'ls all.znip',
  'ls -l all.znip',
  'ls --json all.znip',
  'cat all.znip large',
  'pack --dry-run -q .',
])('%s is a quiet success', (command) => {
  expect(bash(`${NODE} ${command} | head -c 10 >/dev/null; exit \${PIPESTATUS[0]}`)).toEqual({
    status: 0,
    stderr: '',
  });
});

test.each(['pack large -q', 'unpack --tar - all.znip -q'])(
  '%s: a standard output that is closed is an error',
  (command) => {
    const { status, stderr } = bash(`${NODE} ${command} >&-`);
    expect(stderr).toMatch(
      /^znip: standard output is closed, and (?:an archive|a tar stream) would be lost: /,
    );
    expect(status).toBe(1);
    expect(bash(`${NODE} ${command} >/dev/null`)).toEqual({ status: 0, stderr: '' });
  },
);
